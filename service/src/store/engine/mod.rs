//! The engines that a database may have, behind one door: rows go in and out as cells, whichever it is.

mod dialect;
mod sqlite;
mod postgres;

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Postgres, Sqlite};

pub(super) use dialect::Query;
pub(super) use postgres::{Learnt, Patience, PostgresPool, Unfit};
pub(crate) use sqlite::cells as sqlite_cells;

use super::StoreError;
use super::rehearsal::GivenUp;
use crate::tables::{Cell, Engine};

/// Connections to one database. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    /// To a file.
    Sqlite(SqlitePool),
    /// To a server.
    Postgres(PostgresPool),
}

/// A connection that goes back to its pool when it is dropped.
#[derive(Debug)]
pub(super) enum Lent {
    /// To a file.
    Sqlite(PoolConnection<Sqlite>),
    /// To a server.
    Postgres(PoolConnection<Postgres>, Learnt),
}

/// A connection to ask something, once.
#[derive(Debug)]
pub(super) enum Connection<'c> {
    /// To a file.
    Sqlite(&'c mut SqliteConnection),
    /// To a server.
    Postgres(&'c mut PgConnection, &'c Learnt),
}

impl Pool {
    /// Which kind of database it is.
    pub(super) const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// A connection, when one is free.
    pub(super) async fn acquire(&self) -> Result<Lent, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Lent::Sqlite(pool.acquire().await?),
            Self::Postgres(pool) => Lent::Postgres(pool.acquire().await?, pool.learnt()),
        })
    }

    /// Closes every connection and waits for them.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Lent {
    /// Which kind of database it is to.
    pub(super) const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(..) => Engine::Postgres,
        }
    }

    /// To ask something.
    pub(super) fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(connection, learnt) => Connection::Postgres(connection, learnt),
        }
    }

    /// Closes it when it is dropped: nobody knows in which state it is.
    pub(super) fn close_on_drop(&mut self) {
        match self {
            Self::Sqlite(connection) => connection.close_on_drop(),
            Self::Postgres(connection, _) => connection.close_on_drop(),
        }
    }

    /// Closes it at once, with whatever it was doing.
    pub(super) fn close(self) {
        match self {
            Self::Sqlite(connection) => drop(connection.detach()),
            Self::Postgres(connection, _) => drop(connection.detach()),
        }
    }
}

impl Connection<'_> {
    /// Every row that a query answers.
    pub(super) async fn fetch(
        self,
        query: Query,
        binds: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => sqlite::fetch(connection, query.sqlite(), binds).await,
            Self::Postgres(connection, learnt) => {
                postgres::fetch(connection, learnt, query.postgres(), binds).await
            }
        }
    }

    /// Hands each row that a query answers to `each`, one after the other: they are never in memory together.
    pub(super) async fn for_each(
        self,
        query: Query,
        each: impl FnMut(Vec<Cell>) + Send,
    ) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => sqlite::for_each(connection, query.sqlite(), each).await,
            Self::Postgres(connection, _) => {
                postgres::for_each(connection, query.postgres(), each).await
            }
        }
    }

    /// Runs a statement and says how many rows it changed.
    pub(super) async fn run(self, query: Query, binds: Vec<Cell>) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => sqlite::run(connection, query.sqlite(), binds).await,
            Self::Postgres(connection, learnt) => {
                postgres::run(connection, learnt, query.postgres(), binds).await
            }
        }
    }

    /// Begins a transaction that has the lock of the service's writers: nobody else of them writes until it ends, in whatever
    /// process.
    pub(super) async fn write(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(connection).await.map(drop)
            }
            Self::Postgres(connection, _) => postgres::write(connection).await,
        }
    }

    /// Begins a write that will be rolled back, and waits for its lock; from then on statements may take so long each.
    pub(super) async fn rehearse(self, statement: Duration) -> Result<(), sqlx::Error> {
        match self {
            // The instant is kept by the progress handler.
            Self::Sqlite(_) => self.write().await,
            Self::Postgres(connection, _) => postgres::rehearse(connection, statement).await,
        }
    }

    /// Runs statements that nothing is bound to and that answer nothing, as they stand.
    pub(super) async fn order(self, sql: impl Into<String>) -> Result<(), sqlx::Error> {
        // As everywhere here: texts are put together from constants and names of `tables`.
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.into()));
        match self {
            Self::Sqlite(connection) => sql.execute(connection).await.map(drop),
            Self::Postgres(connection, _) => sql.execute(connection).await.map(drop),
        }
    }
}

/// What a failed query of a rehearsal means: on PostgreSQL its limits are the only ones that cut a statement off.
pub(super) fn rehearsed(doing: &'static str, source: sqlx::Error) -> StoreError {
    if matches!(source, sqlx::Error::PoolTimedOut) {
        return StoreError::Rehearsal(GivenUp::Busy);
    }
    match postgres::cut_off(&source) {
        Some(postgres::CutOff::Lock) => StoreError::Rehearsal(GivenUp::Busy),
        Some(postgres::CutOff::Statement) => StoreError::Rehearsal(GivenUp::TooLong),
        None => StoreError::query(doing, source),
    }
}

#[cfg(test)]
mod tests;
