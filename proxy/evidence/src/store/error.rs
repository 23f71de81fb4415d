//! What goes wrong with a store, and what that means.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;

/// A store that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database says no.
    #[error("{trouble}; failed to {doing}: {source}", trouble = trouble(source))]
    Database {
        /// What was tried.
        doing: &'static str,
        /// What it says.
        #[source]
        source: sqlx::Error,
    },
    /// The tables can't be made.
    #[error("failed to prepare the tables of evidence: {0}")]
    Migrate(#[source] MigrateError),
    /// A newer program was here.
    #[error(
        "the store has version {0} of the tables of evidence, which this program does not know; use the newer program, or another store"
    )]
    Newer(i64),
    /// Some other program's file.
    #[error("{0} belongs to another program; name another file in [evidence] url")]
    Foreign(PathBuf),
    /// No address of a store.
    #[error("the [evidence] url names no database: {0}")]
    Address(#[source] sqlx::Error),
    /// A row that no proxy wrote.
    #[error("table {table} has a row that can't be read: {problem}")]
    Row {
        /// Where.
        table: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// It took too long.
    #[error("the store did not answer in time")]
    TimeOut,
    /// A damaged file can't be put aside.
    #[error("{path} is damaged and can't be renamed")]
    SetAside {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What sort of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No room.
    Full,
    /// Somebody else holds it.
    Locked,
    /// It may not be written.
    ReadOnly,
    /// It is no database any more.
    Damaged,
    /// It is not there.
    Unreachable,
    /// Anything else.
    Other,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Full => "the disk is full",
            Self::Locked => "the store is locked by somebody else",
            Self::ReadOnly => "the store can't be written",
            Self::Damaged => "the store is damaged",
            Self::Unreachable => "the store can't be reached",
            Self::Other => "the store does not work",
        })
    }
}

impl StoreError {
    /// For `map_err`.
    pub(crate) fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { doing, source }
    }

    /// What sort of trouble it is.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Database { source, .. }
            | Self::Migrate(
                MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _),
            ) => trouble(source),
            Self::TimeOut => Trouble::Unreachable,
            _ => Trouble::Other,
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::Newer(version),
            error => Self::Migrate(error),
        }
    }
}

fn trouble(error: &sqlx::Error) -> Trouble {
    match error {
        sqlx::Error::Database(error) => error.code().map_or(Trouble::Other, |code| {
            if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                code.parse().map_or(Trouble::Other, of_sqlite)
            } else {
                of_postgres(&code)
            }
        }),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
            Trouble::Unreachable
        }
        _ => Trouble::Other,
    }
}

/// <https://www.sqlite.org/rescode.html>; the low byte is the primary code.
fn of_sqlite(code: i64) -> Trouble {
    match code & 0xff {
        5 | 6 => Trouble::Locked,
        8 => Trouble::ReadOnly,
        11 | 26 => Trouble::Damaged,
        13 => Trouble::Full,
        14 => Trouble::Unreachable,
        _ => Trouble::Other,
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_postgres(code: &str) -> Trouble {
    match code {
        "53100" => Trouble::Full,
        "55P03" | "40P01" | "57014" => Trouble::Locked,
        "25006" | "42501" => Trouble::ReadOnly,
        "XX001" | "XX002" => Trouble::Damaged,
        _ if ["08", "28", "3D", "53", "57"].iter().any(|class| code.starts_with(class)) => {
            Trouble::Unreachable
        }
        _ => Trouble::Other,
    }
}
