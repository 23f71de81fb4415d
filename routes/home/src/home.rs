//! One table's home: what can be asked of it without changing it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use routes::journal::Journal;
use routes::pointer;
use routes::store::TableFile;

use crate::copy::LocalCopy;
use crate::error::HomeError;
use crate::held::Held;
use crate::postgres::{Address, Database};
use crate::watch::Watch;

/// Where a table is kept. Cheap to clone; every method but [`Home::watch`] blocks its thread until it is answered, a database
/// for a bounded time.
#[derive(Debug, Clone)]
pub enum Home {
    /// In a file, with `FILE.lock` and `FILE.journal` beside it.
    File(TableFile),
    /// In PostgreSQL.
    Postgres {
        /// The table there.
        database: Arc<Database>,
        /// The file that says so, where one does.
        pointer: Option<PathBuf>,
    },
}

/// What tells one state of a journal from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stamp {
    /// Of a file.
    File {
        /// Bytes.
        size: u64,
        /// Last written.
        modified: Option<SystemTime>,
    },
    /// The number of the last line.
    Lines(i64),
}

impl Home {
    /// The home that a name means: `postgres://…[?table=NAME]`, a file with `[table]` that points to a database, or a file that
    /// is the table. No database is asked yet.
    ///
    /// # Errors
    /// The pointer or the URL is not right.
    pub fn open(named: &Path) -> Result<Self, HomeError> {
        if let Some(url) = named.to_str().filter(|text| pointer::is_database(text)) {
            let database = Database::new(Address::of_url(url)?)?;
            return Ok(Self::Postgres { database, pointer: None });
        }
        let file = TableFile::new(named);
        // What can't be read is told when it is needed.
        let pointed = file.read().ok().and_then(|text| pointer::read(named, &text));
        match pointed {
            None => Ok(Self::File(file)),
            Some(Err(problems)) => Err(HomeError::Pointer(Box::new(problems))),
            Some(Ok(pointed)) => {
                let database = Database::new(Address::of_pointer(named, &pointed)?)?;
                Ok(Self::Postgres { database, pointer: Some(named.to_owned()) })
            }
        }
    }

    /// The home that is a file; touches nothing.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(TableFile::new(path))
    }

    /// `file` or `postgres`.
    pub fn source(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Postgres { .. } => "postgres",
        }
    }

    /// How the table is named in problems and messages: the file, or the URL without password.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(file) => file.path(),
            Self::Postgres { database, .. } => database.place(),
        }
    }

    /// The same for somebody on another machine, or in another folder.
    pub fn full_name(&self) -> String {
        match self {
            Self::File(file) => {
                let path = std::path::absolute(file.path());
                path.unwrap_or_else(|_| file.path().to_owned()).display().to_string()
            }
            Self::Postgres { database, .. } => database.place().display().to_string(),
        }
    }

    /// The folder to which relative paths in the table refer: of the file, or of the one that points to the database.
    pub fn folder(&self) -> PathBuf {
        let file = match self {
            Self::File(file) => Some(file.path()),
            Self::Postgres { pointer, .. } => pointer.as_deref(),
        };
        let folder = file.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).to_owned()
    }

    /// The copy that a proxy keeps of a table in a database: in `asked`, else beside the file that points there (`FILE.copy`).
    /// `None` where neither says where, and for a table that is a file itself.
    pub fn copy(&self, asked: Option<&Path>) -> Option<LocalCopy> {
        let Self::Postgres { database, pointer } = self else { return None };
        let beside = || {
            let mut path = pointer.clone()?.into_os_string();
            path.push(".copy");
            Some(path.into())
        };
        let path = asked.map(Path::to_owned).or_else(beside)?;
        Some(LocalCopy::new(path, database.place()))
    }

    /// The text as it stands.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(&self) -> Result<String, HomeError> {
        match self {
            Self::File(file) => Ok(file.read()?),
            Self::Postgres { database, .. } => database.read(),
        }
    }

    /// The journal; an empty one where nothing was journaled yet.
    ///
    /// # Errors
    /// It can't be read.
    pub fn journal(&self) -> Result<Journal, HomeError> {
        match self {
            Self::File(file) => Ok(Journal::read(&file.journal_path())?),
            Self::Postgres { database, .. } => database.journal(),
        }
    }

    /// The entries in the last `bytes` of the journal, unchecked: for a look at the latest flips.
    ///
    /// # Errors
    /// It can't be read.
    pub fn journal_end(&self, bytes: u64) -> Result<Journal, HomeError> {
        match self {
            Self::File(file) => Ok(Journal::read_end(&file.journal_path(), bytes)?),
            Self::Postgres { database, .. } => database.journal_end(bytes),
        }
    }

    /// The journal's present state; `None` where there is no journal.
    ///
    /// # Errors
    /// It can't be looked at.
    pub fn journal_stamp(&self) -> Result<Option<Stamp>, HomeError> {
        match self {
            Self::File(file) => {
                let metadata = std::fs::metadata(file.journal_path()).ok();
                Ok(metadata.map(|metadata| Stamp::File {
                    size: metadata.len(),
                    modified: metadata.modified().ok(),
                }))
            }
            Self::Postgres { database, .. } => Ok(database.journal_lines()?.map(Stamp::Lines)),
        }
    }

    /// Takes the lock, waiting up to `patience`. `holder` is who is shown to others ("alice: cutover workflows, pid 4711").
    ///
    /// # Errors
    /// Somebody else holds it for longer, or it can't be taken.
    pub fn lock(&self, holder: &str, patience: Duration) -> Result<Held, HomeError> {
        match self {
            Self::File(file) => Ok(Held::of_file(file.clone(), file.lock(holder, patience)?)),
            Self::Postgres { database, .. } => {
                Ok(Held::of_database(database.lock(holder, patience)?))
            }
        }
    }

    /// Follows the table from now on. Needs a tokio runtime.
    pub fn watch(&self) -> Watch {
        match self {
            Self::File(file) => Watch::of_file(file),
            Self::Postgres { database, .. } => Watch::of_database(database),
        }
    }

    /// The error for a table that is another than the one that was shown.
    pub fn changed(&self) -> HomeError {
        HomeError::Changed { place: self.path().to_owned() }
    }
}
