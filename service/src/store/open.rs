//! Opens the database, and refuses a file that is something else.

use std::fmt;
use std::io::Read as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::engine::{Patience, Pool, PostgresPool};
use super::rehearsal::{Limits, Rehearsals};
use super::writers::Writers;
use super::{Store, StoreError};
use crate::config::Secret;
use crate::tables::Engine;
use crate::tables::own::versions::{self, Version};

/// The first bytes of every SQLite database that is not empty.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Connections to the database, beside the one of rehearsals.
const CONNECTIONS: u32 = 8;

/// The longest that a statement may take on a server, beyond waiting for a lock: as long as a request by default.
const STATEMENT: Duration = Duration::from_secs(30);

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct Location {
    /// Where it is.
    pub place: Place,
    /// How long to wait for another process's lock.
    pub busy_timeout: Duration,
    /// How long rehearsals may wait and be waited for.
    pub rehearsal: Limits,
}

/// Where a database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a file of SQLite.
    File {
        /// The file.
        path: PathBuf,
        /// Whether a missing file is made.
        create: bool,
    },
    /// On a server of PostgreSQL.
    Server {
        /// In the form that [`PgConnectOptions`] reads. It may hold a password.
        url: Secret,
        /// The same for people.
        shown: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => write!(f, "file {}", path.display()),
            Self::Server { shown, .. } => f.write_str(shown),
        }
    }
}

impl Store {
    /// Opens the database.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        Self::open_at(location, versions::ALL).await
    }

    /// Opens the database for a build that knows these versions of the service's own tables.
    pub(super) async fn open_at(
        location: &Location,
        versions: &[Version],
    ) -> Result<Self, StoreError> {
        let (pool, rehearsals) = match &location.place {
            Place::File { path, create } => file(location, path, *create).await?,
            Place::Server { url, .. } => server(location, url)?,
        };
        let store = Self {
            writers: Writers::new(pool.clone()),
            pool,
            rehearsals,
            stage: None,
            #[cfg(test)]
            asked: super::rows::Asked::default(),
        };
        store.prepare(location, versions).await?;
        Ok(store)
    }

    /// Which kind of database it is.
    pub fn engine(&self) -> Engine {
        self.pool.engine()
    }
}

/// How many connections to a file there are at most. Each is a thread that mostly calculates, and holds the schema, its
/// statements and up to 2 MB of pages.
fn connections() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    u32::try_from(2 * cores).unwrap_or(u32::MAX).clamp(4, 8)
}

/// Opens a file. The journal mode stays as found, because the monolith chose it.
async fn file(
    location: &Location,
    path: &Path,
    create: bool,
) -> Result<(Pool, Rehearsals), StoreError> {
    check_file(path, create).map_err(|problem| unusable(location, &problem))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .busy_timeout(location.busy_timeout)
        // As the monolith's connections: nothing is enforced that it does not enforce.
        .foreign_keys(false);
    let rehearsals =
        Rehearsals::in_file(options.clone().create_if_missing(false), location.rehearsal);
    let pool = SqlitePoolOptions::new()
        .max_connections(connections())
        .acquire_timeout(location.busy_timeout + Duration::from_secs(5))
        // It is a file: a connection that was well stays well.
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(|error| unusable(location, &format!("cannot be opened: {error}")))?;
    Ok((Pool::Sqlite(pool), rehearsals))
}

/// Connects to a server when something is asked for.
fn server(location: &Location, url: &Secret) -> Result<(Pool, Rehearsals), StoreError> {
    let options = PgConnectOptions::from_str(url.reveal())
        .map_err(|error| unusable(location, &format!("cannot be reached: {error}")))?;
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("agent-service"),
    };
    let rehearsals = Rehearsals::on_server(options.clone(), location.rehearsal);
    let patience = Patience {
        lock: location.busy_timeout,
        statement: location.busy_timeout + STATEMENT,
        connection: location.busy_timeout + Duration::from_secs(5),
    };
    Ok((Pool::Postgres(PostgresPool::new(options, patience, 0..=CONNECTIONS)), rehearsals))
}

fn check_file(path: &Path, create: bool) -> Result<(), String> {
    if path.is_dir() {
        return Err("is a directory; name the file inside it".to_owned());
    }
    if !path.exists() {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        return match folder.filter(|folder| !folder.is_dir()) {
            Some(folder) => {
                Err(format!("the folder {} does not exist; create it", folder.display()))
            }
            None if create => Ok(()),
            None => Err("does not exist, and mode=rw forbids to create it".to_owned()),
        };
    }
    match read_head(path) {
        Ok(head) if head.is_empty() || head == MAGIC => Ok(()),
        Ok(_) => {
            Err("is not an SQLite database; point DATABASE_URL at the monolith's database"
                .to_owned())
        }
        Err(error) => Err(format!("cannot be read: {error}; give this user access to it")),
    }
}

fn read_head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(MAGIC.len());
    std::fs::File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut head)?;
    Ok(head)
}

pub(super) fn unusable(location: &Location, problem: &str) -> StoreError {
    StoreError::Unusable { database: location.place.to_string(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;

    async fn open(path: &Path, create: bool) -> Result<Store, String> {
        let busy_timeout = Duration::from_secs(5);
        let place = Place::File { path: path.to_owned(), create };
        let location = Location { place, busy_timeout, rehearsal: Limits::default() };
        Store::open(&location).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_fresh_file_gets_its_tables_and_opens_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.db");
        assert!(open(&path, false).await.unwrap_err().contains("mode=rw forbids"));
        for _ in 0..2 {
            let store = open(&path, true).await.unwrap();
            let made = store.schema().await.unwrap().tables;
            assert_eq!(made.len(), tables::ALL.len());
            store.close().await;
        }
    }

    #[tokio::test]
    async fn several_processes_may_make_the_tables_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.db");
        let opened = futures::future::join_all((0..4).map(|_| open(&path, true))).await;
        for store in opened {
            store.unwrap().close().await;
        }
    }

    #[tokio::test]
    async fn what_is_no_database_of_the_monolith_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.txt");
        std::fs::write(&text, "some notes that are long enough").unwrap();
        assert!(open(&text, true).await.unwrap_err().contains("is not an SQLite database"));
        assert!(open(folder.path(), true).await.unwrap_err().contains("is a directory"));
        let nowhere = folder.path().join("none/c.db");
        assert!(open(&nowhere, true).await.unwrap_err().contains("does not exist; create it"));

        let path = folder.path().join("c.db");
        let store = open(&path, true).await.unwrap();
        let mut writing = store.write().await.unwrap();
        writing.statement("ALTER TABLE agent_executions DROP COLUMN total_cost").await.unwrap();
        writing.commit().await.unwrap();
        store.close().await;
        let error = open(&path, true).await.unwrap_err();
        assert!(error.contains("agent_executions lacks the columns total_cost"), "{error}");

        let path = folder.path().join("other.db");
        let store = open(&path, true).await.unwrap();
        let mut writing = store.write().await.unwrap();
        for table in tables::ALL {
            writing.statement(&format!("DROP TABLE {}", table.name)).await.unwrap();
        }
        writing.statement("CREATE TABLE songs (id INTEGER)").await.unwrap();
        writing.commit().await.unwrap();
        store.close().await;
        let error = open(&path, true).await.unwrap_err();
        assert!(error.contains("has the tables songs"), "{error}");
    }

    #[tokio::test]
    async fn the_journal_mode_stays_as_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.db");
        for mode in ["wal", "delete"] {
            let options = SqliteConnectOptions::new()
                .filename(&path)
                .create_if_missing(true)
                .pragma("journal_mode", mode);
            SqlitePoolOptions::new().connect_with(options).await.unwrap().close().await;
            let store = open(&path, true).await.unwrap();
            let found = store.figures("look", "PRAGMA journal_mode", Vec::new()).await.unwrap();
            assert_eq!(found, [[mode.into()]]);
            store.close().await;
        }
    }
}
