//! One file for each noun of the API: what its endpoints take, and what they do with it.

pub mod service;
pub mod workflows;
pub mod executions;
pub mod networks;
pub mod receipts;
pub mod proofs;
pub mod policies;
pub mod audit_logs;
pub mod trust_scores;
pub mod sandboxes;
pub mod security;
pub mod learning;
pub mod orchestration;
pub mod marketplace;
pub mod communication;
pub mod performance;
pub mod creativity;
pub mod deployments;
pub mod deploying;
pub mod instances;
pub mod zk;
pub mod production;
pub mod jobs;
pub mod portfolio;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::http::ApiError;
use crate::validation::Place;
use crate::validation::kind::one_of;
use crate::work::Work;

/// The schema of an answer that is only a message.
fn message_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    })
}

/// Refuses a filter of the query that nothing can pass, because its value is none of `words`. The monolith takes any text, so
/// this is no matter of the query's shape, but of the manner.
fn check_filter(
    work: &Work,
    name: &str,
    value: Option<&str>,
    words: &[&str],
) -> Result<(), ApiError> {
    let is_unknown = value.is_some_and(|value| !words.contains(&value));
    if !is_unknown || work.compatibility().takes_unknown_filter_values() {
        return Ok(());
    }
    let problem = Place::root("query").within(name).problem("enum", one_of(words));
    Err(ApiError::Invalid(vec![problem]))
}
