//! What an SQLite file says of its tables.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::super::schema::{Column, Kind, Schema, Table};
use super::log::LOG;

/// Reads the schema of a database; our own table is left out.
pub(super) fn schema(database: &Connection) -> rusqlite::Result<Schema> {
    let mut names = database.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ?1",
    )?;
    let names = names.query_map([LOG], |row| row.get::<_, String>(0))?;
    let mut tables = BTreeMap::new();
    for name in names {
        let name = name?;
        tables.insert(name.clone(), table(database, &name)?);
    }
    Ok(Schema { tables })
}

fn table(database: &Connection, table: &str) -> rusqlite::Result<Table> {
    let leading = leading_columns(database, table)?;
    let mut columns =
        database.prepare("SELECT name, upper(type), pk FROM pragma_table_info(?1) ORDER BY cid")?;
    let columns = columns.query_map([table], |row| {
        let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
        let is_key = row.get::<_, i64>(2)? > 0;
        Ok(Column {
            is_time: kind.contains("DATE") || kind.contains("TIME"),
            is_found_by: is_key || leading.contains(&name),
            is_key,
            name,
            kind: Kind::Any,
        })
    })?;
    Ok(Table { columns: columns.collect::<rusqlite::Result<_>>()? })
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
