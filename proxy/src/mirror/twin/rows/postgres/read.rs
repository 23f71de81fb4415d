//! Reads the rows that mention certain identifiers: one statement, so one snapshot of all tables.

use std::sync::Arc;

use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;

use super::super::row::{Found, MAX_ROWS, Row, document, looked_for};
use super::super::schema::{Column, Kind, Schema, Table, quoted};

/// How the rows of one database are read.
#[derive(Debug)]
pub(super) struct Reading {
    schema: Schema,
    /// None where there is no table to read.
    sql: Option<Arc<str>>,
}

impl Reading {
    pub(super) fn new(schema: Schema) -> Self {
        let tables: Vec<String> =
            schema.tables.iter().filter_map(|(name, table)| of_table(name, table)).collect();
        let sql = (!tables.is_empty()).then(|| tables.join(" UNION ALL ").into());
        Self { schema, sql }
    }

    /// Every row with one of these identifiers in a column that rows are found by.
    pub(super) async fn mentioning(
        &self,
        pool: &PgPool,
        identifiers: &[String],
    ) -> Result<Found, sqlx::Error> {
        let identifiers = looked_for(identifiers);
        let (Some(sql), false) = (&self.sql, identifiers.is_empty()) else {
            return Ok(Found::new());
        };
        let numbers: Vec<i64> = identifiers.iter().filter_map(|text| text.parse().ok()).collect();
        let uuids = identifiers.iter().filter(|text| uuid::Uuid::try_parse(text).is_ok());
        let rows: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(Arc::clone(sql)))
            .bind(identifiers)
            .bind(numbers)
            .bind(uuids.cloned().collect::<Vec<String>>())
            .fetch_all(pool)
            .await?;
        let mut found = Found::new();
        for (name, row) in rows {
            let row: Map<String, Value> = serde_json::from_str(&row)
                .map_err(|problem| sqlx::Error::Decode(Box::new(problem)))?;
            let columns = row.into_iter().map(|(name, value)| (name, spelled(value))).collect();
            let key = self.schema.tables.get(&name).map(Table::key).unwrap_or_default();
            found.entry(name).or_default().push(Row { key, columns });
        }
        Ok(found)
    }
}

fn spelled(value: Value) -> Value {
    match value {
        Value::String(text) => document(text),
        value => value,
    }
}

/// A query for one table, as `(table, row as JSON)`; `None` where no column finds a row. Its parameters are the identifiers,
/// those that are whole numbers, and those that are UUIDs.
fn of_table(name: &str, table: &Table) -> Option<String> {
    let conditions: Vec<String> = table.columns.iter().filter_map(condition).collect();
    if conditions.is_empty() {
        return None;
    }
    let columns: Vec<String> = table.columns.iter().map(value).collect();
    let literal = name.replace('\'', "''");
    Some(format!(
        "SELECT '{literal}'::text, row_to_json(found)::text FROM (SELECT {} FROM {} WHERE {} LIMIT {MAX_ROWS}) AS found",
        columns.join(", "),
        quoted(name),
        conditions.join(" OR ")
    ))
}

fn condition(column: &Column) -> Option<String> {
    let name = quoted(&column.name);
    match column.kind {
        _ if !column.is_found_by => None,
        Kind::Text => Some(format!("{name} = ANY ($1::text[])")),
        Kind::Integer => Some(format!("{name} = ANY ($2::bigint[])")),
        Kind::Uuid => Some(format!("{name} = ANY ($3::text[]::uuid[])")),
        Kind::Any | Kind::Numeric | Kind::Bytes => None,
    }
}

/// As JSON can hold it: exact decimals as text, bytes by length and hash.
fn value(column: &Column) -> String {
    let name = quoted(&column.name);
    match column.kind {
        Kind::Numeric => format!("trim_scale({name})::text AS {name}"),
        Kind::Bytes => format!("length({name}) || ' bytes ' || md5({name}) AS {name}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_statement_reads_every_table() {
        let column = |name: &str, kind, is_found_by| Column {
            name: name.to_owned(),
            is_key: is_found_by,
            is_time: false,
            is_found_by,
            kind,
        };
        let columns = vec![
            column("id", Kind::Uuid, true),
            column("of", Kind::Text, true),
            column("num\"ber", Kind::Integer, true),
            column("cost", Kind::Numeric, false),
            column("seal", Kind::Bytes, false),
        ];
        let unfound = Table { columns: vec![column("text", Kind::Text, false)] };
        let schema = Schema {
            tables: [("it's".to_owned(), Table { columns }), ("log".to_owned(), unfound)].into(),
        };
        insta::assert_snapshot!(Reading::new(schema).sql.unwrap(), @r#"SELECT 'it''s'::text, row_to_json(found)::text FROM (SELECT "id", "of", "num""ber", trim_scale("cost")::text AS "cost", length("seal") || ' bytes ' || md5("seal") AS "seal" FROM "it's" WHERE "id" = ANY ($3::text[]::uuid[]) OR "of" = ANY ($1::text[]) OR "num""ber" = ANY ($2::bigint[]) LIMIT 200) AS found"#);
        assert!(Reading::new(Schema::default()).sql.is_none());
    }
}
