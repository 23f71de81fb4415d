//! A copy of the last good text on the proxy's own disk: what it starts from while the database is down.

use std::io;
use std::path::{Path, PathBuf};

use routes::store::{StoreError, TableFile, write_whole};

/// Begins the first line; the place follows.
const HEAD: &str = "# A copy for the time while the database is down, of ";

/// Where the copy is, and of what.
#[derive(Debug, Clone)]
pub struct LocalCopy {
    path: PathBuf,
    place: PathBuf,
}

/// What was found of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Copied {
    /// The text.
    Text(String),
    /// Nothing was copied yet.
    Nothing,
    /// The file is no copy of this table.
    Foreign,
}

impl LocalCopy {
    pub(crate) fn new(path: PathBuf, place: &Path) -> Self {
        Self { path, place: place.to_owned() }
    }

    /// The file. It can be used as a table, too.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// I/O.
    pub fn keep(&self, text: &str) -> Result<(), StoreError> {
        write_whole(&self.path, format!("{}{text}", self.head()).as_bytes())
    }

    /// Reads it.
    ///
    /// # Errors
    /// It can't be read, is too long, or is no UTF-8.
    pub fn read(&self) -> Result<Copied, StoreError> {
        match TableFile::new(&self.path).read() {
            Ok(text) => Ok(match text.strip_prefix(&self.head()) {
                Some(text) => Copied::Text(text.to_owned()),
                None => Copied::Foreign,
            }),
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Copied::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    fn head(&self) -> String {
        format!("{HEAD}{}\n", self.place.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_read_as_it_was_kept_and_only_for_its_own_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routes.toml.copy");
        let copy = LocalCopy::new(path.clone(), Path::new("postgres://db/x?table=main"));
        assert_eq!(copy.read().unwrap(), Copied::Nothing);
        copy.keep("format = 1\n").unwrap();
        copy.keep("format = 1\n# ü\n").unwrap();
        assert_eq!(copy.read().unwrap(), Copied::Text("format = 1\n# ü\n".to_owned()));
        let other = LocalCopy::new(path.clone(), Path::new("postgres://db/x?table=other"));
        assert_eq!(other.read().unwrap(), Copied::Foreign);
        let as_a_table = std::fs::read_to_string(path).unwrap();
        assert!(as_a_table.starts_with("# ") && as_a_table.ends_with("\nformat = 1\n# ü\n"));
    }
}
