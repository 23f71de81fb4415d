//! What can go wrong with the database, said so that an operator knows where to look.

use std::sync::Arc;

use sqlx::error::DatabaseError as _;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

use super::engine::Unfit;
use super::rehearsal::GivenUp;
use super::split::REFUSAL;
use crate::tables::Fault;

/// A failure of the database, of a row in it, or of the file that should be one.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("could not {doing}")]
    Query {
        /// What was attempted.
        doing: &'static str,
        /// What the driver says.
        #[source]
        source: sqlx::Error,
    },
    /// What several had written could not be committed.
    #[error(transparent)]
    Shared(Arc<Self>),
    /// A rehearsal could not be played to its end.
    #[error("the rehearsal was given up: {0}")]
    Rehearsal(GivenUp),
    /// A row that some writer left in a form that is not the column's.
    #[error("row {key:?} of table {table}: column {column} {fault}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The value of its first key column.
        key: String,
        /// The column.
        column: &'static str,
        /// What stands there.
        fault: Fault,
    },
    /// What the settings name cannot be used as the database.
    #[error("database {database}: {problem}")]
    Unusable {
        /// The file, or the server's address without the password.
        database: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A table of this name exists but lacks columns.
    #[error(
        "database {database}: table {table} lacks the columns {}; is this the monolith's database? \
         point DATABASE_URL at it, or let the monolith bring its tables up to date first",
        missing.join(", ")
    )]
    ForeignTable {
        /// The file, or the server's address without the password.
        database: String,
        /// The table.
        table: &'static str,
        /// The columns that are not there.
        missing: Vec<&'static str>,
    },
    /// A later build has changed the service's own tables.
    #[error(
        "database {database}: the service's own tables are of version {found}, and this build knows no later one than {known}; \
         start the build that changed them, or a later one"
    )]
    Newer {
        /// The file, or the server's address without the password.
        database: String,
        /// The version of the tables.
        found: i64,
        /// The last version that this build knows.
        known: i64,
    },
}

impl StoreError {
    /// A failed query.
    pub fn query(doing: &'static str, source: sqlx::Error) -> Self {
        Self::Query { doing, source }
    }

    /// The failure itself, whoever shares it.
    fn cause(&self) -> &Self {
        if let Self::Shared(error) = self { error.cause() } else { self }
    }

    /// What kept a rehearsal from its end; none where it is no fault of the time limits.
    pub fn given_up(&self) -> Option<GivenUp> {
        match self.cause() {
            Self::Rehearsal(why) => Some(*why),
            // SQLITE_INTERRUPT: only the deadline of rehearsals interrupts.
            Self::Query { source, .. } if code(source) == Some(9) => Some(GivenUp::TooLong),
            _ => None,
        }
    }

    /// Whether a row was not written because there is one with the same key or name.
    pub fn is_taken(&self) -> bool {
        let Self::Query { source, .. } = self.cause() else { return false };
        source.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    /// Whether a row is at fault, and not the database: another try would find the same.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    /// Whether a value of the request was one that its column cannot hold: too long, too large, of another type. SQLite
    /// stores any.
    pub fn is_unfit(&self) -> bool {
        let Self::Query { source, .. } = self else { return false };
        match source {
            sqlx::Error::Encode(why) => why.is::<Unfit>(),
            // The class of data exceptions.
            source => state(source).is_some_and(|state| state.starts_with("22")),
        }
    }

    /// Whether the tables are about to move to another database, or have moved: this one takes no writes.
    pub fn has_moved(&self) -> bool {
        let Self::Query { source, .. } = self.cause() else { return false };
        source.as_database_error().is_some_and(|said| said.message().starts_with(REFUSAL))
    }

    /// Whether the database was held by somebody else for longer than the busy time-out, could not be reached, or is about to
    /// move: worth another try.
    pub fn is_busy(&self) -> bool {
        let Self::Query { source, .. } = self.cause() else { return false };
        match source {
            _ if self.has_moved() => true,
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => true,
            // SQLITE_BUSY and SQLITE_LOCKED.
            source if matches!(code(source), Some(5 | 6)) => true,
            source => {
                state(source).is_some_and(|state| WORTH_ANOTHER_TRY.contains(&state.as_str()))
            }
        }
    }
}

/// PostgreSQL's: serialization failure, deadlock, too many connections, lock not available, query canceled (by its time-out),
/// and the three of a server that goes down or comes up.
const WORTH_ANOTHER_TRY: [&str; 8] =
    ["40001", "40P01", "53300", "55P03", "57014", "57P01", "57P02", "57P03"];

/// SQLite's code without what extends it.
fn code(error: &sqlx::Error) -> Option<i32> {
    let error = error.as_database_error()?.try_downcast_ref::<SqliteError>()?;
    Some(error.code()?.parse::<i32>().ok()? & 0xff)
}

/// PostgreSQL's code.
fn state(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    Some(error.code().to_owned())
}
