//! The tables as this build of the service needs them.

use super::shape::{Column, Family, IDENTITY, Index, Reference, Schema, Table};
use crate::tables::{self, ColumnType};

/// Every table of the service: those it shares with the monolith, and its own.
pub fn schema() -> Schema {
    let tables = tables::ALL.iter().map(|table| (table.name.to_owned(), of(table))).collect();
    Schema { engine: None, tables }
}

fn of(table: &tables::Table) -> Table {
    let keys: Vec<&tables::Column> = table.columns.iter().filter(|column| column.key).collect();
    // The monolith's keys that are numbers are given by the database, in rows of the service as well.
    let is_given = |column: &tables::Column| {
        table.is_shared() && column.kind == ColumnType::Integer && column.key && keys.len() == 1
    };
    let columns = table.columns.iter().map(|column| Column {
        name: column.name.to_owned(),
        declared: column.kind.sqlite(),
        family: family(column.kind, tables::is_own(table.name)),
        nullable: column.nullable,
        default: is_given(column).then(|| IDENTITY.to_owned()),
        generated: false,
    });
    let indexes = table.indexes().into_iter().map(|index| Index {
        name: index.name,
        columns: index.columns.into_iter().map(str::to_owned).collect(),
        unique: index.unique,
        only_where: None,
    });
    let constraints = table.columns.iter().filter(|column| column.unique_constraint);
    let constraints = constraints.map(|column| Index {
        name: format!("{}_{}_key", table.name, column.name),
        columns: vec![column.name.to_owned()],
        unique: true,
        only_where: None,
    });
    let references = table.columns.iter().filter_map(|column| {
        let (columns, to) = (vec![column.name.to_owned()], vec!["id".to_owned()]);
        Some(Reference { columns, table: column.references?.to_owned(), to })
    });
    Table {
        columns: columns.collect(),
        key: keys.iter().map(|column| column.name.to_owned()).collect(),
        indexes: indexes.chain(constraints).collect(),
        references: references.collect(),
        ..Table::default()
    }
}

fn family(kind: ColumnType, is_own: bool) -> Family {
    match kind {
        // Only the monolith's tables have enumerations as types of their own.
        ColumnType::Enum(_) if is_own => Family::Text { most: None },
        ColumnType::Text(most) => Family::Text { most: most.map(u32::from) },
        ColumnType::Json => Family::Json { as_written: true },
        // The monolith's integers: 32 bits where the engine has such.
        ColumnType::Integer => Family::Integer { bits: 32 },
        ColumnType::Money => Family::Integer { bits: 64 },
        ColumnType::Float => Family::Float { bits: 64 },
        ColumnType::Bytes => Family::Bytes,
        ColumnType::Boolean => Family::Boolean,
        ColumnType::DateTime => Family::Instant { zoned: false },
        ColumnType::Enum(names) => {
            Family::Enum { labels: names.iter().map(ToString::to_string).collect() }
        }
    }
}
