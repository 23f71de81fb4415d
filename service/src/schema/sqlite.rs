//! Reads the tables of an SQLite file.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::affinity;
use super::shape::{Column, Engine, Index, Reference, Schema, Table};

/// Every table but SQLite's own.
const TABLES: &str = "SELECT name, sql FROM sqlite_schema \
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
const COLUMNS: &str = "SELECT m.name AS tbl, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk, c.hidden \
    FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid";
/// `origin` is `pk` for the index of the primary key.
const INDEXES: &str = "SELECT m.name AS tbl, i.name, i.\"unique\" AS is_unique, i.partial, s.sql, \
    c.name AS col, c.\"desc\" AS falls \
    FROM sqlite_schema m JOIN pragma_index_list(m.name) i JOIN pragma_index_xinfo(i.name) c \
    LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = i.name \
    WHERE m.type = 'table' AND i.origin <> 'pk' AND c.\"key\" = 1 ORDER BY m.name, i.seq, c.seqno";
const REFERENCES: &str = "SELECT m.name AS tbl, f.id, f.\"table\" AS other, f.\"from\" AS col, f.\"to\" AS there \
    FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq";
const TRIGGERS: &str = "SELECT tbl_name AS tbl, name FROM sqlite_schema WHERE type = 'trigger' ORDER BY tbl_name, name";

/// Everything that the file says about its tables. It is read in five short statements, each of which sees one state.
pub async fn read(connection: &mut SqliteConnection) -> Result<Schema, sqlx::Error> {
    let mut schema = Schema { engine: Some(Engine::Sqlite), ..Schema::default() };
    for row in sqlx::query(TABLES).fetch_all(&mut *connection).await? {
        let sql: Option<String> = row.try_get("sql")?;
        let checks = sql.as_deref().map(checks).unwrap_or_default();
        schema.tables.insert(row.try_get("name")?, Table { checks, ..Table::default() });
    }
    for row in sqlx::query(COLUMNS).fetch_all(&mut *connection).await? {
        if let Some(table) = table(&mut schema, &row)? {
            add_column(table, &row)?;
        }
    }
    for table in schema.tables.values_mut() {
        // They came as `3 name`, in the order of the columns.
        table.key.sort();
        for key in &mut table.key {
            *key = key.split_off(ORDER);
        }
    }
    for row in sqlx::query(INDEXES).fetch_all(&mut *connection).await? {
        if let Some(table) = table(&mut schema, &row)? {
            add_to_index(table, &row)?;
        }
    }
    let mut last = None;
    for row in sqlx::query(REFERENCES).fetch_all(&mut *connection).await? {
        if let Some(table) = table(&mut schema, &row)? {
            let id: (String, i64) = (row.try_get("tbl")?, row.try_get("id")?);
            let is_next = last.as_ref() != Some(&id);
            last = Some(id);
            if is_next {
                let other = row.try_get("other")?;
                table.references.push(Reference {
                    columns: Vec::new(),
                    table: other,
                    to: Vec::new(),
                });
            }
            if let Some(reference) = table.references.last_mut() {
                reference.columns.push(row.try_get("col")?);
                // Without a name it is the other table's key.
                reference.to.extend(row.try_get::<Option<String>, _>("there")?);
            }
        }
    }
    for row in sqlx::query(TRIGGERS).fetch_all(&mut *connection).await? {
        if let Some(table) = table(&mut schema, &row)? {
            table.triggers.push(row.try_get("name")?);
        }
    }
    Ok(schema)
}

/// Digits that a column's place in the key is written with, and a blank.
const ORDER: usize = 5;

fn table<'s>(
    schema: &'s mut Schema,
    row: &SqliteRow,
) -> Result<Option<&'s mut Table>, sqlx::Error> {
    Ok(schema.tables.get_mut(row.try_get::<&str, _>("tbl")?))
}

fn add_column(table: &mut Table, row: &SqliteRow) -> Result<(), sqlx::Error> {
    let (name, declared): (String, String) = (row.try_get("name")?, row.try_get("type")?);
    let place: i64 = row.try_get("pk")?;
    if place > 0 {
        table.key.push(format!("{place:04} {name}"));
    }
    table.columns.push(Column {
        name,
        family: affinity::family(&declared),
        declared,
        nullable: !row.try_get::<bool, _>("notnull")?,
        default: row.try_get("dflt_value")?,
        // 2 and 3 are computed ones, 1 is a hidden one of a virtual table.
        generated: row.try_get::<i64, _>("hidden")? > 1,
    });
    Ok(())
}

fn add_to_index(table: &mut Table, row: &SqliteRow) -> Result<(), sqlx::Error> {
    let name: String = row.try_get("name")?;
    let falls = if row.try_get::<bool, _>("falls")? { " DESC" } else { "" };
    // An expression has no name here.
    let column: Option<String> = row.try_get("col")?;
    let column = format!("{}{falls}", column.as_deref().unwrap_or("(an expression)"));
    if let Some(index) = table.indexes.last_mut().filter(|index| index.name == name) {
        index.columns.push(column);
        return Ok(());
    }
    let sql: Option<String> = row.try_get("sql")?;
    let is_partial: bool = row.try_get("partial")?;
    let condition = sql.as_deref().filter(|_| is_partial).and_then(|sql| {
        let at = sql.to_ascii_uppercase().rfind(" WHERE ")?;
        sql.get(at + " WHERE ".len()..)
    });
    table.indexes.push(Index {
        name,
        columns: vec![column],
        unique: row.try_get("is_unique")?,
        only_where: condition.map(str::to_owned),
    });
    Ok(())
}

/// The conditions in a `CREATE TABLE`: what stands in the brackets behind each `CHECK`, outside of quotes and comments.
fn checks(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = sql;
    let mut word_begins = true;
    while let Some(first) = rest.chars().next() {
        if let Some(end) = quoted(rest, first) {
            rest = rest.get(end..).unwrap_or_default();
            continue;
        }
        let is_check = word_begins
            && rest.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("check"))
            && rest.get(5..).is_some_and(|after| after.trim_start().starts_with('('));
        if is_check && let Some(open) = rest.find('(') {
            let inside = rest.get(open..).unwrap_or_default();
            let end = bracketed(inside);
            found.extend(inside.get(1..end.saturating_sub(1)).map(|text| text.trim().to_owned()));
            rest = inside.get(end..).unwrap_or_default();
            continue;
        }
        word_begins = !(first.is_alphanumeric() || first == '_');
        rest = rest.get(first.len_utf8()..).unwrap_or_default();
    }
    found
}

/// Where a comment, a quoted name or a text that begins here ends.
fn quoted(text: &str, first: char) -> Option<usize> {
    let comment = match text.get(..2) {
        Some("--") => Some("\n"),
        Some("/*") => Some("*/"),
        _ => None,
    };
    if let Some(end) = comment {
        return Some(text.find(end).map_or(text.len(), |at| at + end.len()));
    }
    let last = match first {
        '\'' | '"' | '`' => first,
        '[' => ']',
        _ => return None,
    };
    Some(text.get(1..)?.find(last).map_or(text.len(), |at| at + 2))
}

/// Where the bracket that begins here is closed.
fn bracketed(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(first) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        at += quoted(rest, first).unwrap_or_else(|| first.len_utf8());
        match first {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection as _};

    use super::*;
    use crate::schema::findings::{OwnTables, judge};
    use crate::schema::needed;
    use crate::tables;

    async fn read_of(sql: String) -> Schema {
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await.unwrap();
        read(&mut database).await.unwrap()
    }

    #[tokio::test]
    async fn what_the_service_makes_is_what_it_needs() {
        let made = tables::ALL.iter().flat_map(|table| table.create_statements(Engine::Sqlite));
        let found = read_of(made.collect::<Vec<_>>().join(";")).await;
        let findings = judge(&needed::schema(), None, &found, OwnTables::MustBeThere);
        assert_eq!(findings, []);
    }

    #[tokio::test]
    async fn everything_about_a_table_is_read() {
        let sql = r#"CREATE TABLE other (id INTEGER PRIMARY KEY);
            CREATE TABLE "odd one" (
                b VARCHAR(10) NOT NULL DEFAULT 'a CHECK (x)',
                a INTEGER CHECK (a > 0 AND b <> ')'), -- no check (here)
                c TEXT GENERATED ALWAYS AS (b || 'x'),
                d REFERENCES other (id),
                UNIQUE (b),
                PRIMARY KEY (b, a)
            );
            CREATE INDEX some ON "odd one" (a DESC) WHERE a > 3;
            CREATE TRIGGER t AFTER INSERT ON "odd one" BEGIN SELECT 1; END;"#;
        let schema = read_of(sql.to_owned()).await;
        insta::assert_json_snapshot!(schema.tables["odd one"]);
    }
}
