//! The tables that a file declares, and the tables whose rows it reads or writes.
//!
//! How it is told, and nothing else is: `select(T)`, `join(T)`, `session.get(T, …)`, `session.query(T)` and `FROM t`, `JOIN t` in
//! SQL read; `T(…)`, `insert(T)`, `update(T)`, `delete(T)`, `query(T).delete()` and `INSERT INTO t`, `UPDATE t`, `DELETE FROM t` in
//! SQL write; so does whoever sets a field of, adds or deletes something that came out of one of these under a name of its own,
//! or as a parameter that is said to be a T.

mod declared;
mod read;
mod sql;

use std::collections::BTreeSet;

pub use read::of;

/// A table that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// 1-based.
    pub line: usize,
    /// The class, or the variable that holds the table.
    pub class: String,
    /// The name in the database.
    pub table: String,
    /// The tables that foreign keys refer to.
    pub references: BTreeSet<String>,
}

/// What is done with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// They are read.
    Read,
    /// They are made, changed or deleted.
    Write,
}

/// Rows that are read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// 1-based.
    pub line: usize,
    /// What is named.
    pub whose: Whose,
    /// What is done.
    pub access: Access,
    /// How it is told: `select`, `constructor`, `sql`, ….
    pub how: &'static str,
}

/// Whose rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// A class, as the code names it.
    Class(String),
    /// A table by its name in the database.
    Table(String),
}

/// All of a file.
#[derive(Debug, Default)]
pub struct Rows {
    /// Tables that it declares.
    pub declared: Vec<Declared>,
    /// Tables that it may touch: which of the classes are tables is not known here.
    pub touched: Vec<Touch>,
}
