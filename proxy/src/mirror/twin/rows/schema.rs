//! Which tables and columns both databases have, and what they are good for.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::log::LOG;

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
}

/// A name as SQL has it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Schema {
    /// Reads the schema of a database; our own table is left out.
    pub(super) fn of(database: &Connection) -> rusqlite::Result<Self> {
        let mut names = database.prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ?1",
        )?;
        let names = names.query_map([LOG], |row| row.get::<_, String>(0))?;
        let mut tables = BTreeMap::new();
        for name in names {
            let name = name?;
            tables.insert(name.clone(), Table::of(database, &name)?);
        }
        Ok(Self { tables })
    }

    /// What both have. A table without a primary key has no rows that could be told apart.
    pub(super) fn common_with(mut self, other: &Self) -> Self {
        self.tables.retain(|name, table| {
            let Some(other) = other.tables.get(name) else { return false };
            let is_common =
                |column: &Column| other.columns.iter().any(|found| found.name == column.name);
            table.columns.retain(is_common);
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
    fn of(database: &Connection, table: &str) -> rusqlite::Result<Self> {
        let leading = leading_columns(database, table)?;
        let mut columns = database
            .prepare("SELECT name, upper(type), pk FROM pragma_table_info(?1) ORDER BY cid")?;
        let columns = columns.query_map([table], |row| {
            let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
            let is_key = row.get::<_, i64>(2)? > 0;
            Ok(Column {
                is_time: kind.contains("DATE") || kind.contains("TIME"),
                is_found_by: is_key || leading.contains(&name),
                is_key,
                name,
            })
        })?;
        Ok(Self { columns: columns.collect::<rusqlite::Result<_>>()? })
    }
}

/// The first columns of a table's indexes.
fn leading_columns(database: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut columns = database.prepare(
        "SELECT info.name FROM pragma_index_list(?1) AS list, pragma_index_info(list.name) AS info \
         WHERE info.seqno = 0 AND info.name IS NOT NULL",
    )?;
    let columns = columns.query_map([table], |row| row.get(0))?;
    columns.collect()
}
