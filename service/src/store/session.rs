//! One connection for a program that carries rows between two databases: values have the same forms whichever engine it is to.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::engine::{Connection, Learnt, Query};
use crate::schema::{Schema, postgres, sqlite};
use crate::tables::{Cell, Engine};

/// A transaction in which nothing is asked for longer is ended by the server.
const IDLE: Duration = Duration::from_mins(2);

/// An open connection. What is not committed when it is dropped is lost.
#[derive(Debug)]
pub struct Session(Link);

#[derive(Debug)]
enum Link {
    Sqlite(SqliteConnection),
    Postgres(Box<PgConnection>, Learnt),
}

/// How long a session waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For another's lock.
    pub lock: Duration,
    /// For the end of one statement, on a server.
    pub statement: Duration,
}

/// A statement that failed, or a connection.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing}")]
pub struct SessionError {
    doing: String,
    source: sqlx::Error,
}

impl SessionError {
    /// What the database says.
    pub fn cause(&self) -> String {
        match &self.source {
            sqlx::Error::Database(said) => said.message().to_owned(),
            other => other.to_string(),
        }
    }

    /// Whether somebody else held a lock for longer than the session waits.
    pub fn is_locked_out(&self) -> bool {
        let Some(code) = self.source.as_database_error().and_then(sqlx::error::DatabaseError::code)
        else {
            return false;
        };
        // SQLITE_BUSY with what extends it; lock_not_available and deadlock_detected.
        code.parse::<i32>().is_ok_and(|code| code & 0xff == 5)
            || matches!(code.as_ref(), "55P03" | "40P01")
    }
}

impl Session {
    /// Opens a file.
    pub async fn open_file(
        path: &Path,
        create: bool,
        patience: Patience,
    ) -> Result<Self, SessionError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .busy_timeout(patience.lock)
            // As everybody else's connections to it.
            .foreign_keys(false);
        let opened = options.disable_statement_logging().connect().await;
        opened
            .map(|link| Self(Link::Sqlite(link)))
            .map_err(|source| failed("open the file", source))
    }

    /// Connects to a server.
    pub async fn connect(
        options: PgConnectOptions,
        patience: Patience,
    ) -> Result<Self, SessionError> {
        let millis = |time: Duration| format!("{}ms", time.as_millis());
        let options = options.application_name("migrate").options([
            ("lock_timeout", millis(patience.lock)),
            ("statement_timeout", millis(patience.statement)),
            ("idle_in_transaction_session_timeout", millis(IDLE)),
            ("client_min_messages", "warning".to_owned()),
        ]);
        let opened = options.disable_statement_logging().connect().await;
        opened
            .map(|link| Self(Link::Postgres(Box::new(link), Learnt::default())))
            .map_err(|source| failed("connect", source))
    }

    /// Which kind of database it is to.
    pub const fn engine(&self) -> Engine {
        match self.0 {
            Link::Sqlite(_) => Engine::Sqlite,
            Link::Postgres(..) => Engine::Postgres,
        }
    }

    /// Every row that a query with `?` for its values answers.
    pub async fn fetch(
        &mut self,
        doing: &str,
        sql: impl Into<String>,
        binds: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, SessionError> {
        let found = self.connection().fetch(Query::plain(sql), binds).await;
        found.map_err(|source| failed(doing, source))
    }

    /// Runs a statement with `?` for its values and says how many rows it changed.
    pub async fn run(
        &mut self,
        doing: &str,
        sql: impl Into<String>,
        binds: Vec<Cell>,
    ) -> Result<u64, SessionError> {
        let done = self.connection().run(Query::plain(sql), binds).await;
        done.map_err(|source| failed(doing, source))
    }

    /// Runs statements as they stand.
    pub async fn order(&mut self, doing: &str, sql: &str) -> Result<(), SessionError> {
        self.connection().order(sql).await.map_err(|source| failed(doing, source))
    }

    /// The tables that the database has.
    pub async fn schema(&mut self) -> Result<Schema, SessionError> {
        let read = match &mut self.0 {
            Link::Sqlite(link) => sqlite::read(link).await,
            Link::Postgres(link, _) => postgres::read(link).await,
        };
        read.map_err(|source| failed("look at the tables", source))
    }

    /// Ends the connection in order.
    pub async fn close(self) -> Result<(), SessionError> {
        let closed = match self.0 {
            Link::Sqlite(link) => link.close().await,
            Link::Postgres(link, _) => link.close().await,
        };
        closed.map_err(|source| failed("close the connection", source))
    }

    fn connection(&mut self) -> Connection<'_> {
        match &mut self.0 {
            Link::Sqlite(link) => Connection::Sqlite(link),
            Link::Postgres(link, learnt) => Connection::Postgres(link, learnt),
        }
    }
}

fn failed(doing: &str, source: sqlx::Error) -> SessionError {
    SessionError { doing: doing.to_owned(), source }
}
