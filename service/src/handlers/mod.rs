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
pub mod performance;
pub mod creativity;
pub mod deployments;
pub mod deploying;
pub mod instances;
pub mod zk;
pub mod production;
pub mod jobs;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

/// The schema of an answer that is only a message.
fn message_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    })
}
