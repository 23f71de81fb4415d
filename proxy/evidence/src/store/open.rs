//! Opens a store: makes its tables, refuses what is newer or somebody else's, and puts a damaged file aside.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use chrono::Utc;
use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::sql::Connection;
use super::{Location, Store, StoreError, Trouble};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The `application_id` of our files; see the first migration.
const APPLICATION: i64 = 0x5346_4556;
/// Longest wait for a lock that another program holds.
const LOCK_LIMIT: Duration = Duration::from_secs(1);
/// The write-ahead log is cut to this after a checkpoint, bytes.
const LOG_BYTES: &str = "4194304";

impl Store {
    /// Opens the store and brings its tables up to date. `None`: there is none yet, and none is to be made.
    pub(crate) async fn open(
        location: &Location,
        proxy: &str,
        create: bool,
    ) -> Result<Option<Self>, StoreError> {
        let connection = match location {
            Location::Sqlite(path) if !create && !path.exists() => return Ok(None),
            Location::Sqlite(path) => match sqlite(path).await {
                Err(error) if error.trouble() == Trouble::Damaged => {
                    set_aside(path)?;
                    sqlite(path).await?
                }
                opened => opened?,
            },
            Location::Postgres(url) => postgres(url).await?,
        };
        Ok(Some(Self { connection, proxy: proxy.to_owned() }))
    }
}

async fn sqlite(path: &Path) -> Result<Connection, StoreError> {
    if path.exists() {
        refuse_foreign(path).await?;
    } else {
        // Examples are nobody else's business. Where it fails, SQLite says why.
        let _made = File::options().create_new(true).write(true).mode(0o600).open(path);
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(LOCK_LIMIT)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        // A crash of the machine may cost the last second, and never the file.
        .synchronous(SqliteSynchronous::Normal)
        .pragma("journal_size_limit", LOG_BYTES)
        .disable_statement_logging();
    let connection = options.connect().await.map_err(StoreError::database("open the file"))?;
    let mut connection = Connection::Sqlite(connection);
    if let Connection::Sqlite(connection) = &mut connection {
        SQLITE.run_direct(None, connection, false).await?;
    }
    Ok(connection)
}

/// Looks before anything is changed: a mistaken `url` may name the monolith's own database.
async fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    let doing = "look at the file";
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(LOCK_LIMIT)
        .disable_statement_logging();
    let connection = options.connect().await.map_err(StoreError::database("open the file"))?;
    let mut connection = Connection::Sqlite(connection);
    let application = connection.number(doing, "PRAGMA application_id", []).await?;
    let tables = connection.number(doing, "SELECT count(*) FROM sqlite_master", []).await?;
    connection.close().await;
    if application != Some(APPLICATION) && tables > Some(0) {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    Ok(())
}

async fn postgres(url: &str) -> Result<Connection, StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(StoreError::Address)?
        .application_name("strangler-proxy")
        .options([
            ("search_path", "strangler_evidence"),
            ("statement_timeout", "4s"),
            ("lock_timeout", "1s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("client_min_messages", "warning"),
        ])
        .disable_statement_logging();
    let connection = options.connect().await.map_err(StoreError::database("connect"))?;
    let mut connection = Connection::Postgres(connection);
    // Asked first, because making it takes a right that using it does not.
    let known = "SELECT 1::BIGINT FROM pg_namespace WHERE nspname = 'strangler_evidence'";
    if connection.number("look for the schema", known, []).await?.is_none() {
        let sql = "CREATE SCHEMA IF NOT EXISTS strangler_evidence";
        if let Err(error) = connection.run("make the schema", sql, []).await
            // Another proxy may have been quicker.
            && connection.number("look for the schema", known, []).await?.is_none()
        {
            return Err(error);
        }
    }
    if let Connection::Postgres(connection) = &mut connection {
        POSTGRES.run_direct(None, connection, false).await?;
    }
    Ok(connection)
}

/// Renames a damaged file and what belongs to it, so that a fresh one can be begun and nothing is deleted.
pub(super) fn set_aside(path: &Path) -> Result<(), StoreError> {
    let suffix = format!("damaged-{}", Utc::now().format("%Y%m%dT%H%M%S%.6f"));
    let with = |tail: &str| {
        let mut name = OsString::from(path);
        name.push(tail);
        PathBuf::from(name)
    };
    // The log first: left behind, it would be taken for the fresh file's.
    for part in ["-wal", "-shm", ""] {
        let from = with(part);
        if part.is_empty() || from.exists() {
            std::fs::rename(&from, with(&format!(".{suffix}{part}")))
                .map_err(|source| StoreError::SetAside { path: from, source })?;
        }
    }
    tracing::error!(
        file = %path.display(), kept = %with(&format!(".{suffix}")).display(),
        "the evidence file is damaged; it was put aside, and evidence begins anew"
    );
    Ok(())
}

impl Location {
    /// Puts the store aside where it is a file that is damaged.
    pub(crate) fn set_aside(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(path) => set_aside(path),
            Self::Postgres(_) => Ok(()),
        }
    }
}
