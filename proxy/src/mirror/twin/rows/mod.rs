//! Compares what a mirrored write left in the two databases.
//!
//! The clone gets a table of its own and triggers ([`log`]) that note which rows change. After a write, the rows of either
//! database that mention one of its objects are read ([`read`]) and laid side by side ([`sides`]); `compare` does the rest,
//! with the route's rules. All of it runs on threads of the mirror's own, with short time-outs, and the shared database is
//! opened for reading only. Where a database can't be read, rows are not compared, and the log says why.

mod schema;
mod log;
mod read;
mod sides;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use routes::policy::TwinSettings;
use rusqlite::{Connection, OpenFlags};

pub(super) use log::Change;
pub(super) use sides::{Sides, differences, with_times};

use schema::Schema;

/// Longest wait for a lock, and longest single look.
const LOCK_TIMEOUT: Duration = Duration::from_millis(250);

/// Why rows can't be compared.
#[derive(Debug, thiserror::Error)]
#[error("the {which} database {} can't be used to compare rows", .path.display())]
pub(super) struct RowsError {
    which: &'static str,
    path: PathBuf,
    #[source]
    source: rusqlite::Error,
}

/// The two databases of a twin.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    shared: PathBuf,
    clone: PathBuf,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    databases: Option<Databases>,
    /// It was said that they can't be used.
    is_reported: bool,
}

#[derive(Debug)]
struct Databases {
    shared: Connection,
    clone: Connection,
    schema: Schema,
    /// Which file was opened: a new clone under the same name is another one.
    file: FileId,
}

type FileId = (u64, u64);

impl Rows {
    /// Paths in the settings are relative to the route table's folder. Nothing is opened before it is needed.
    pub(super) fn new(settings: &TwinSettings, folder: &Path) -> Self {
        let path = |url: &str| {
            let path = url.strip_prefix("sqlite://").unwrap_or(url);
            // SQLAlchemy's four slashes come to the same absolute path.
            let path = path.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(path);
            folder.join(path)
        };
        Self { shared: path(&settings.shared), clone: path(&settings.clone), open: Arc::default() }
    }

    /// Where the log of changes stands.
    pub(super) async fn mark(&self) -> Option<i64> {
        self.with(|databases| log::mark(&databases.clone)).await
    }

    /// What has changed in the clone since.
    pub(super) async fn changed_since(&self, mark: i64) -> Option<Vec<Change>> {
        self.with(move |databases| log::since(&databases.clone, mark)).await
    }

    /// The rows that mention one of these identifiers, in both databases.
    pub(super) async fn read(&self, old: Vec<String>, new: Vec<String>) -> Option<Sides> {
        self.with(move |databases| {
            let Databases { shared, clone, schema, .. } = databases;
            Ok(Sides {
                old: read::mentioning(shared, schema, &old)?,
                new: read::mentioning(clone, schema, &new)?,
            })
        })
        .await
    }

    /// Columns that hold times, as `(table, column)`.
    pub(super) async fn times(&self) -> Option<Vec<(String, String)>> {
        self.with(|databases| Ok(databases.schema.times())).await
    }

    /// Does something with the databases, away from the mirror's own thread.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Databases) -> rusqlite::Result<T> + Send + 'static,
    ) -> Option<T> {
        let rows = self.clone();
        let done = tokio::task::spawn_blocking(move || rows.now(work));
        // An error means that the runtime is gone.
        done.await.ok().flatten()
    }

    fn now<T>(&self, work: impl FnOnce(&Databases) -> rusqlite::Result<T>) -> Option<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.opened(&mut open).and_then(|databases| {
            work(databases).map_err(|source| problem("twin's", &self.clone, source))
        });
        match found {
            Ok(found) => {
                open.is_reported = false;
                Some(found)
            }
            Err(problem) => {
                // What is wrong may be gone at the next attempt, if everything is opened anew.
                open.databases = None;
                if !std::mem::replace(&mut open.is_reported, true) {
                    let why = std::error::Error::source(&problem).map(ToString::to_string);
                    tracing::warn!(%problem, why, "rows are not compared for now");
                }
                None
            }
        }
    }

    fn opened<'o>(&self, open: &'o mut Open) -> Result<&'o Databases, RowsError> {
        let file = file_id(&self.clone);
        let known = open.databases.take().filter(|databases| Some(databases.file) == file);
        let databases = match known {
            Some(databases) => databases,
            None => self.open_both(file.unwrap_or_default())?,
        };
        Ok(open.databases.insert(databases))
    }

    fn open_both(&self, file: FileId) -> Result<Databases, RowsError> {
        let shared_problem = |source| problem("shared", &self.shared, source);
        let clone_problem = |source| problem("twin's", &self.clone, source);
        let shared =
            connect(&self.shared, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(shared_problem)?;
        let clone =
            connect(&self.clone, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(clone_problem)?;
        let of_shared = Schema::of(&shared).map_err(shared_problem)?;
        let schema = Schema::of(&clone).map_err(clone_problem)?.common_with(&of_shared);
        log::install(&clone, &schema).map_err(clone_problem)?;
        Ok(Databases { shared, clone, schema, file })
    }
}

fn problem(which: &'static str, path: &Path, source: rusqlite::Error) -> RowsError {
    RowsError { which, path: path.to_owned(), source }
}

fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let database = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    database.busy_timeout(LOCK_TIMEOUT)?;
    Ok(database)
}

fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    let file = std::fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}
