//! Compares what a mirrored write left in the two databases.
//!
//! The clone has a log of its own that triggers keep of which rows change. After a write, the rows of either database that
//! mention one of its objects are read and laid side by side ([`sides`]); `compare` does the rest, with the route's rules.
//! The shared database is only ever read, by the pairing's identifiers: nothing is made in it. Each kind of database
//! ([`sqlite`], [`postgres`]) has short time-outs of its own; where one can't be read, rows are not compared, and the log
//! says why.

mod schema;
mod row;
mod trouble;
mod sqlite;
mod postgres;
mod sides;

use std::path::Path;

use routes::policy::TwinSettings;

pub(super) use row::Change;
pub(super) use sides::{Sides, differences, with_times};

/// The two databases of a twin. Clones share their connections.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    /// Files.
    Sqlite(sqlite::Databases),
    /// Databases of servers.
    Postgres(postgres::Databases),
}

/// Asks whichever kind of database it is.
macro_rules! ask {
    ($rows:expr, $databases:ident => $question:expr) => {
        match $rows {
            Self::Sqlite($databases) => $question.await,
            Self::Postgres($databases) => $question.await,
        }
    };
}

impl Rows {
    /// Paths in the settings are relative to the route table's folder. Nothing is opened before it is needed.
    pub(super) fn new(settings: &TwinSettings, folder: &Path) -> Self {
        if settings.clone.starts_with("sqlite://") {
            Self::Sqlite(sqlite::Databases::new(settings, folder))
        } else {
            Self::Postgres(postgres::Databases::new(settings))
        }
    }

    /// Where the log of changes stands.
    pub(super) async fn mark(&self) -> Option<i64> {
        ask!(self, databases => databases.mark())
    }

    /// What has changed in the clone since.
    pub(super) async fn changed_since(&self, mark: i64) -> Option<Vec<Change>> {
        ask!(self, databases => databases.changed_since(mark))
    }

    /// The rows that mention one of these identifiers, in both databases.
    pub(super) async fn read(&self, old: Vec<String>, new: Vec<String>) -> Option<Sides> {
        ask!(self, databases => databases.read(old, new))
    }

    /// Columns that hold times, as `(table, column)`.
    pub(super) async fn times(&self) -> Option<Vec<(String, String)>> {
        ask!(self, databases => databases.times())
    }
}
