//! Carries rows between the driver and the types of `tables`.

use super::engine::{self, Query};
use super::rehearsal::Stage;
use super::{Hold, Store, StoreError, Writing};
#[cfg(test)]
use crate::tables;
use crate::tables::column::ColumnValue;
use crate::tables::indexes::Index;
use crate::tables::{Cell, Engine, Record};

/// The most rows that one list shows, however many are asked for. Many of the monolith's lists have no pages, and those that
/// have some give everything to who asks for less than none.
const MOST_ROWS: i64 = 10_000;

/// [`MOST_ROWS`], for binding.
pub(super) const LONGEST_LIST: Cell = Cell::Integer(MOST_ROWS);

/// So many that it is no limit: one engine knows none less than 0, and the other no offset without a limit.
pub(super) const EVERY: i64 = 1_000_000_000_000;

/// One page of a list, for binding: `limit` rows after `offset`. A negative limit is none, a negative offset is 0.
pub(super) fn page(limit: i64, offset: i64) -> [Cell; 2] {
    let limit = if limit < 0 { MOST_ROWS } else { limit.min(MOST_ROWS) };
    [Cell::Integer(limit), Cell::Integer(offset.max(0))]
}

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
        read(self.fetch(doing, Query::rows::<R>(rest), binds).await?)
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
        self.fetch(doing, Query::plain(sql), binds).await
    }

    async fn fetch(
        &self,
        doing: &'static str,
        query: Query,
        binds: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        if let Some(mut open) = self.stage.as_ref().and_then(Stage::current) {
            let found = open.connection().await?.fetch(query, binds).await;
            return found.map_err(|source| engine::rehearsed(doing, source));
        }
        let found = async {
            let mut connection = self.pool.acquire().await?;
            connection.connection().fetch(query, binds).await
        };
        found.await.map_err(|source| StoreError::query(doing, source))
    }

    /// Whether a query should be put so that it follows an optional index, which may be made while the service runs.
    /// PostgreSQL finds its way to indexes by itself.
    pub(super) async fn has_index(&self, index: &Index) -> Result<bool, StoreError> {
        if self.engine() == Engine::Postgres {
            return Ok(false);
        }
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
        mut each: impl FnMut(R) + Send,
    ) -> Result<(), StoreError> {
        let query = Query::rows::<R>(rest);
        // The first that does not read is told; the others are not handed on any more.
        let mut unread = Ok(());
        let hand_on = |cells| {
            if unread.is_ok() {
                unread = row(cells).map(&mut each);
            }
        };
        if let Some(mut open) = self.stage.as_ref().and_then(Stage::current) {
            let done = open.connection().await?.for_each(query, hand_on).await;
            done.map_err(|source| engine::rehearsed(doing, source))?;
        } else {
            let done = async {
                let mut connection = self.pool.acquire().await?;
                connection.connection().for_each(query, hand_on).await
            };
            done.await.map_err(|source| StoreError::query(doing, source))?;
        }
        unread
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
        read(self.fetch(doing, Query::rows_to_keep::<R>(rest), binds).await?)
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

    /// The rows of work for which `rest` holds and which no other transaction is about to take.
    pub(super) async fn select_free<R: Record>(
        &mut self,
        doing: &'static str,
        rest: &str,
        binds: Vec<Cell>,
    ) -> Result<Vec<R>, StoreError> {
        read(self.fetch(doing, Query::rows_to_take::<R>(rest), binds).await?)
    }

    /// The one row of work for which `rest` holds and which no other transaction is about to take.
    pub(super) async fn find_free<R: Record>(
        &mut self,
        doing: &'static str,
        rest: &str,
        binds: Vec<Cell>,
    ) -> Result<Option<R>, StoreError> {
        Ok(self.select_free(doing, rest, binds).await?.into_iter().next())
    }

    /// What a query answers that is about no one row, as this transaction sees it.
    pub(super) async fn figures(
        &mut self,
        doing: &'static str,
        sql: impl Into<String>,
        binds: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        self.fetch(doing, Query::plain(sql), binds).await
    }

    async fn fetch(
        &mut self,
        doing: &'static str,
        query: Query,
        binds: Vec<Cell>,
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        let found = self.connection().await?.fetch(query, binds).await;
        found.map_err(|source| self.failed(doing, source))
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
        self.written(doing, &R::TABLE.insert(), cells).await
    }

    /// Writes a new row under the next free number, whatever number it has, and reads it back with that.
    pub(super) async fn insert_numbered<R: Record>(
        &mut self,
        doing: &'static str,
        row: &R,
    ) -> Result<R, StoreError> {
        let columns = R::TABLE.columns.iter().zip(row.cells());
        let cells = columns.filter(|(column, _)| !column.key).map(|(_, cell)| cell).collect();
        // A number that is drawn is gone for good, even if its row is rolled back. A rehearsal draws none.
        let draws = !matches!(self.0, Hold::Rehearsed(_));
        self.written(doing, &R::TABLE.insert_numbered(draws), cells).await
    }

    /// Writes every column of the row with this key (a table's only one) as given, and reads what the columns have made
    /// of it. The key itself may be another.
    pub(super) async fn update_cells<R: Record>(
        &mut self,
        doing: &'static str,
        key: &str,
        cells: Vec<Cell>,
    ) -> Result<R, StoreError> {
        let mut binds = cells;
        binds.push(key.into());
        self.written(doing, &R::TABLE.update(), binds).await
    }

    async fn written<R: Record>(
        &mut self,
        doing: &'static str,
        sql: &str,
        binds: Vec<Cell>,
    ) -> Result<R, StoreError> {
        let written = self.fetch(doing, Query::returning(sql, &R::TABLE), binds).await?;
        let row = read(written)?.into_iter().next();
        row.ok_or_else(|| StoreError::query(doing, sqlx::Error::RowNotFound))
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
        let done = self.connection().await?.run(Query::plain(sql), binds).await;
        done.map_err(|source| self.failed(doing, source))
    }

    /// Runs statements as they stand: nothing is bound to them, and they are run once in a while.
    pub(super) async fn order(
        &mut self,
        doing: &'static str,
        sql: String,
    ) -> Result<(), StoreError> {
        let done = self.connection().await?.order(sql).await;
        done.map_err(|source| self.failed(doing, source))
    }
}

/// What follows `WHERE` where only some conditions are wanted, and what is bound for them.
pub(super) fn all_of(
    wanted: impl IntoIterator<Item = (&'static str, Option<Cell>)>,
) -> (String, Vec<Cell>) {
    let wanted = wanted.into_iter().filter_map(|(condition, cell)| Some((condition, cell?)));
    let (mut conditions, binds): (Vec<&str>, Vec<Cell>) = wanted.unzip();
    if conditions.is_empty() {
        conditions.push("TRUE");
    }
    (conditions.join(" AND "), binds)
}

/// How many rows a condition holds for, as one column of a query.
pub(super) fn count_of(condition: &str) -> String {
    format!("COUNT(CASE WHEN {condition} THEN 1 END)")
}

/// That a column has one of some values, and what is bound for it.
pub(super) fn one_of(column: &str, values: Vec<Cell>) -> (String, Vec<Cell>) {
    if values.is_empty() {
        return ("FALSE".to_owned(), values);
    }
    let places = vec!["?"; values.len()].join(", ");
    (format!("{column} IN ({places})"), values)
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

fn read<R: Record>(rows: Vec<Vec<Cell>>) -> Result<Vec<R>, StoreError> {
    rows.into_iter().map(row).collect()
}

fn row<R: Record>(cells: Vec<Cell>) -> Result<R, StoreError> {
    let key = cells.first().cloned().and_then(|cell| cell.text().ok()).unwrap_or_default();
    R::from_cells(cells).map_err(|(column, fault)| StoreError::Unreadable {
        table: R::TABLE.name,
        key,
        column,
        fault,
    })
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
    /// What was asked for since this was called last.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.0.lock().unwrap())
    }

    /// How SQLite answers what was asked for since this was called last: a line for each step of each query.
    pub(crate) async fn plans(&self) -> Vec<String> {
        let asked = self.asked();
        let mut plans = Vec::new();
        for sql in asked {
            let steps = self.figures("explain", format!("EXPLAIN QUERY PLAN {sql}"), Vec::new());
            for step in steps.await.unwrap() {
                plans.push(step.last().unwrap().clone().text().unwrap());
            }
        }
        plans
    }

    /// Every row of every table as text, whoever made the table.
    pub(crate) async fn dump(&self) -> Vec<String> {
        let (names, place) = if self.engine() == Engine::Postgres {
            (
                "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
                "ctid",
            )
        } else {
            ("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name", "rowid")
        };
        let mut dump = Vec::new();
        for table in self.figures("dump", names, Vec::new()).await.unwrap().into_iter().flatten() {
            let table = table.text().unwrap();
            // A server numbers the rows of the service's own tables.
            let numbered =
                tables::ALL.iter().find(|known| known.name == table && !known.is_shared());
            let (columns, place) = match numbered {
                Some(known) => (known.column_names().join(", "), "rowid"),
                None => ("*".to_owned(), place),
            };
            let sql = format!("SELECT {columns} FROM {table} ORDER BY {place}");
            for cells in self.figures("dump", sql, Vec::new()).await.unwrap() {
                dump.push(format!("{table}: {cells:?}"));
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
        self.statement_with(sql, Vec::new()).await
    }

    /// The same with values for its places.
    pub(crate) async fn statement_with(
        &mut self,
        sql: &str,
        binds: Vec<Cell>,
    ) -> Result<u64, StoreError> {
        self.run("run a statement", sql, binds).await
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::TestApp;

    #[tokio::test]
    async fn a_row_that_cannot_be_read_names_table_key_and_column() {
        let test = TestApp::on_file().await;
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
        let test = TestApp::on_file().await;
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
