//! Reads the tables of a PostgreSQL database.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::shape::{Column, Engine, Family, IDENTITY, Index, Reference, Schema, Table};

/// The tables that a statement without a schema's name finds.
macro_rules! of_visible_tables {
    ($select:literal, $join:literal, $rest:literal) => {
        concat!(
            "SELECT c.relname::text AS tbl, ",
            $select,
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace ",
            $join,
            " WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) \
             AND n.nspname NOT IN ('pg_catalog', 'information_schema') ",
            $rest
        )
    };
}

const TABLES: &str = of_visible_tables!(
    "ARRAY(SELECT right_ FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS right_ \
     WHERE NOT has_table_privilege(c.oid, right_)) AS denied",
    "",
    ""
);
const COLUMNS: &str = of_visible_tables!(
    "a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS declared, t.typname::text AS type, \
     CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 END AS most, \
     ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder) AS labels, \
     t.typtype = 'e' AS is_enum, NOT a.attnotnull AS nullable, a.attgenerated <> '' AS generated, \
     a.attidentity <> '' AS counts, pg_get_expr(d.adbin, d.adrelid) AS dflt",
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
     JOIN pg_type t ON t.oid = a.atttypid \
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum",
    "ORDER BY c.relname, a.attnum"
);
const INDEXES: &str = of_visible_tables!(
    "i.relname::text AS name, x.indisprimary AS is_key, x.indisunique AS is_unique, \
     pg_get_expr(x.indpred, x.indrelid) AS only_where, \
     ARRAY(SELECT COALESCE(a.attname::text, pg_get_indexdef(x.indexrelid, k, true)) \
           || CASE WHEN x.indoption[k - 1] & 1 = 1 THEN ' DESC' ELSE '' END \
           FROM generate_series(1, x.indnkeyatts::int) AS k \
           LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k - 1] \
           ORDER BY k) AS cols",
    "JOIN pg_index x ON x.indrelid = c.oid AND x.indisvalid JOIN pg_class i ON i.oid = x.indexrelid",
    "ORDER BY c.relname, i.relname"
);
/// The columns of keys are in an order of their own.
const RULES: &str = of_visible_tables!(
    "k.contype = 'f' AS is_reference, pg_get_constraintdef(k.oid) AS def, o.relname::text AS other, \
     ARRAY(SELECT attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(num, place) \
           JOIN pg_attribute ON attrelid = k.conrelid AND attnum = num ORDER BY place) AS cols, \
     ARRAY(SELECT attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(num, place) \
           JOIN pg_attribute ON attrelid = k.confrelid AND attnum = num ORDER BY place) AS there",
    "JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('f', 'c') \
     LEFT JOIN pg_class o ON o.oid = k.confrelid",
    "ORDER BY c.relname, k.conname"
);
const TRIGGERS: &str = of_visible_tables!(
    "g.tgname::text AS name",
    "JOIN pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal",
    "ORDER BY c.relname, g.tgname"
);

/// Everything that the catalogue says about the tables that this connection sees, and what its user may not do with them.
pub async fn read(connection: &mut PgConnection) -> Result<Schema, sqlx::Error> {
    let mut schema = Schema { engine: Some(Engine::Postgres), ..Schema::default() };
    for row in sqlx::query(TABLES).fetch_all(&mut *connection).await? {
        let denied = row.try_get("denied")?;
        schema.tables.insert(row.try_get("tbl")?, Table { denied, ..Table::default() });
    }
    for row in sqlx::query(COLUMNS).fetch_all(&mut *connection).await? {
        if let Some(table) = table(&mut schema, &row)? {
            table.columns.push(column(&row)?);
        }
    }
    for row in sqlx::query(INDEXES).fetch_all(&mut *connection).await? {
        let Some(table) = table(&mut schema, &row)? else { continue };
        let columns: Vec<String> = row.try_get("cols")?;
        if row.try_get("is_key")? {
            table.key = columns;
        } else {
            table.indexes.push(Index {
                name: row.try_get("name")?,
                columns,
                unique: row.try_get("is_unique")?,
                only_where: row.try_get("only_where")?,
            });
        }
    }
    for row in sqlx::query(RULES).fetch_all(&mut *connection).await? {
        let Some(table) = table(&mut schema, &row)? else { continue };
        if row.try_get("is_reference")? {
            table.references.push(Reference {
                columns: row.try_get("cols")?,
                table: row.try_get("other")?,
                to: row.try_get("there")?,
            });
        } else {
            let definition: String = row.try_get("def")?;
            let condition = definition.strip_prefix("CHECK ").unwrap_or(&definition);
            table.checks.push(condition.to_owned());
        }
    }
    for row in sqlx::query(TRIGGERS).fetch_all(&mut *connection).await? {
        if let Some(table) = table(&mut schema, &row)? {
            table.triggers.push(row.try_get("name")?);
        }
    }
    Ok(schema)
}

fn table<'s>(schema: &'s mut Schema, row: &PgRow) -> Result<Option<&'s mut Table>, sqlx::Error> {
    Ok(schema.tables.get_mut(row.try_get::<&str, _>("tbl")?))
}

fn column(row: &PgRow) -> Result<Column, sqlx::Error> {
    let kind: String = row.try_get("type")?;
    let most: Option<i32> = row.try_get("most")?;
    let family = if row.try_get("is_enum")? {
        Family::Enum { labels: row.try_get("labels")? }
    } else {
        family(&kind, most.and_then(|most| u32::try_from(most).ok()))
    };
    let default: Option<String> = row.try_get("dflt")?;
    Ok(Column {
        name: row.try_get("name")?,
        declared: row.try_get("declared")?,
        family,
        nullable: row.try_get("nullable")?,
        default: if row.try_get("counts")? { Some(IDENTITY.to_owned()) } else { default },
        generated: row.try_get("generated")?,
    })
}

/// By the name of the type in the catalogue.
fn family(name: &str, most: Option<u32>) -> Family {
    match name {
        "varchar" | "bpchar" | "text" | "citext" => Family::Text { most },
        "json" => Family::Json { as_written: true },
        "jsonb" => Family::Json { as_written: false },
        "int2" => Family::Integer { bits: 16 },
        "int4" => Family::Integer { bits: 32 },
        "int8" => Family::Integer { bits: 64 },
        "float4" => Family::Float { bits: 32 },
        "float8" => Family::Float { bits: 64 },
        "numeric" => Family::Decimal,
        "bool" => Family::Boolean,
        "timestamp" => Family::Instant { zoned: false },
        "timestamptz" => Family::Instant { zoned: true },
        "bytea" => Family::Bytes,
        _ => Family::Other,
    }
}
