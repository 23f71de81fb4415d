//! One form for the same value on either kind of database, and a sum of rows in which their order does not count. Pure.

use serde::Serialize;
use service::python::time::Stamp;
use service::tables::{Cell, ColumnType, Table};
use xxhash_rust::xxh3::xxh3_128;

/// How many rows a table has, and a checksum of them where they were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// The rows.
    pub rows: u64,
    /// The sum of their hashes; rows that are there twice count twice.
    sum: Option<u128>,
}

impl Tally {
    /// So many rows that were not read.
    pub const fn counted(rows: u64) -> Self {
        Self { rows, sum: None }
    }

    /// Counts a row of a table: its cells, and its number if there is one more.
    pub fn add(&mut self, table: &Table, row: &[Cell]) {
        self.rows += 1;
        self.sum = Some(self.sum.unwrap_or(0).wrapping_add(digest(table, row)));
    }

    /// The checksum as people compare it.
    pub fn checksum(&self) -> Option<String> {
        self.sum.map(|sum| format!("{sum:032x}"))
    }
}

impl Serialize for Tally {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut tally = serializer.serialize_struct("Tally", 2)?;
        tally.serialize_field("rows", &self.rows)?;
        match self.checksum() {
            Some(checksum) => tally.serialize_field("checksum", &checksum)?,
            None => tally.skip_field("checksum")?,
        }
        tally.end()
    }
}

/// A hash of a row: its cells, and its number if there is one more.
pub fn digest(table: &Table, row: &[Cell]) -> u128 {
    let kinds = table.columns.iter().map(|column| column.kind);
    xxh3_128(&form_of(kinds.chain(std::iter::once(ColumnType::Money)), row))
}

/// The form of a key.
pub fn key_form(table: &Table, key: &[Cell]) -> Vec<u8> {
    form_of(table.columns.iter().filter(|column| column.key).map(|column| column.kind), key)
}

/// The values of some columns in a form of which equal ones are equal.
pub fn form_of(kinds: impl IntoIterator<Item = ColumnType>, cells: &[Cell]) -> Vec<u8> {
    let mut out = Vec::with_capacity(cells.len() * 24);
    for (kind, cell) in kinds.into_iter().zip(cells) {
        put(kind, cell, &mut out);
    }
    out
}

fn put(kind: ColumnType, cell: &Cell, out: &mut Vec<u8>) {
    let (tag, bytes) = match (kind, cell) {
        (_, Cell::Null) => (0, Vec::new()),
        (ColumnType::Boolean, cell) if let Some(number) = number(cell) => {
            (1, vec![u8::from(number != 0.0)])
        }
        (ColumnType::Integer | ColumnType::Money, cell) if let Some(number) = whole(cell) => {
            (2, number.to_be_bytes().to_vec())
        }
        (ColumnType::Float, cell) if let Some(number) = number(cell) => {
            // One file has no negative zero.
            (3, (number + 0.0).to_bits().to_be_bytes().to_vec())
        }
        (ColumnType::DateTime, Cell::Text(text)) if let Some(stamp) = Stamp::parse(text) => {
            (4, stamp.micros().to_be_bytes().to_vec())
        }
        (_, Cell::Text(text)) => (5, text.as_bytes().to_vec()),
        (_, Cell::Bytes(bytes)) => (5, bytes.clone()),
        // A column of text has these as their text on a server.
        (_, Cell::Integer(number)) => (5, number.to_string().into_bytes()),
        (_, Cell::Real(number)) => (5, format!("{number:?}").into_bytes()),
    };
    out.push(tag);
    out.extend((bytes.len() as u64).to_be_bytes());
    out.extend(bytes);
}

/// A whole number, also one that is written as a text or as 3.0.
#[expect(clippy::cast_possible_truncation, reason = "it is whole, and compared")]
pub(crate) fn whole(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Integer(number) => Some(*number),
        Cell::Real(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
        Cell::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a column of floats holds no more digits")]
fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Integer(number) => Some(*number as f64),
        Cell::Real(number) => Some(*number),
        Cell::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use service::tables::Record as _;
    use service::tables::own::MetaTraining;

    use super::*;

    fn one(kind: ColumnType, cell: Cell) -> Vec<u8> {
        form_of([kind], &[cell])
    }

    #[test]
    fn what_the_two_kinds_of_databases_say_differently_is_equal() {
        for (kind, file, server) in [
            (ColumnType::Boolean, Cell::Integer(2), Cell::Integer(1)),
            (ColumnType::Float, Cell::Integer(3), Cell::Real(3.0)),
            (ColumnType::Float, Cell::Real(0.0), Cell::Real(-0.0)),
            (ColumnType::Integer, Cell::Real(3.0), Cell::Integer(3)),
            (ColumnType::Integer, Cell::from(" 3"), Cell::Integer(3)),
            (ColumnType::Json, Cell::Integer(3), Cell::from("3")),
            (ColumnType::Text(None), Cell::Real(1.5), Cell::from("1.5")),
            (ColumnType::Bytes, Cell::from("text"), Cell::Bytes(b"text".to_vec())),
            (
                ColumnType::DateTime,
                Cell::from("2026-01-02T03:04:05+02:00"),
                Cell::from("2026-01-02 01:04:05.000000"),
            ),
        ] {
            assert_eq!(one(kind, file.clone()), one(kind, server), "{file:?}");
        }
    }

    #[test]
    fn what_differs_differs() {
        for (kind, left, right) in [
            (ColumnType::Json, Cell::Null, Cell::from("null")),
            (ColumnType::Text(None), Cell::Null, Cell::from("")),
            (ColumnType::Integer, Cell::Integer(-1), Cell::Integer(1)),
            (ColumnType::Json, Cell::from("{\"a\":1}"), Cell::from("{\"a\": 1}")),
        ] {
            assert_ne!(one(kind, left.clone()), one(kind, right), "{left:?}");
        }
        let texts = [ColumnType::Text(None), ColumnType::Text(None)];
        let [left, right] =
            [["ab", "c"], ["a", "bc"]].map(|cells| form_of(texts, &cells.map(Cell::from)));
        assert_ne!(left, right);
    }

    proptest! {
        #[test]
        fn the_order_of_rows_does_not_count_and_their_number_does(mut ids in prop::collection::vec(".*", 1..8)) {
            let tally = |ids: &[String]| {
                let mut tally = Tally::default();
                for id in ids {
                    tally.add(&MetaTraining::TABLE, &[Cell::from(id.as_str()), Cell::from("2026-01-01")]);
                }
                tally
            };
            let before = tally(&ids);
            ids.reverse();
            prop_assert_eq!(before, tally(&ids));
            ids.push(ids[0].clone());
            prop_assert_ne!(before, tally(&ids));
            ids.push(ids[0].clone());
            prop_assert_ne!(before.checksum(), tally(&ids).checksum());
        }
    }
}
