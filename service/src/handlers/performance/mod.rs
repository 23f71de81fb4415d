//! The performance of agents, as `agent_performance.py` has it, where they are open to anybody.

pub mod profiles;
pub mod summary;
pub mod meta_models;
pub mod resources;
pub mod optimizations;
pub mod capabilities;
pub mod health;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use serde_json::Value;

use crate::http::Reply;
use crate::tables::Record;
use crate::validation::{Kind, field, shape::Field};

/// Names of columns, in the order in which they are shown.
type Columns = LazyLock<Vec<&'static str>>;

/// The part of the path that names an agent.
const AGENT: &str = "agent_id";

/// A good answer that shows some columns of a row.
fn row<R: Record>(row: &R, columns: &[&str]) -> Reply {
    Reply::ok(&Value::Object(row.shown(columns)))
}

/// A good answer that shows some columns of each row.
fn rows<R: Record>(rows: &[R], columns: &[&str]) -> Reply {
    Reply::ok(&rows.iter().map(|row| Value::Object(row.shown(columns))).collect())
}

/// How many entries a list shows: 1 to 100.
fn limit(default: i32) -> Field {
    field("limit", Kind::integer_within(1, 100)).default(default)
}
