//! The table and the triggers by which the clone itself notes which rows change. They are made in the clone only.

use std::fmt::Write as _;

use rusqlite::Connection;

use super::super::row::{Change, MAX_CHANGES};
use super::super::schema::{Schema, Table, quoted};

/// The table's name.
pub(super) const LOG: &str = "strangler_write_log";

/// Entries that are kept, about; the triggers themselves remove what is older.
const KEPT: u32 = 20_000;

/// Between the values of an entry: no identifier has it.
const SEPARATOR: char = '\u{1f}';

/// Makes the table and the triggers that are missing.
pub(super) fn install(clone: &Connection, schema: &Schema) -> rusqlite::Result<()> {
    let mut wanted = format!(
        "CREATE TABLE IF NOT EXISTS {LOG} (seq INTEGER PRIMARY KEY AUTOINCREMENT, tbl TEXT NOT NULL, \
         key TEXT NOT NULL, mentions TEXT NOT NULL);\n\
         CREATE TRIGGER IF NOT EXISTS {LOG}_trim AFTER INSERT ON {LOG} WHEN NEW.seq % 1000 = 0 \
         BEGIN DELETE FROM {LOG} WHERE seq <= NEW.seq - {KEPT}; END;\n"
    );
    for (name, table) in &schema.tables {
        for (event, rows) in
            [("INSERT", &["NEW"][..]), ("UPDATE", &["OLD", "NEW"]), ("DELETE", &["OLD"])]
        {
            let trigger = quoted(&format!("{LOG}_{name}_{}", event.to_lowercase()));
            let literal = name.replace('\'', "''");
            // Writing cannot fail.
            let _ok = writeln!(
                wanted,
                "CREATE TRIGGER IF NOT EXISTS {trigger} AFTER {event} ON {} BEGIN \
                 INSERT INTO {LOG} (tbl, key, mentions) VALUES ('{literal}', {}, {}); END;",
                quoted(name),
                key(table, rows),
                mentions(table, rows)
            );
        }
    }
    // One look first: starting takes no write lock where everything is there already.
    let found: i64 = clone.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name LIKE ?1",
        [format!("{LOG}%")],
        |row| row.get(0),
    )?;
    if usize::try_from(found).ok() == Some(schema.tables.len() * 3 + 1) {
        return Ok(());
    }
    clone.execute_batch(&format!("BEGIN IMMEDIATE;\n{wanted}COMMIT;"))
}

/// An expression for the primary key.
fn key(table: &Table, rows: &[&str]) -> String {
    let keys: Vec<_> = table.columns.iter().filter(|column| column.is_key).collect();
    match (keys.as_slice(), rows.last()) {
        ([key], Some(row)) => format!("coalesce({row}.{}, '')", quoted(&key.name)),
        _ => "''".to_owned(),
    }
}

/// An expression for what stands in the columns that hold identifiers.
fn mentions(table: &Table, rows: &[&str]) -> String {
    let columns = table.columns.iter().filter(|column| column.is_found_by);
    let values = columns.flat_map(|column| {
        rows.iter().map(move |row| format!("coalesce({row}.{}, '')", quoted(&column.name)))
    });
    values.collect::<Vec<_>>().join(&format!(" || char({}) || ", u32::from(SEPARATOR)))
}

/// Where the log stands.
pub(super) fn mark(clone: &Connection) -> rusqlite::Result<i64> {
    clone.query_row(&format!("SELECT coalesce(max(seq), 0) FROM {LOG}"), [], |row| row.get(0))
}

/// What was noted since, up to a bound.
pub(super) fn since(clone: &Connection, mark: i64) -> rusqlite::Result<Vec<Change>> {
    let sql =
        format!("SELECT DISTINCT tbl, key, mentions FROM {LOG} WHERE seq > ?1 LIMIT {MAX_CHANGES}");
    let mut changes = clone.prepare(&sql)?;
    let changes = changes.query_map([mark], |row| {
        let mentions: String = row.get(2)?;
        Ok(Change {
            table: row.get(0)?,
            key: row.get(1)?,
            mentions: mentions.split(SEPARATOR).map(str::to_owned).collect(),
        })
    })?;
    changes.collect()
}
