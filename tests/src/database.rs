//! A SQLite file of a test's own, named as the monolith and the service name it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{programs, stack};

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

    /// Where the database of a twin is: beside this one.
    #[must_use]
    pub fn clone_of(&self) -> Self {
        Self { path: self.path.with_file_name("twin.db") }
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

impl Database {
    /// Runs one SQL statement with text parameters, as a third program beside the backends, and returns the rows as JSON. Python's
    /// SQLite is used so that no code under test is in between.
    pub async fn query(&self, sql: &str, parameters: &[&str]) -> Vec<Vec<Value>> {
        const SCRIPT: &str = "import json, sqlite3, sys\n\
            with sqlite3.connect(sys.argv[1], timeout=15) as db:\n    \
            print(json.dumps(db.execute(sys.argv[2], sys.argv[3:]).fetchall()))";
        let mut python = Command::new(programs::python());
        python.args(["-c", SCRIPT]).arg(&self.path).arg(sql).args(parameters);
        let output = stack::run(python).await;
        assert_eq!(output.code, Some(0), "{sql}: {}", output.stderr);
        serde_json::from_str(&output.stdout).unwrap()
    }
}
