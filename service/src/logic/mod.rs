//! What the service decides, apart from HTTP, SQL, the clock and chance.

pub mod workflows;
pub mod jobs;
pub mod networks;
pub mod executions;
pub mod given_steps;
pub mod plan;
pub mod progress;
pub mod limits;
pub mod verification;
pub mod cost;
pub mod signing;
pub mod proof;
pub mod receipt;
pub mod overrides;
pub mod audit;
pub mod audit_chain;
pub mod policies;
pub mod trust_scores;
pub mod sandboxes;
pub mod security;
pub mod learning;
pub mod orchestration;
pub mod portfolio;
pub mod communication;
pub mod performance;
pub mod creativity;
pub mod deployments;
pub mod instances;
pub mod unit;
pub mod health;
pub mod figures;
pub mod production;
pub mod alerts;
pub mod zk;
pub mod marketplace;

/// Why somebody does not get what they ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There is none.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// There is one, and it is not theirs.
    #[error("Access denied")]
    Forbidden,
    /// What they ask for makes no sense.
    #[error("{0}")]
    Refused(&'static str),
    /// Not now.
    #[error("{0}")]
    Conflict(&'static str),
}
