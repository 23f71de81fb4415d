//! Which tables and columns both databases have, and what they are good for.

use std::collections::BTreeMap;

/// The tables of a database, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Schema {
    pub(super) tables: BTreeMap<String, Table>,
}

/// One table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// Part of the primary key.
    pub(super) is_key: bool,
    /// Declared to hold a time.
    pub(super) is_time: bool,
    /// A row is found by it without reading the whole table, and it holds identifiers as far as its name or place tells.
    pub(super) is_found_by: bool,
    pub(super) kind: Kind,
}

/// How a column's values are looked for and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Each value says itself what it is.
    Any,
    Text,
    Integer,
    Uuid,
    Numeric,
    Bytes,
}

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Schema {
    /// What both have. A table without a primary key has no rows that could be told apart, and a column by which rows are
    /// found in one database only would find more there.
    pub(super) fn common_with(mut self, other: &Self) -> Self {
        self.tables.retain(|name, table| {
            let Some(other) = other.tables.get(name) else { return false };
            table.columns.retain_mut(|column| {
                let found = other.columns.iter().find(|found| found.name == column.name);
                column.is_key &= found.is_some_and(|found| found.is_key);
                column.is_found_by &= found.is_some_and(|found| found.is_found_by);
                found.is_some()
            });
            table.columns.iter().any(|column| column.is_key)
        });
        self
    }

    /// Columns that hold times, as `(table, column)`.
    pub(super) fn times(&self) -> Vec<(String, String)> {
        let tables = self.tables.iter();
        let columns =
            tables.flat_map(|(name, table)| table.columns.iter().map(move |column| (name, column)));
        let times = columns.filter(|(_, column)| column.is_time);
        times.map(|(table, column)| (table.clone(), column.name.clone())).collect()
    }
}

impl Table {
    /// Names of the columns of the primary key.
    pub(super) fn key(&self) -> Vec<String> {
        let columns = self.columns.iter().filter(|column| column.is_key);
        columns.map(|column| column.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, is_key: bool, is_found_by: bool) -> Column {
        Column {
            name: name.to_owned(),
            is_key,
            is_time: name == "at",
            is_found_by,
            kind: Kind::Any,
        }
    }

    /// Name, whether it is of the key, and whether rows are found by it.
    type Described<'d> = (&'d str, bool, bool);

    fn schema(tables: &[(&str, &[Described<'_>])]) -> Schema {
        let table = |(name, columns): &(&str, &[Described<'_>])| {
            let columns = columns.iter().map(|(name, key, found)| column(name, *key, *found));
            ((*name).to_owned(), Table { columns: columns.collect() })
        };
        Schema { tables: tables.iter().map(table).collect() }
    }

    #[test]
    fn what_both_have_is_the_same_from_either_side() {
        let one = schema(&[
            ("w", &[("id", true, true), ("of", false, true), ("at", false, false)]),
            ("log", &[("text", false, false)]),
            ("keyed", &[("id", true, true)]),
            ("own", &[("id", true, true)]),
        ]);
        let other = schema(&[
            (
                "w",
                &[
                    ("id", true, true),
                    ("of", false, false),
                    ("at", false, false),
                    ("x", false, true),
                ],
            ),
            ("log", &[("text", false, false)]),
            ("keyed", &[("id", false, true)]),
        ]);
        let (left, right) = (one.clone().common_with(&other), other.common_with(&one));
        assert_eq!(left.tables.keys().collect::<Vec<_>>(), ["w"]);
        assert_eq!(left.tables["w"].columns, right.tables["w"].columns);
        assert_eq!(
            left.tables["w"].columns,
            [column("id", true, true), column("of", false, false), column("at", false, false)]
        );
        assert_eq!(left.times(), [("w".to_owned(), "at".to_owned())]);
        assert_eq!(left.tables["w"].key(), ["id"]);
    }
}
