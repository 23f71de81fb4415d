//! Carries rows between the driver and the types of `tables`.

use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow, SqliteValueRef};
use sqlx::{AssertSqlSafe, Decode, Executor, Row, Sqlite, TypeInfo, ValueRef};

use super::rehearsal::Stage;
use super::{Store, StoreError, Writing};
use crate::tables::column::ColumnValue;
use crate::tables::indexes::Index;
use crate::tables::{Cell, Record};

/// The most rows that one list shows, however many are asked for. Many of the monolith's lists have no pages, and those that
/// have some give everything to who asks for less than none.
const MOST_ROWS: i64 = 10_000;

/// [`MOST_ROWS`], for binding.
pub(super) const LONGEST_LIST: Cell = Cell::Integer(MOST_ROWS);

/// One page of a list, for binding: `limit` rows after `offset`. A negative limit is none, a negative offset is 0.
pub(super) fn page(limit: i64, offset: i64) -> [Cell; 2] {
    let limit = if limit < 0 { MOST_ROWS } else { limit.min(MOST_ROWS) };
    [Cell::Integer(limit), Cell::Integer(offset)]
}

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

impl Store {
    /// Every row for which `rest` (from `WHERE` on) holds.
    pub(super) async fn select<R: Record>(
        &self,
        doing: &'static str,
        rest: &str,
        binds: Vec<Cell>,
    ) -> Result<Vec<R>, StoreError> {
        #[cfg(test)]
        self.asked.note(format!("{} {rest}", R::TABLE.select()));
        match self.stage.as_ref().and_then(Stage::current) {
            Some(mut open) => select(open.connection().await?, doing, rest, binds).await,
            None => select(&self.pool, doing, rest, binds).await,
        }
    }

    /// The one row for which `rest` holds.
    pub(super) async fn find<R: Record>(
        &self,
        doing: &'static str,
        rest: &str,
        binds: Vec<Cell>,
    ) -> Result<Option<R>, StoreError> {
        Ok(self.select(doing, rest, binds).await?.into_iter().next())
    }
}

impl Store {
    /// What a query answers that is about no one row: counts, sums.
    pub(super) async fn figures(
        &self,
        doing: &'static str,
        sql: impl Into<String>,
        binds: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        let sql = sql.into();
        match self.stage.as_ref().and_then(Stage::current) {
            Some(mut open) => figures(open.connection().await?, doing, sql, binds).await,
            None => figures(&self.pool, doing, sql, binds).await,
        }
    }

    /// Whether an optional index is there. It may be made while the service runs.
    pub(super) async fn has_index(&self, index: &Index) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND name = ?";
        let rows = self.figures("look at the indexes", sql, vec![index.name.into()]).await?;
        Ok(rows.first().and_then(|row| row.first()).is_some_and(|count| whole(count) > 0))
    }

    /// Hands every row for which `rest` holds to `each`, one after the other: however many there are, they are never in
    /// memory together.
    pub(super) async fn for_each<R: Record>(
        &self,
        doing: &'static str,
        rest: &str,
        each: impl FnMut(R) + Send,
    ) -> Result<(), StoreError> {
        match self.stage.as_ref().and_then(Stage::current) {
            Some(mut open) => for_each(open.connection().await?, doing, rest, each).await,
            None => for_each(&self.pool, doing, rest, each).await,
        }
    }
}

impl Writing {
    /// Every row for which `rest` (from `WHERE` on) holds, as this transaction sees it.
    pub(super) async fn select<R: Record>(
        &mut self,
        doing: &'static str,
        rest: &str,
        binds: Vec<Cell>,
    ) -> Result<Vec<R>, StoreError> {
        select(self.connection().await?, doing, rest, binds).await
    }

    /// The one row for which `rest` holds, as this transaction sees it.
    pub(super) async fn find<R: Record>(
        &mut self,
        doing: &'static str,
        rest: &str,
        binds: Vec<Cell>,
    ) -> Result<Option<R>, StoreError> {
        Ok(self.select(doing, rest, binds).await?.into_iter().next())
    }

    /// What a query answers that is about no one row, as this transaction sees it.
    pub(super) async fn figures(
        &mut self,
        doing: &'static str,
        sql: impl Into<String>,
        binds: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        figures(self.connection().await?, doing, sql.into(), binds).await
    }

    /// Writes a new row.
    pub(super) async fn insert<R: Record>(
        &mut self,
        doing: &'static str,
        row: &R,
    ) -> Result<(), StoreError> {
        self.run(doing, R::TABLE.insert(), row.cells()).await.map(drop)
    }

    /// Writes a new row as it is given, and reads what the columns have made of it.
    pub(super) async fn insert_cells<R: Record>(
        &mut self,
        doing: &'static str,
        cells: Vec<Cell>,
    ) -> Result<R, StoreError> {
        self.run(doing, R::TABLE.insert(), cells).await?;
        self.written(doing, "WHERE rowid = last_insert_rowid()", Vec::new()).await
    }

    /// Writes a new row under the next free number, whatever number it has, and reads it back with that.
    pub(super) async fn insert_numbered<R: Record>(
        &mut self,
        doing: &'static str,
        row: &R,
    ) -> Result<R, StoreError> {
        let columns = R::TABLE.columns.iter().zip(row.cells());
        let cells = columns.map(|(column, cell)| if column.key { Cell::Null } else { cell });
        self.insert_cells(doing, cells.collect()).await
    }

    /// Writes every column of the row with this key (a table's only one) as given, and reads what the columns have made
    /// of it. The key itself may be another.
    pub(super) async fn update_cells<R: Record>(
        &mut self,
        doing: &'static str,
        key: &str,
        cells: Vec<Cell>,
    ) -> Result<R, StoreError> {
        let mut columns = R::TABLE.columns.iter().zip(&cells);
        let new_key =
            columns.find_map(|(column, cell)| column.key.then(|| (column.name, cell.clone())));
        let (name, new_key) = new_key.unwrap_or(("rowid", Cell::Null));
        let mut binds = cells;
        binds.push(key.into());
        self.run(doing, R::TABLE.update(), binds).await?;
        self.written(doing, &format!("WHERE {name} = ?"), vec![new_key]).await
    }

    async fn written<R: Record>(
        &mut self,
        doing: &'static str,
        rest: &str,
        binds: Vec<Cell>,
    ) -> Result<R, StoreError> {
        let found = self.find(doing, rest, binds).await?;
        found.ok_or_else(|| StoreError::query(doing, sqlx::Error::RowNotFound))
    }

    /// Writes every column of a row that is there.
    pub(super) async fn update<R: Record>(
        &mut self,
        doing: &'static str,
        row: &R,
    ) -> Result<(), StoreError> {
        let cells = row.cells();
        let columns = R::TABLE.columns.iter().zip(&cells);
        let keys: Vec<Cell> =
            columns.filter(|(column, _)| column.key).map(|(_, cell)| cell.clone()).collect();
        let binds = cells.into_iter().chain(keys).collect();
        self.run(doing, R::TABLE.update(), binds).await.map(drop)
    }

    /// Runs a statement and says how many rows it changed.
    pub(super) async fn run(
        &mut self,
        doing: &'static str,
        sql: impl Into<String>,
        binds: Vec<Cell>,
    ) -> Result<u64, StoreError> {
        // Every text that comes here is put together from constants and names of `tables`; values are bound.
        let query = bind(sqlx::query(AssertSqlSafe(sql.into())), binds);
        let done = query
            .execute(self.connection().await?)
            .await
            .map_err(|source| StoreError::query(doing, source))?;
        Ok(done.rows_affected())
    }
}

async fn select<'e, R: Record>(
    executor: impl Executor<'e, Database = Sqlite>,
    doing: &'static str,
    rest: &str,
    binds: Vec<Cell>,
) -> Result<Vec<R>, StoreError> {
    let sql = format!("{} {rest}", R::TABLE.select());
    let query = bind(sqlx::query(AssertSqlSafe(sql)), binds);
    let rows =
        query.fetch_all(executor).await.map_err(|source| StoreError::query(doing, source))?;
    rows.iter().map(|row| read(doing, row)).collect()
}

async fn figures<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    doing: &'static str,
    sql: String,
    binds: Vec<Cell>,
) -> Result<Vec<Vec<Cell>>, StoreError> {
    // As in `run`: texts are put together from constants, values are bound.
    let query = bind(sqlx::query(AssertSqlSafe(sql)), binds);
    let rows =
        query.fetch_all(executor).await.map_err(|source| StoreError::query(doing, source))?;
    rows.iter()
        .map(cells)
        .collect::<Result<_, _>>()
        .map_err(|source| StoreError::query(doing, source))
}

async fn for_each<'e, R: Record>(
    executor: impl Executor<'e, Database = Sqlite>,
    doing: &'static str,
    rest: &str,
    mut each: impl FnMut(R) + Send,
) -> Result<(), StoreError> {
    let sql = format!("{} {rest}", R::TABLE.select());
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(executor);
    while let Some(row) =
        rows.try_next().await.map_err(|source| StoreError::query(doing, source))?
    {
        each(read(doing, &row)?);
    }
    Ok(())
}

/// What follows `WHERE` where only some conditions are wanted, and what is bound for them.
pub(super) fn all_of(
    wanted: impl IntoIterator<Item = (&'static str, Option<Cell>)>,
) -> (String, Vec<Cell>) {
    let wanted = wanted.into_iter().filter_map(|(condition, cell)| Some((condition, cell?)));
    let (mut conditions, binds): (Vec<&str>, Vec<Cell>) = wanted.unzip();
    if conditions.is_empty() {
        conditions.push("1");
    }
    (conditions.join(" AND "), binds)
}

/// A count or a sum of whole numbers; no rows have none.
pub(super) fn whole(cell: &Cell) -> i64 {
    match cell {
        Cell::Integer(number) => *number,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "scores of another writer may have fractions"
        )]
        Cell::Real(number) => *number as i64,
        Cell::Null | Cell::Text(_) | Cell::Bytes(_) => 0,
    }
}

/// The cell of a value, for binding.
pub(super) fn cell(value: &impl ColumnValue) -> Cell {
    value.write()
}

fn bind(mut query: SqliteQuery<'_>, binds: Vec<Cell>) -> SqliteQuery<'_> {
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

fn read<R: Record>(doing: &'static str, row: &SqliteRow) -> Result<R, StoreError> {
    let cells = cells(row).map_err(|source| StoreError::query(doing, source))?;
    R::from_cells(cells).map_err(|(column, fault)| StoreError::Unreadable {
        table: R::TABLE.name,
        key: row
            .try_get_raw(0)
            .and_then(found)
            .ok()
            .and_then(|key| key.text().ok())
            .unwrap_or_default(),
        column,
        fault,
    })
}

/// What stands in the columns of a row.
pub(crate) fn cells(row: &SqliteRow) -> Result<Vec<Cell>, sqlx::Error> {
    (0..row.len()).map(|i| row.try_get_raw(i).and_then(found)).collect()
}

/// What really stands in the column: SQLite's types belong to values, not to columns.
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

/// What was asked for, for tests that look at how the database answers it.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

#[cfg(test)]
impl Asked {
    fn note(&self, sql: String) {
        self.0.lock().unwrap().push(sql);
    }
}

#[cfg(test)]
impl Store {
    /// How the database answers what was asked for since this was called last: a line for each step of each query.
    pub(crate) async fn plans(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.asked.0.lock().unwrap());
        let mut plans = Vec::new();
        for sql in asked {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let steps = sqlx::query(explain).fetch_all(&self.pool).await.unwrap();
            plans.extend(steps.iter().map(|step| step.get::<String, _>("detail")));
        }
        plans
    }

    /// Every row of every table as text, whoever made the table.
    pub(crate) async fn dump(&self) -> Vec<String> {
        let mut dump = Vec::new();
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&self.pool).await.unwrap();
        for table in tables {
            let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table} ORDER BY rowid")));
            for row in rows.fetch_all(&self.pool).await.unwrap() {
                let cells = (0..row.len()).map(|i| row.try_get_raw(i).and_then(found).unwrap());
                dump.push(format!("{table}: {:?}", cells.collect::<Vec<Cell>>()));
            }
        }
        dump
    }
}

#[cfg(test)]
impl Writing {
    /// Writes any row, for tests.
    pub(crate) async fn put<R: Record>(&mut self, row: &R) -> Result<(), StoreError> {
        self.insert("put a row", row).await
    }

    /// Runs any statement, for tests that stand in for another writer.
    pub(crate) async fn statement(&mut self, sql: &str) -> Result<u64, StoreError> {
        self.run("run a statement", sql, Vec::new()).await
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::TestApp;

    #[tokio::test]
    async fn a_row_that_cannot_be_read_names_table_key_and_column() {
        let test = TestApp::new().await;
        let id = test.workflow(&[]).await;
        for (change, fault) in [
            ("verification_level = 'basic'", "column verification_level holds the text \"basic\""),
            (
                "verification_level = 'BASIC', created_at = 12",
                "column created_at holds the integer 12",
            ),
            ("created_at = '2026-01-01', steps = ''", "column steps holds the text \"\""),
        ] {
            test.sql(&format!("UPDATE ai_agent_workflows SET {change}")).await;
            let error = test.app.store.workflow_find(&id).await.unwrap_err().to_string();
            let expected = format!("row \"{id}\" of table ai_agent_workflows: {fault}");
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[tokio::test]
    async fn what_python_accepts_from_another_writer_is_accepted() {
        let test = TestApp::new().await;
        let id = test.workflow(&[]).await;
        test.sql(
            "UPDATE ai_agent_workflows SET max_execution_time = 'seven', is_public = 2, \
             steps = CAST('{\"a\":1}' AS BLOB), dependencies = '3', \
             created_at = '2026-01-02T03:04:05', updated_at = '2026-01-02 03:04:05+02:00'",
        )
        .await;
        let shown = test.ask("bob", "GET", &format!("/workflows/{id}"), None).await.json();
        assert_eq!(shown["max_execution_time"], "seven");
        assert_eq!(shown["is_public"], true);
        assert_eq!(shown["steps"]["a"], 1);
        assert_eq!(shown["dependencies"], 3);
        assert_eq!(shown["created_at"], "2026-01-02T03:04:05");
        assert_eq!(shown["updated_at"], "2026-01-02T03:04:05+02:00");
    }
}
