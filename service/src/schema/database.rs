//! An open database to look at: read-only, one short statement at a time.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, SqliteConnection};

use super::rows::RowFaults;
use super::sample::{Readable, Sample};
use super::shape::{self, Engine, Schema};
use super::{postgres, sqlite};
use crate::tables::own::versions::SchemaVersion;
use crate::tables::{Record as _, Table};

/// The longest wait for another program's lock; theirs, for one of ours, is over with the statement.
const LOCK: Duration = Duration::from_secs(5);

/// What was asked, where it failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing}")]
pub struct LookError {
    doing: String,
    source: sqlx::Error,
}

impl LookError {
    /// A statement that failed; `doing` is what it was for.
    pub fn new(doing: impl Into<String>, source: sqlx::Error) -> Self {
        Self { doing: doing.into(), source }
    }
}

/// An open database.
#[derive(Debug)]
pub enum Database {
    /// A file.
    Sqlite(SqliteConnection),
    /// A server's.
    Postgres(PgConnection),
}

impl Database {
    /// Opens a file that is there, for reading only.
    pub async fn open_file(path: &Path) -> Result<Self, LookError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(LOCK);
        let opened = options.disable_statement_logging().connect().await;
        opened.map(Self::Sqlite).map_err(|source| LookError::new("open the file", source))
    }

    /// Connects to a server, for reading only: whatever is sent, nothing is written, and nobody is waited for longer than a moment.
    pub async fn connect(options: PgConnectOptions) -> Result<Self, LookError> {
        let lock = LOCK.as_millis().to_string();
        let settings = [
            ("default_transaction_read_only", "on"),
            ("lock_timeout", lock.as_str()),
            ("timezone", "UTC"),
            // As many digits as a double has.
            ("extra_float_digits", "1"),
            ("datestyle", "ISO"),
        ];
        let options = options.application_name("migrate").options(settings);
        let connected = options.disable_statement_logging().connect().await;
        connected.map(Self::Postgres).map_err(|source| LookError::new("connect", source))
    }

    /// Which kind it is.
    pub const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// The tables that it has.
    pub async fn schema(&mut self) -> Result<Schema, LookError> {
        let read = match self {
            Self::Sqlite(connection) => sqlite::read(connection).await,
            Self::Postgres(connection) => postgres::read(connection).await,
        };
        read.map_err(|source| LookError::new("look at the tables", source))
    }

    /// The version of the service's own tables that is recorded; none where no service has recorded one.
    pub async fn own_version(&mut self, found: &Schema) -> Result<Option<i64>, LookError> {
        let table = SchemaVersion::TABLE.name;
        if !found.tables.contains_key(table) {
            return Ok(None);
        }
        let sql = format!("SELECT CAST(max(version) AS BIGINT) FROM {table}");
        let read = match self {
            Self::Sqlite(connection) => {
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await
            }
            Self::Postgres(connection) => {
                sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(connection).await
            }
        };
        let doing = "read the version of the service's own tables";
        read.map_err(|source| LookError::new(doing, source))
    }

    /// Looks at rows of a table of the service, as far as the columns are there.
    pub async fn look(
        &mut self,
        table: &'static Table,
        found: &shape::Table,
        sample: Sample,
        faults: &mut RowFaults,
    ) -> Result<(), LookError> {
        let Some(readable) = Readable::of(table, found) else { return Ok(()) };
        let read = match self {
            Self::Sqlite(database) => readable.read_sqlite(database, sample, faults).await,
            Self::Postgres(database) => readable.read_postgres(database, sample, faults).await,
        };
        read.map_err(|source| LookError::new(format!("read rows of {}", table.name), source))
    }
}
