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

use crate::validation::{Kind, field, shape::Field};

/// The part of the path that names an agent.
const AGENT: &str = "agent_id";

/// How many entries a list shows: 1 to 100.
fn limit(default: i32) -> Field {
    field("limit", Kind::integer_within(1, 100)).default(default)
}
