//! Why a table could not be read, locked, changed or followed.

use std::io;
use std::path::PathBuf;

use routes::Problems;
use routes::store::StoreError;

/// Everything that goes wrong with the place where a table is kept.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A file can't be read, locked or replaced.
    #[error(transparent)]
    File(StoreError),
    /// The file that says where the table is kept is not right.
    #[error("{} does not say where the table is kept", .0.file.display())]
    Pointer(Box<Problems>),
    /// The URL of the database is none.
    #[error("the URL of the route table's database is not right: {problem}")]
    Url {
        /// Why; never the URL itself, which may hold a password.
        problem: String,
    },
    /// The file that holds the URL can't be read.
    #[error("failed to read the URL of the route table's database in {path}")]
    UrlFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody else is changing the table.
    #[error("{holder} is changing {place} right now; try again when it is done")]
    Locked {
        /// The table.
        place: PathBuf,
        /// Who, as they named themselves.
        holder: String,
    },
    /// The table changed between reading and writing.
    #[error(
        "{place} was edited while this change was prepared; nothing was written, run the command again"
    )]
    Changed {
        /// The table.
        place: PathBuf,
    },
    /// The database has no such table.
    #[error("there is no route table at {place} yet")]
    Missing {
        /// The table.
        place: PathBuf,
    },
    /// The database is not there, or lets nobody in.
    #[error("failed to {doing} {place}")]
    Unreachable {
        /// What was tried.
        doing: &'static str,
        /// The table.
        place: PathBuf,
        /// What the network, or the database, says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database says no.
    #[error("failed to {doing} {place}")]
    Database {
        /// What was tried.
        doing: &'static str,
        /// The table.
        place: PathBuf,
        /// What it says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database took too long.
    #[error("failed to {doing} {place}: the database did not answer in time")]
    Late {
        /// What was tried.
        doing: &'static str,
        /// The table.
        place: PathBuf,
    },
    /// The connection that held the lock is gone, and the lock with it.
    #[error("the lock on {place} was lost with the connection to its database")]
    LockLost {
        /// The table.
        place: PathBuf,
    },
    /// The thread that speaks to the database can't be started.
    #[error("failed to start the thread that speaks to the route table's database")]
    Thread(#[source] io::Error),
    /// The journal is too long to be one.
    #[error("the journal of {place} is longer than {limit} bytes")]
    TooLong {
        /// The table.
        place: PathBuf,
        /// The longest that is read.
        limit: u64,
    },
}

impl From<StoreError> for HomeError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Locked { path, holder } => Self::Locked { place: path, holder },
            StoreError::Changed { path } => Self::Changed { place: path },
            error => Self::File(error),
        }
    }
}
