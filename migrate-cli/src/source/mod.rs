//! What the source of a Python monolith says about its tables: SQLModel and SQLAlchemy classes, read without running Python.
//!
//! files → [`scan::classes`] → [`tables`] → [`columns`] → [`types`].

pub(crate) mod tables;
pub(crate) mod columns;
pub(crate) mod types;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scan::classes::Classes;
use service::schema::Schema;
use walkdir::{DirEntry, WalkDir};

use crate::failure::Failure;

/// Larger files are not read: nobody wrote them by hand.
const LARGEST: u64 = 4 << 20;
/// Folders that hold other people's code, or none.
const LEFT_OUT: &[&str] = &["node_modules", "site-packages", "__pycache__", "venv"];

/// What was found in a folder of Python files.
#[derive(Debug)]
pub(crate) struct Source {
    /// The tables.
    pub(crate) schema: Schema,
    /// Where each is declared: `FILE:LINE`.
    pub(crate) places: BTreeMap<String, String>,
    /// How many files were read.
    pub(crate) files: usize,
    /// What could not be understood, with its place.
    pub(crate) notes: Vec<String>,
}

/// Reads every Python file below a folder.
pub(crate) fn read(folder: &Path) -> Result<Source, Failure> {
    if !folder.is_dir() {
        return Err(Failure::Usage {
            message: format!("--source: there is no folder {}", folder.display()),
            help: "give the folder of the monolith's Python source".to_owned(),
        });
    }
    let mut notes = Vec::new();
    let mut found = Classes::default();
    let mut files = 0;
    for path in python_files(folder, &mut notes) {
        let shown = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        match std::fs::read(&path) {
            Ok(bytes) => {
                files += 1;
                let mistake = found.add(&shown, &String::from_utf8_lossy(&bytes));
                notes.extend(mistake.map(|it| format!("{shown}:{}: {}", it.line, it.what)));
            }
            Err(problem) => notes.push(format!("{shown}: {problem}")),
        }
    }
    if files == 0 {
        return Err(Failure::Usage {
            message: format!("--source: {} has no Python files", folder.display()),
            help: "give the folder of the monolith's Python source".to_owned(),
        });
    }
    let (tables, places) = tables::of(&found, &mut notes);
    Ok(Source { schema: Schema { engine: None, tables }, places, files, notes })
}

/// In the order of their names, so that the same folder always reads the same.
fn python_files(folder: &Path, notes: &mut Vec<String>) -> Vec<PathBuf> {
    let is_wanted = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || LEFT_OUT.contains(&name.as_ref()))
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(is_wanted) {
        match entry {
            Ok(entry) if entry.path().extension().is_some_and(|extension| extension == "py") => {
                match entry.metadata() {
                    Ok(about) if about.len() > LARGEST => notes.push(format!(
                        "{}: left out, it has {} bytes",
                        entry.path().display(),
                        about.len()
                    )),
                    Ok(about) if about.is_file() => files.push(entry.into_path()),
                    Ok(_) => {}
                    Err(problem) => notes.push(problem.to_string()),
                }
            }
            Ok(_) => {}
            Err(problem) => notes.push(problem.to_string()),
        }
    }
    files
}

#[cfg(test)]
mod tests;
