//! The Python files below a folder: what Git ignores is left out, and so is what is hidden or other people's code.

use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

/// Larger files are not read: nobody wrote them by hand.
const LARGEST: u64 = 1 << 20;
/// Folders that hold other people's code, or none.
const LEFT_OUT: &[&str] = &["node_modules", "site-packages", "__pycache__", "venv"];

/// What there is.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order of their names, so that the same folder always reads the same.
    pub(crate) files: Vec<PathBuf>,
    /// What could not be looked at or was left out for its size.
    pub(crate) notes: Vec<String>,
}

/// Finds them.
pub(crate) fn python(folder: &Path) -> Found {
    let mut found = Found::default();
    let is_wanted = |entry: &DirEntry| {
        entry.depth() == 0 || !LEFT_OUT.iter().any(|name| entry.file_name() == *name)
    };
    let walk = WalkBuilder::new(folder)
        .require_git(false)
        .filter_entry(is_wanted)
        .sort_by_file_name(Ord::cmp)
        .build();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(problem) => {
                found.notes.push(problem.to_string());
                continue;
            }
        };
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        if !is_file || entry.path().extension().is_none_or(|extension| extension != "py") {
            continue;
        }
        match entry.metadata() {
            Ok(about) if about.len() > LARGEST => {
                let path = entry.path().display();
                found.notes.push(format!("{path}: left out, it has {} bytes", about.len()));
            }
            Ok(_) => found.files.push(entry.into_path()),
            Err(problem) => found.notes.push(problem.to_string()),
        }
    }
    found
}
