//! What PostgreSQL says of its tables.

use std::collections::BTreeMap;

use sqlx::postgres::PgPool;

use super::super::schema::{Column, Kind, Schema, Table};
use super::log::SCHEMA;

/// Table, column, type, whether it holds a time, is part of the primary key, and is the first column of a whole index. Only
/// tables that are known by their bare name, as the backends know them.
const COLUMNS: &str = "\
    SELECT c.relname::text, a.attname::text, t.typname::text, t.typcategory = 'D', \
    EXISTS (SELECT 1 FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)), \
    EXISTS (SELECT 1 FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL \
    AND i.indkey[0] = a.attnum) \
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
    JOIN pg_attribute AS a ON a.attrelid = c.oid JOIN pg_type AS t ON t.oid = a.atttypid \
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND pg_table_is_visible(c.oid) \
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', $1) AND a.attnum > 0 AND NOT a.attisdropped \
    ORDER BY c.relname, a.attnum";

/// Reads the schema of a database; our own table is left out.
pub(super) async fn schema(pool: &PgPool) -> Result<Schema, sqlx::Error> {
    type Described = (String, String, String, bool, bool, bool);
    let columns: Vec<Described> = sqlx::query_as(COLUMNS).bind(SCHEMA).fetch_all(pool).await?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for (table, name, type_name, is_time, is_key, is_leading) in columns {
        let kind = kind(&type_name);
        let is_identifier = matches!(kind, Kind::Text | Kind::Integer | Kind::Uuid);
        let is_found_by = is_identifier && (is_key || is_leading);
        let table = tables.entry(table).or_insert_with(|| Table { columns: Vec::new() });
        table.columns.push(Column { name, is_key, is_time, is_found_by, kind });
    }
    Ok(Schema { tables })
}

fn kind(type_name: &str) -> Kind {
    match type_name {
        "text" | "varchar" | "bpchar" | "name" => Kind::Text,
        "int2" | "int4" | "int8" => Kind::Integer,
        "uuid" => Kind::Uuid,
        "numeric" => Kind::Numeric,
        "bytea" => Kind::Bytes,
        _ => Kind::Any,
    }
}
