//! Reads rows of a table in short statements, so that nobody waits for the reader: all of them, or some from everywhere.

use std::ops::RangeInclusive;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, SqliteConnection};

use super::rows::RowFaults;
use super::shape;
use crate::store::sqlite_cells;
use crate::tables::{Cell, Column, ColumnType, Table};

/// How many rows one statement reads at most.
const BATCH: u32 = 500;
/// A sample is taken in so many places, the first and the last rows among them.
const PLACES: u32 = 20;
/// So many pages of PostgreSQL are read at once.
const PAGES: i64 = 64;

/// How much of a table is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// Every row.
    All,
    /// About so many, from everywhere in the table.
    About(u32),
}

/// What of a table can be read, as the database has it.
pub(super) struct Readable {
    table: &'static Table,
    columns: Vec<&'static Column>,
    /// The columns of the key that the database has, quoted.
    key: Vec<String>,
}

impl Readable {
    /// The columns that are there; none where that leaves nothing.
    pub(super) fn of(table: &'static Table, found: &shape::Table) -> Option<Self> {
        let is_there = |column: &&Column| found.column(column.name).is_some();
        let columns: Vec<_> = table.columns.iter().filter(is_there).collect();
        let may_read = !found.denied.iter().any(|right| right == "SELECT");
        let key = found.key.iter().map(|name| quoted(name)).collect();
        (may_read && !columns.is_empty()).then_some(Self { table, columns, key })
    }

    fn quoted_columns(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| quoted(column.name)).collect();
        names.join(", ")
    }

    /// Reads from SQLite: by the numbers of rows, or where the table was made without them, by its key.
    pub(super) async fn read_sqlite(
        &self,
        database: &mut SqliteConnection,
        sample: Sample,
        faults: &mut RowFaults,
    ) -> Result<(), sqlx::Error> {
        let sql =
            "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND lower(name) = lower(?)";
        let unnumbered: Option<bool> =
            sqlx::query_scalar(sql).bind(self.table.name).fetch_optional(&mut *database).await?;
        if unnumbered == Some(true) {
            self.read_by_key(database, sample, faults).await
        } else {
            self.read_by_number(database, sample, faults).await
        }
    }

    async fn read_by_number(
        &self,
        database: &mut SqliteConnection,
        sample: Sample,
        faults: &mut RowFaults,
    ) -> Result<(), sqlx::Error> {
        let (table, names) = (self.table.name, self.quoted_columns());
        // Each asked for alone: together, SQLite would go through the whole table.
        let sql =
            format!("SELECT (SELECT min(rowid) FROM {table}), (SELECT max(rowid) FROM {table})");
        let ends = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *database).await?;
        let ends: (Option<i64>, Option<i64>) = (ends.try_get(0)?, ends.try_get(1)?);
        let (Some(first), Some(last)) = ends else { return Ok(()) };
        let sql = format!(
            "SELECT rowid, {names} FROM {table} WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?"
        );
        for (range, most) in ranges(first..=last, sample) {
            let mut from = *range.start();
            let mut left = most;
            while left > 0 && from <= *range.end() {
                let batch = left.min(BATCH.into());
                let rows = sqlx::query(AssertSqlSafe(sql.clone()))
                    .bind(from)
                    .bind(range.end())
                    .bind(i64::try_from(batch).unwrap_or(i64::MAX))
                    .fetch_all(&mut *database)
                    .await?;
                let Some(last) = rows.last() else { break };
                let at: i64 = last.try_get(0)?;
                left -= batch;
                for row in &rows {
                    let mut cells = sqlite_cells(row)?;
                    cells.remove(0);
                    faults.look(table, &self.columns, cells);
                }
                let Some(next) = at.checked_add(1) else { break };
                from = next;
            }
        }
        Ok(())
    }

    /// The first rows and the last ones by the key: there is no way into the middle but past all that stand before it.
    async fn read_by_key(
        &self,
        database: &mut SqliteConnection,
        sample: Sample,
        faults: &mut RowFaults,
    ) -> Result<(), sqlx::Error> {
        let (from_start, from_end) = match sample {
            Sample::All => (u64::MAX, 0),
            Sample::About(most) => (most.div_ceil(2).into(), (most / 2).into()),
        };
        let mut unread = Between::default();
        for (order, mut left) in [("ASC", from_start), ("DESC", from_end)] {
            while left > 0 {
                let batch = left.min(BATCH.into());
                let sql = self.select_between(&unread, order, batch);
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *database).await?;
                for row in &rows {
                    let mut cells = sqlite_cells(row)?;
                    cells.remove(0);
                    faults.look(self.table.name, &self.columns, cells);
                }
                left -= batch;
                let Some(last) = rows.last() else { return Ok(()) };
                let last: String = last.try_get(0)?;
                let end = if order == "ASC" { &mut unread.after } else { &mut unread.before };
                if end.replace(last.clone()) == Some(last) {
                    // A key that its own text does not find again.
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn select_between(
        &self,
        Between { after, before }: &Between,
        order: &str,
        most: u64,
    ) -> String {
        let key = self.key.join(", ");
        let literals: Vec<String> = self.key.iter().map(|name| format!("quote({name})")).collect();
        let ends = [(">", after), ("<", before)].into_iter();
        let ends = ends.filter_map(|(is, end)| Some(format!("({key}) {is} ({})", end.as_ref()?)));
        let conditions: Vec<String> = ends.chain(["TRUE".to_owned()]).collect();
        let sorted: Vec<String> = self.key.iter().map(|name| format!("{name} {order}")).collect();
        format!(
            "SELECT {}, {} FROM {} WHERE {} ORDER BY {} LIMIT {most}",
            literals.join(" || ', ' || "),
            self.quoted_columns(),
            self.table.name,
            conditions.join(" AND "),
            sorted.join(", ")
        )
    }

    /// Reads from PostgreSQL, by the pages of the table. Every value comes as text, which is the same for each version of each type.
    pub(super) async fn read_postgres(
        &self,
        database: &mut PgConnection,
        sample: Sample,
        faults: &mut RowFaults,
    ) -> Result<(), sqlx::Error> {
        let names: Vec<String> =
            self.columns.iter().map(|column| format!("\"{}\"::text", column.name)).collect();
        let (table, names) = (self.table.name, names.join(", "));
        let pages: i64 = sqlx::query_scalar(
            "SELECT pg_relation_size($1::regclass) / current_setting('block_size')::bigint",
        )
        .bind(table)
        .fetch_one(&mut *database)
        .await?;
        let mut places = ranges(0..=pages.saturating_sub(1), sample);
        if sample != Sample::All && pages > 0 {
            self.read_beginnings(database, &names, &mut places, faults).await?;
        }
        let sql = format!(
            "SELECT {names} FROM {table} WHERE ctid >= $1::text::tid AND ctid < $2::text::tid LIMIT $3"
        );
        for (range, most) in places {
            let (mut from, mut left) = (*range.start(), most);
            while left > 0 && from <= *range.end() {
                let until = (from + PAGES).min(range.end() + 1);
                let rows = sqlx::query(AssertSqlSafe(sql.clone()))
                    .bind(tid(from))
                    .bind(tid(until))
                    .bind(i64::try_from(left).unwrap_or(i64::MAX))
                    .fetch_all(&mut *database)
                    .await?;
                left -= u64::try_from(rows.len()).unwrap_or(left).min(left);
                from = until;
                for row in &rows {
                    faults.look(table, &self.columns, self.cells_of(row, 0)?);
                }
            }
        }
        Ok(())
    }

    /// Reads the first pages of each place with one question, because most of the time goes by with asking; what is left of the
    /// places is left in them.
    async fn read_beginnings(
        &self,
        database: &mut PgConnection,
        names: &str,
        places: &mut [(RangeInclusive<i64>, u64)],
        faults: &mut RowFaults,
    ) -> Result<(), sqlx::Error> {
        let table = self.table.name;
        let sql = format!(
            "SELECT place.number, found.* FROM unnest($1::text[]::tid[], $2::text[]::tid[], $3::bigint[]) WITH ORDINALITY \
             AS place (first, until, most, number), \
             LATERAL (SELECT {names} FROM {table} WHERE ctid >= place.first AND ctid < place.until LIMIT place.most) AS found"
        );
        let end = |range: &RangeInclusive<i64>| (range.start() + PAGES).min(range.end() + 1);
        let firsts: Vec<String> = places.iter().map(|(range, _)| tid(*range.start())).collect();
        let untils: Vec<String> = places.iter().map(|(range, _)| tid(end(range))).collect();
        let most: Vec<i64> =
            places.iter().map(|(_, most)| i64::try_from(*most).unwrap_or(i64::MAX)).collect();
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(firsts)
            .bind(untils)
            .bind(most)
            .fetch_all(&mut *database)
            .await?;
        for row in &rows {
            let number: i64 = row.try_get(0)?;
            let place = usize::try_from(number - 1).ok().and_then(|at| places.get_mut(at));
            if let Some((_, left)) = place {
                *left = left.saturating_sub(1);
            }
            faults.look(table, &self.columns, self.cells_of(row, 1)?);
        }
        for (range, _) in places {
            *range = end(range)..=*range.end();
        }
        Ok(())
    }

    /// The cells of a row, of which so many values are not the table's.
    fn cells_of(&self, row: &PgRow, others: usize) -> Result<Vec<Cell>, sqlx::Error> {
        let cell = |(at, column): (usize, &&'static Column)| {
            let text: Option<String> = row.try_get(at + others)?;
            Ok(text.map_or(Cell::Null, |text| as_stored(column.kind, text)))
        };
        self.columns.iter().enumerate().map(cell).collect()
    }
}

/// The keys, as SQL, between which nothing was read so far.
#[derive(Default)]
struct Between {
    after: Option<String>,
    before: Option<String>,
}

/// Where a page begins.
fn tid(page: i64) -> String {
    format!("({page},0)")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The cell that SQLite would hold for a value that PostgreSQL prints so.
fn as_stored(kind: ColumnType, text: String) -> Cell {
    let number = match kind {
        ColumnType::Boolean => match text.as_str() {
            "true" => Some(Cell::Integer(1)),
            "false" => Some(Cell::Integer(0)),
            _ => None,
        },
        ColumnType::Integer | ColumnType::Money => text.parse().ok().map(Cell::Integer),
        ColumnType::Float => text.parse().ok().map(Cell::Real),
        ColumnType::Bytes => Some(Cell::Bytes(text.clone().into_bytes())),
        ColumnType::Text(_) | ColumnType::Json | ColumnType::DateTime | ColumnType::Enum(_) => None,
    };
    number.unwrap_or(Cell::Text(text))
}

/// Which places to read from, and how many rows in each at most: the whole of it, or places that are evenly apart.
fn ranges(whole: RangeInclusive<i64>, sample: Sample) -> Vec<(RangeInclusive<i64>, u64)> {
    let (first, last) = (*whole.start(), *whole.end());
    let Sample::About(most) = sample else { return vec![(whole, u64::MAX)] };
    let length = i128::from(last) - i128::from(first) + 1;
    if length <= i128::from(most) && length <= i128::from(PLACES) || length <= 0 {
        return vec![(whole, most.into())];
    }
    let each = most.div_ceil(PLACES);
    let place = |place: u32| {
        let from = i128::from(first) + length * i128::from(place) / i128::from(PLACES);
        let until = i128::from(first) + length * i128::from(place + 1) / i128::from(PLACES) - 1;
        // The last rows are those that were written last: of the last place, they are what is read.
        let from = if place + 1 == PLACES { from.max(until - i128::from(each) + 1) } else { from };
        let place = i64::try_from(from).ok()?..=i64::try_from(until).ok()?;
        Some((place, u64::from(each)))
    };
    (0..PLACES).filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sqlx::Connection as _;

    use super::*;
    use crate::schema::{Engine, sqlite};
    use crate::tables::Record as _;
    use crate::tables::own::marketplace::Sales;

    /// How many rows are looked at in a table without numbers of rows, each of which has a fault, and what is said of them.
    async fn read_without_numbers(rows: u32, sample: Sample) -> (u64, Vec<String>) {
        const TABLE: Table = Sales::TABLE;
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let made = format!("{} WITHOUT ROWID", TABLE.create_statements(Engine::Sqlite)[0]);
        // Both columns of the key matter, and some are bytes.
        let filled = format!(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {rows}) \
             INSERT INTO {} SELECT iif(i % 5 = 4, CAST('it''s' AS BLOB), 'it''s ' || (i % 5)), printf('%05d', i), 1, 'no number' FROM n WHERE i < {rows}",
            TABLE.name
        );
        for sql in [made, filled] {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await.unwrap();
        }
        let found = sqlite::read(&mut database).await.unwrap();
        let readable = Readable::of(&Sales::TABLE, &found.tables[TABLE.name]).unwrap();
        let mut faults = RowFaults::new(Engine::Sqlite);
        readable.read_sqlite(&mut database, sample, &mut faults).await.unwrap();
        (faults.rows(), faults.findings().into_iter().map(|finding| finding.message).collect())
    }

    #[tokio::test]
    async fn rows_without_numbers_are_read_by_their_key() {
        for (rows, sample, expected) in [
            (0, Sample::All, 0),
            (1, Sample::All, 1),
            (1203, Sample::All, 1203),
            (2000, Sample::All, 2000),
            (1203, Sample::About(101), 101),
            (2500, Sample::About(2001), 2001),
            (70, Sample::About(100), 70),
        ] {
            let (looked_at, told) = read_without_numbers(rows, sample).await;
            assert_eq!(looked_at, expected, "{rows} rows, {sample:?}");
            let expected_end = format!(" in {looked_at} of {looked_at} looked at: ");
            // Neither the type nor the amount is one.
            assert_eq!(told.len(), 2 * usize::from(rows > 0), "{told:?}");
            assert!(told.iter().all(|message| message.contains(&expected_end)), "{told:?}");
        }
    }

    proptest! {
        #[test]
        fn places_are_in_order_apart_and_within(
            first in -1000_i64..1000,
            length in 0_i64..1_000_000_000,
            most in 1_u32..5000,
        ) {
            let last = first + length;
            let found = ranges(first..=last, Sample::About(most));
            prop_assert!(found.len() <= PLACES as usize);
            prop_assert_eq!(*found[0].0.start(), first);
            prop_assert_eq!(*found.last().unwrap().0.end(), last);
            for pair in found.windows(2) {
                prop_assert!(pair[0].0.end() < pair[1].0.start());
            }
            let rows: u64 = found.iter().map(|(_, most)| most).sum();
            prop_assert!(rows >= u64::from(most) && rows < u64::from(most) + u64::from(PLACES));
        }
    }

    #[test]
    fn the_whole_is_one_place() {
        assert_eq!(ranges(5..=9, Sample::All), [(5..=9, u64::MAX)]);
        let nothing = RangeInclusive::new(0, -1);
        assert_eq!(ranges(nothing.clone(), Sample::About(10)), [(nothing, 10)]);
    }
}
