//! One way to run SQL on both databases: only static texts, values always bound.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _};

use super::StoreError;

/// A connection.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A value for a statement.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Int(i64),
    Text(String),
    MaybeText(Option<String>),
    MaybeBytes(Option<Vec<u8>>),
}

/// A row of an answer.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Binds cells to a statement of whichever database.
macro_rules! bound {
    ($sql:expr, $cells:expr) => {
        $cells.into_iter().fold(sqlx::query($sql), |query, cell| match cell {
            Cell::Int(value) => query.bind(value),
            Cell::Text(value) => query.bind(value),
            Cell::MaybeText(value) => query.bind(value),
            Cell::MaybeBytes(value) => query.bind(value),
        })
    };
}

/// Reads a column of a row of whichever database.
macro_rules! column {
    ($row:expr, $index:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get($index),
            Row::Postgres(row) => row.try_get($index),
        }
        .map_err(StoreError::database("read a row"))
    };
}

impl Connection {
    /// Runs a statement; how many rows it changed.
    pub(crate) async fn run(
        &mut self,
        doing: &'static str,
        sql: &'static str,
        cells: impl IntoIterator<Item = Cell> + Send,
    ) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(connection) => {
                bound!(sql, cells).execute(connection).await.map(|done| done.rows_affected())
            }
            Self::Postgres(connection) => {
                bound!(sql, cells).execute(connection).await.map(|done| done.rows_affected())
            }
        }
        .map_err(StoreError::database(doing))
    }

    /// Runs a query.
    pub(crate) async fn rows(
        &mut self,
        doing: &'static str,
        sql: &'static str,
        cells: impl IntoIterator<Item = Cell> + Send,
    ) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(connection) => bound!(sql, cells)
                .fetch_all(connection)
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Self::Postgres(connection) => bound!(sql, cells)
                .fetch_all(connection)
                .await
                .map(|rows| rows.into_iter().map(Row::Postgres).collect()),
        }
        .map_err(StoreError::database(doing))
    }

    /// The first column of the first row.
    pub(crate) async fn number(
        &mut self,
        doing: &'static str,
        sql: &'static str,
        cells: impl IntoIterator<Item = Cell> + Send,
    ) -> Result<Option<i64>, StoreError> {
        let rows = self.rows(doing, sql, cells).await?;
        rows.first().map_or(Ok(None), |row| row.maybe_int(0))
    }

    /// Begins to write. What is not committed before the connection is dropped is undone.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        let sql = match self {
            // At once for writing: a reader that turns writer later can't wait for its lock.
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN",
        };
        self.run("begin to write", sql, []).await.map(drop)
    }

    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        self.run("write", "COMMIT", []).await.map(drop)
    }

    /// Ends the connection in good order.
    pub(crate) async fn close(self) {
        // What was committed is safe either way.
        let _closed = match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        };
    }
}

impl Row {
    pub(crate) fn int(&self, index: usize) -> Result<i64, StoreError> {
        column!(self, index)
    }

    pub(crate) fn maybe_int(&self, index: usize) -> Result<Option<i64>, StoreError> {
        column!(self, index)
    }

    pub(crate) fn text(&self, index: usize) -> Result<String, StoreError> {
        column!(self, index)
    }

    pub(crate) fn maybe_text(&self, index: usize) -> Result<Option<String>, StoreError> {
        column!(self, index)
    }

    pub(crate) fn maybe_bytes(&self, index: usize) -> Result<Option<Vec<u8>>, StoreError> {
        column!(self, index)
    }
}
