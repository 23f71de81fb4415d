//! The two databases where they are SQLite files. The log and its triggers ([`log`]) are made in the clone when it is
//! opened; all of it runs on threads of the mirror's own.

mod catalog;
mod log;
mod read;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use routes::policy::TwinSettings;
use rusqlite::{Connection, OpenFlags};

use super::row::Change;
use super::schema::Schema;
use super::sides::Sides;
use super::trouble::{RowsError, Trouble};

/// Longest wait for a lock, and longest single look.
const LOCK_TIMEOUT: Duration = Duration::from_millis(250);

/// The two files.
#[derive(Debug, Clone)]
pub(in super::super) struct Databases {
    shared: PathBuf,
    clone: PathBuf,
    open: Arc<Mutex<Option<Open>>>,
    trouble: Arc<Trouble>,
}

#[derive(Debug)]
struct Open {
    shared: Connection,
    clone: Connection,
    schema: Schema,
    /// Which file was opened: a new clone under the same name is another one.
    file: FileId,
}

type FileId = (u64, u64);

impl Databases {
    pub(super) fn new(settings: &TwinSettings, folder: &Path) -> Self {
        let path = |url: &str| {
            let path = url.strip_prefix("sqlite://").unwrap_or(url);
            // SQLAlchemy's four slashes come to the same absolute path.
            let path = path.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(path);
            folder.join(path)
        };
        Self {
            shared: path(&settings.shared),
            clone: path(&settings.clone),
            open: Arc::default(),
            trouble: Arc::default(),
        }
    }

    pub(super) async fn mark(&self) -> Option<i64> {
        self.with(|open| log::mark(&open.clone)).await
    }

    pub(super) async fn changed_since(&self, mark: i64) -> Option<Vec<Change>> {
        self.with(move |open| log::since(&open.clone, mark)).await
    }

    pub(super) async fn read(&self, old: Vec<String>, new: Vec<String>) -> Option<Sides> {
        self.with(move |open| {
            let Open { shared, clone, schema, .. } = open;
            Ok(Sides {
                old: read::mentioning(shared, schema, &old)?,
                new: read::mentioning(clone, schema, &new)?,
            })
        })
        .await
    }

    pub(super) async fn times(&self) -> Option<Vec<(String, String)>> {
        self.with(|open| Ok(open.schema.times())).await
    }

    /// Does something with the databases, away from the mirror's own thread.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Open) -> rusqlite::Result<T> + Send + 'static,
    ) -> Option<T> {
        let databases = self.clone();
        let done = tokio::task::spawn_blocking(move || databases.now(work));
        // An error means that the runtime is gone.
        done.await.ok().flatten()
    }

    fn now<T>(&self, work: impl FnOnce(&Open) -> rusqlite::Result<T>) -> Option<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self
            .opened(&mut open)
            .and_then(|open| work(open).map_err(|source| problem("twin's", &self.clone, source)));
        match found {
            Ok(found) => {
                self.trouble.is_over();
                Some(found)
            }
            Err(problem) => {
                // What is wrong may be gone at the next attempt, if everything is opened anew.
                *open = None;
                self.trouble.report(&problem);
                None
            }
        }
    }

    fn opened<'o>(&self, open: &'o mut Option<Open>) -> Result<&'o Open, RowsError> {
        let file = file_id(&self.clone);
        let known = open.take().filter(|open| Some(open.file) == file);
        let opened = match known {
            Some(opened) => opened,
            None => self.open_both(file.unwrap_or_default())?,
        };
        Ok(open.insert(opened))
    }

    fn open_both(&self, file: FileId) -> Result<Open, RowsError> {
        let shared_problem = |source| problem("shared", &self.shared, source);
        let clone_problem = |source| problem("twin's", &self.clone, source);
        let shared =
            connect(&self.shared, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(shared_problem)?;
        let clone =
            connect(&self.clone, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(clone_problem)?;
        let of_shared = catalog::schema(&shared).map_err(shared_problem)?;
        let schema = catalog::schema(&clone).map_err(clone_problem)?.common_with(&of_shared);
        log::install(&clone, &schema).map_err(clone_problem)?;
        Ok(Open { shared, clone, schema, file })
    }
}

fn problem(which: &'static str, path: &Path, source: rusqlite::Error) -> RowsError {
    RowsError::Unusable { which, place: path.display().to_string(), source: Box::new(source) }
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
