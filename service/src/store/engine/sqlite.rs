//! Cells in and out of SQLite, whose types belong to values and not to columns.

use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow, SqliteValueRef};
use sqlx::{AssertSqlSafe, Decode, Row as _, Sqlite, TypeInfo as _, ValueRef as _};

use crate::tables::Cell;

pub(super) async fn fetch(
    connection: &mut SqliteConnection,
    sql: String,
    binds: Vec<Cell>,
) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
    let rows = bind(sqlx::query(AssertSqlSafe(sql)), binds).fetch_all(connection).await?;
    rows.iter().map(cells).collect()
}

pub(super) async fn for_each(
    connection: &mut SqliteConnection,
    sql: String,
    mut each: impl FnMut(Vec<Cell>) + Send,
) -> Result<(), sqlx::Error> {
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        each(cells(&row)?);
    }
    Ok(())
}

pub(super) async fn run(
    connection: &mut SqliteConnection,
    sql: String,
    binds: Vec<Cell>,
) -> Result<u64, sqlx::Error> {
    let done = bind(sqlx::query(AssertSqlSafe(sql)), binds).execute(connection).await?;
    Ok(done.rows_affected())
}

fn bind(
    mut query: Query<'_, Sqlite, SqliteArguments>,
    binds: Vec<Cell>,
) -> Query<'_, Sqlite, SqliteArguments> {
    for cell in binds {
        query = match cell {
            Cell::Null => query.bind(None::<String>),
            Cell::Integer(number) => query.bind(number),
            Cell::Real(number) => query.bind(number),
            Cell::Text(text) => query.bind(text),
            Cell::Bytes(bytes) => query.bind(bytes),
        };
    }
    query
}

/// What stands in the columns of a row.
pub(crate) fn cells(row: &SqliteRow) -> Result<Vec<Cell>, sqlx::Error> {
    (0..row.len()).map(|i| row.try_get_raw(i).and_then(found)).collect()
}

/// What really stands in the column.
fn found(value: SqliteValueRef<'_>) -> Result<Cell, sqlx::Error> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let kind = value.type_info().into_owned();
    let decoded = match kind.name() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map(Cell::Integer),
        "REAL" => <f64 as Decode<Sqlite>>::decode(value).map(Cell::Real),
        _ => <Vec<u8> as Decode<Sqlite>>::decode(value).map(|bytes| {
            String::from_utf8(bytes)
                .map_or_else(|error| Cell::Bytes(error.into_bytes()), Cell::Text)
        }),
    };
    decoded.map_err(sqlx::Error::Decode)
}
