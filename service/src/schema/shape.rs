//! Tables, columns and indexes, whoever says so: a database, a program, or a snapshot of either.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::tables::Engine;

/// The tables of a database, or those that a program declares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Which kind of database; none where a program declares the tables.
    pub engine: Option<Engine>,
    /// By name.
    pub tables: BTreeMap<String, Table>,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// In order.
    pub columns: Vec<Column>,
    /// The columns of the primary key, in order.
    pub key: Vec<String>,
    /// Every index but that of the primary key; unique constraints are unique indexes.
    pub indexes: Vec<Index>,
    /// Columns that name rows of other tables.
    pub references: Vec<Reference>,
    /// The conditions that rows must meet, as SQL.
    pub checks: Vec<String>,
    /// The names of what runs when rows change.
    pub triggers: Vec<String>,
    /// What the user who looked may not do: `SELECT`, `INSERT`, `UPDATE`, `DELETE`.
    pub denied: Vec<String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as declared, for example `VARCHAR(9)`.
    pub declared: String,
    /// What that holds.
    pub family: Family,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What it holds where an insert names nothing, as SQL.
    pub default: Option<String>,
    /// Whether the database computes it.
    pub generated: bool,
}

/// The default of a column that numbers the rows.
pub const IDENTITY: &str = "an identity";

/// What a column holds, apart from the words of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Text.
    Text {
        /// The most characters; none: any number.
        most: Option<u32>,
    },
    /// One of some names.
    Enum {
        /// The names, in order.
        labels: Vec<String>,
    },
    /// JSON text.
    Json {
        /// Whether it comes back as it was written; PostgreSQL's `JSONB` sorts and spaces it anew.
        as_written: bool,
    },
    /// A whole number.
    Integer {
        /// 16, 32 or 64.
        bits: u8,
    },
    /// A binary fraction.
    Float {
        /// 32 or 64.
        bits: u8,
    },
    /// A decimal fraction.
    Decimal,
    /// A truth value.
    Boolean,
    /// Date and time.
    Instant {
        /// Whether a zone belongs to it.
        zoned: bool,
    },
    /// Bytes.
    Bytes,
    /// Anything else.
    Other,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Index {
    /// Its name; those of constraints are the engine's own.
    pub name: String,
    /// The columns, in order, each with ` DESC` where it descends; an expression as SQL.
    pub columns: Vec<String>,
    /// Whether each combination may be there once.
    pub unique: bool,
    /// The condition of the rows that it is about, where it is not about all.
    pub only_where: Option<String>,
}

/// A column that names a row of another table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// The columns.
    pub columns: Vec<String>,
    /// The other table.
    pub table: String,
    /// Its columns.
    pub to: Vec<String>,
}

impl Table {
    /// The column of this name; names differ by more than upper and lower case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The index with exactly these columns, the unique one if there are two.
    pub fn index_on(&self, columns: &[String]) -> Option<&Index> {
        let on = self.indexes.iter().filter(|index| index.columns == columns);
        on.max_by_key(|index| index.unique && index.only_where.is_none())
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// In the words of an operator.
impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { most: None } => f.write_str("text"),
            Self::Text { most: Some(most) } => write!(f, "text of up to {most} characters"),
            Self::Enum { labels } => write!(f, "one of {}", labels.join(", ")),
            Self::Json { as_written: true } => f.write_str("JSON"),
            Self::Json { as_written: false } => f.write_str("JSONB"),
            Self::Integer { bits } => write!(f, "an integer of {bits} bits"),
            Self::Float { bits } => write!(f, "a float of {bits} bits"),
            Self::Decimal => f.write_str("a decimal"),
            Self::Boolean => f.write_str("a boolean"),
            Self::Instant { zoned: false } => f.write_str("a timestamp without time zone"),
            Self::Instant { zoned: true } => f.write_str("a timestamp with time zone"),
            Self::Bytes => f.write_str("bytes"),
            Self::Other => f.write_str("something else"),
        }
    }
}
