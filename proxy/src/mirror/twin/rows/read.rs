//! Reads the rows that mention certain identifiers.

use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};
use serde_json::{Map, Value};

use super::schema::{Schema, Table, quoted};

/// Most rows of one table that are read.
const MAX_ROWS: usize = 200;

/// Most identifiers that are looked for.
const MAX_IDENTIFIERS: usize = 32;

/// The rows of one database, by table. Each row carries its primary key.
pub(super) type Found = BTreeMap<String, Vec<Row>>;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Row {
    /// Names of the columns of the primary key.
    pub(super) key: Vec<String>,
    pub(super) columns: Map<String, Value>,
}

/// Every row with one of these identifiers in a column that rows are found by.
pub(super) fn mentioning(
    database: &Connection,
    schema: &Schema,
    identifiers: &[String],
) -> rusqlite::Result<Found> {
    let identifiers = identifiers.get(..MAX_IDENTIFIERS).unwrap_or(identifiers);
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
    let key: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.is_key)
        .map(|column| column.name.clone())
        .collect();
    let rows = statement.query_map(params_from_iter(identifiers), |row| {
        let mut columns = Map::new();
        for (index, column) in table.columns.iter().enumerate() {
            columns.insert(column.name.clone(), json(row.get_ref(index)?));
        }
        Ok(Row { key: key.clone(), columns })
    })?;
    rows.collect()
}

/// A value as JSON; text that is a JSON document as that document, so that its spelling makes no difference.
fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Blob(bytes) => {
            format!("{} bytes {:016x}", bytes.len(), xxhash_rust::xxh3::xxh3_64(bytes)).into()
        }
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            let is_document = text.starts_with(['{', '[']);
            let document = is_document.then(|| serde_json::from_str(&text).ok()).flatten();
            document.unwrap_or_else(|| text.into_owned().into())
        }
    }
}
