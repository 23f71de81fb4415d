//! What the source of a Python monolith says about its tables: SQLModel and SQLAlchemy classes, read without running Python.
//!
//! files → [`scan::classes`] → [`tables`] → [`columns`] → [`types`].

pub(crate) mod tables;
pub(crate) mod columns;
pub(crate) mod types;

use std::collections::BTreeMap;
use std::path::Path;

use scan::classes::Classes;
use service::schema::Schema;

use crate::failure::Failure;
use crate::monolith::files;

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
pub(crate) async fn read(folder: &Path) -> Result<Source, Failure> {
    if !folder.is_dir() {
        return Err(Failure::Usage {
            message: format!("--source: there is no folder {}", folder.display()),
            help: "give the folder of the monolith's Python source".to_owned(),
        });
    }
    let files::Found { files: paths, mut notes } = files::find(folder, files::is_python).await;
    let mut found = Classes::default();
    let mut files = 0;
    for path in paths {
        let shown = files::below(folder, &path);
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

#[cfg(test)]
mod tests;
