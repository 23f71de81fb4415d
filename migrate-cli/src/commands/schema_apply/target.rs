//! The database that something is made in: an SQLite file, or a database of a PostgreSQL server.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::commands::db::place::{Place, Server};
use crate::commands::db::tools::{literal, psql};
use crate::failure::Failure;

/// The longest wait for an SQLite file that others hold locked.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a statement waits for a lock on a server: whoever else wants it waits behind it.
const LOCK: &str = "SET LOCAL lock_timeout = '5s'";

/// An open database.
pub(super) enum Target {
    Sqlite { name: String, connection: Connection },
    Postgres(Server),
}

impl Target {
    /// Opens a database that is there.
    pub(super) fn open(place: Place) -> Result<Self, Failure> {
        let name = place.to_string();
        let path = match place {
            Place::Postgres(server) => return Ok(Self::Postgres(server)),
            Place::Sqlite(path) => path,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&path, flags)
            .and_then(|connection| connection.busy_timeout(PATIENCE).map(|()| connection));
        match opened {
            Ok(connection) => Ok(Self::Sqlite { name, connection }),
            Err(problem) => Err(sqlite_failed(&name, &problem)),
        }
    }

    /// Makes all of it or nothing.
    pub(super) fn make_together(&mut self, statements: &[&str]) -> Result<(), Failure> {
        match self {
            Self::Sqlite { name, connection } => {
                together(connection, statements).map_err(|problem| sqlite_failed(name, &problem))
            }
            Self::Postgres(server) => {
                let all: Vec<&str> = [LOCK].iter().chain(statements).copied().collect();
                psql(server, &server.database, &all).map(drop)
            }
        }
    }

    /// Makes an index beside whoever writes, where the engine can.
    pub(super) fn make_index(&self, name: &str, statement: &str) -> Result<(), Failure> {
        match self {
            Self::Sqlite { name, connection } => {
                connection.execute_batch(statement).map_err(|problem| sqlite_failed(name, &problem))
            }
            Self::Postgres(server) => {
                refuse_unfinished(server, name)?;
                psql(server, &server.database, &[statement]).map(drop)
            }
        }
    }
}

fn together(connection: &mut Connection, statements: &[&str]) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for statement in statements {
        transaction.execute_batch(statement)?;
    }
    transaction.commit()
}

/// A build that was cut off leaves an index that costs and is of no use; one that goes on looks the same.
fn refuse_unfinished(server: &Server, name: &str) -> Result<(), Failure> {
    let sql = format!(
        "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass({}) AND NOT indisvalid",
        literal(name)
    );
    if psql(server, &server.database, &[&sql])? == "0" {
        return Ok(());
    }
    Err(Failure::Refused {
        message: format!("{server}: the index {name} is not finished"),
        help: format!(
            "if nobody is making it, remove it and run the command again: DROP INDEX CONCURRENTLY {name}"
        ),
    })
}

fn sqlite_failed(name: &str, problem: &rusqlite::Error) -> Failure {
    Failure::Other {
        message: format!("{name}: {problem}"),
        help: "see that this is the shared database, that this user may write it, and that nobody holds it locked"
            .to_owned(),
    }
}
