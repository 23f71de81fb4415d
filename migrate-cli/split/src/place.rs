//! Where a database of a move is.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use service::store::session::{Patience, Session, SessionError};
use sqlx::postgres::PgConnectOptions;

/// For a file, others write in between; on a server, nobody holds a row for longer.
const PATIENCE: Patience =
    Patience { lock: Duration::from_secs(10), statement: Duration::from_mins(1) };

/// A database.
#[derive(Debug, Clone)]
pub enum Place {
    /// A file of SQLite.
    File(PathBuf),
    /// On a server of PostgreSQL.
    Server {
        /// How to reach it, with the password.
        options: Box<PgConnectOptions>,
        /// Its URL without password.
        shown: String,
    },
}

impl Place {
    /// Opens it.
    pub(crate) async fn open(&self, create: bool) -> Result<Session, SessionError> {
        match self {
            Self::File(path) => Session::open_file(path, create, PATIENCE).await,
            Self::Server { options, .. } => Session::connect((**options).clone(), PATIENCE).await,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "sqlite://{}", path.display()),
            Self::Server { shown, .. } => f.write_str(shown),
        }
    }
}
