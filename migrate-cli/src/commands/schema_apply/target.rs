//! The database that indexes are made in: an SQLite file, or a database of a PostgreSQL server.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use service::tables::indexes::Index;

use crate::commands::db::place::{Place, Server};
use crate::commands::db::tools::{literal, psql};
use crate::failure::Failure;

/// The longest wait for an SQLite file that others hold locked.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open database.
pub(super) enum Target {
    Sqlite { name: String, connection: Connection },
    Postgres(Server),
}

/// Where an index stands before the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Missing,
    There,
    NoTable,
}

impl Target {
    pub(super) fn open(place: Place) -> Result<Self, Failure> {
        let name = place.to_string();
        let path = match place {
            Place::Postgres(server) => return Ok(Self::Postgres(server)),
            Place::Sqlite(path) => path,
        };
        if !path.is_file() {
            return Err(Failure::Usage {
                message: format!("there is no database {}", path.display()),
                help: "give the file that both backends write".to_owned(),
            });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&path, flags)
            .and_then(|connection| connection.busy_timeout(PATIENCE).map(|()| connection));
        match opened {
            Ok(connection) => Ok(Self::Sqlite { name, connection }),
            Err(problem) => Err(sqlite_failed(&name, &problem)),
        }
    }

    /// The statement that makes an index here.
    pub(super) fn statement(&self, index: &Index) -> String {
        match self {
            Self::Sqlite { .. } => index.create_in_sqlite(),
            Self::Postgres(_) => index.create_in_postgres(),
        }
    }

    pub(super) fn standing(&self, index: &Index) -> Result<Standing, Failure> {
        match self {
            Self::Sqlite { name, connection } => {
                in_sqlite(connection, index).map_err(|problem| sqlite_failed(name, &problem))
            }
            Self::Postgres(server) => in_postgres(server, index),
        }
    }

    /// Makes an index.
    pub(super) fn make(&self, statement: &str) -> Result<(), Failure> {
        match self {
            Self::Sqlite { name, connection } => {
                connection.execute_batch(statement).map_err(|problem| sqlite_failed(name, &problem))
            }
            Self::Postgres(server) => psql(server, &server.database, &[statement]).map(drop),
        }
    }
}

fn in_sqlite(connection: &Connection, index: &Index) -> Result<Standing, rusqlite::Error> {
    let is_there = |kind: &str, name: &str| {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name = ?2)";
        connection.query_row(sql, [kind, name], |row| row.get::<_, bool>(0))
    };
    Ok(if !is_there("table", index.table)? {
        Standing::NoTable
    } else if is_there("index", index.name)? {
        Standing::There
    } else {
        Standing::Missing
    })
}

fn in_postgres(server: &Server, index: &Index) -> Result<Standing, Failure> {
    let (table, name) = (literal(index.table), literal(index.name));
    let sql = format!(
        "SELECT CASE WHEN to_regclass({table}) IS NULL THEN 'no table' \
         WHEN to_regclass({name}) IS NULL THEN 'missing' \
         WHEN (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass({name})) THEN 'there' \
         ELSE 'unfinished' END"
    );
    match psql(server, &server.database, &[&sql])?.as_str() {
        "no table" => Ok(Standing::NoTable),
        "missing" => Ok(Standing::Missing),
        "there" => Ok(Standing::There),
        // A build that was cut off leaves an index that costs and is of no use; one that goes on looks the same.
        _ => Err(Failure::Refused {
            message: format!("{server}: the index {} is not finished", index.name),
            help: format!(
                "if nobody is making it, remove it and run the command again: DROP INDEX CONCURRENTLY {}",
                index.name
            ),
        }),
    }
}

fn sqlite_failed(name: &str, problem: &rusqlite::Error) -> Failure {
    Failure::Other {
        message: format!("{name}: {problem}"),
        help: "see that this is the shared database, that this user may write it, and that nobody holds it locked"
            .to_owned(),
    }
}
