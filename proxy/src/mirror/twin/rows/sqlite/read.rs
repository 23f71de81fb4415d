//! Reads the rows that mention certain identifiers.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};
use serde_json::{Map, Value};

use super::super::row::{Found, MAX_ROWS, Row, document, looked_for};
use super::super::schema::{Schema, Table, quoted};

/// Every row with one of these identifiers in a column that rows are found by.
pub(super) fn mentioning(
    database: &Connection,
    schema: &Schema,
    identifiers: &[String],
) -> rusqlite::Result<Found> {
    let identifiers = looked_for(identifiers);
    let mut found = Found::new();
    if identifiers.is_empty() {
        return Ok(found);
    }
    for (name, table) in &schema.tables {
        let rows = rows(database, name, table, identifiers)?;
        if !rows.is_empty() {
            found.insert(name.clone(), rows);
        }
    }
    Ok(found)
}

fn rows(
    database: &Connection,
    name: &str,
    table: &Table,
    identifiers: &[String],
) -> rusqlite::Result<Vec<Row>> {
    let columns: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    let marks: Vec<String> = (1..=identifiers.len()).map(|number| format!("?{number}")).collect();
    let marks = marks.join(", ");
    let found_by = table.columns.iter().filter(|column| column.is_found_by);
    let conditions: Vec<String> =
        found_by.map(|column| format!("{} IN ({marks})", quoted(&column.name))).collect();
    let sql = format!(
        "SELECT {} FROM {} WHERE {} LIMIT {MAX_ROWS}",
        columns.join(", "),
        quoted(name),
        conditions.join(" OR ")
    );
    let mut statement = database.prepare(&sql)?;
    let key = table.key();
    let rows = statement.query_map(params_from_iter(identifiers), |row| {
        let mut columns = Map::new();
        for (index, column) in table.columns.iter().enumerate() {
            columns.insert(column.name.clone(), json(row.get_ref(index)?));
        }
        Ok(Row { key: key.clone(), columns })
    })?;
    rows.collect()
}

/// A value as JSON.
fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Blob(bytes) => {
            format!("{} bytes {:016x}", bytes.len(), xxhash_rust::xxh3::xxh3_64(bytes)).into()
        }
        ValueRef::Text(text) => document(String::from_utf8_lossy(text).into_owned()),
    }
}
