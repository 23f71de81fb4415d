//! A SQLite file of a test's own, named as the monolith and the service name it.

use std::path::{Path, PathBuf};

/// The shared database of a stack. The file is made by whichever backend starts first.
#[derive(Debug, Clone)]
pub struct Database {
    path: PathBuf,
}

impl Database {
    /// A database in `folder` that does not exist yet.
    pub fn fresh(folder: &Path) -> Self {
        Self { path: folder.join("shared.db") }
    }

    /// Where the file is, or will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// As `DATABASE_URL` wants it: SQLAlchemy's form.
    pub fn url(&self) -> String {
        format!("sqlite:///{}", self.path.display())
    }
}
