//! `/api/gate`: what must hold before a cutover.

use serde::{Deserialize, Serialize};

/// `GET /api/gate?route=NAME`: the conditions that evidence and the new backend must meet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateReport {
    /// Name of the route.
    pub route: String,
    /// Over all conditions: fail if one fails, else inconclusive if one is, else pass.
    pub verdict: Verdict,
    /// In the order in which they were looked at.
    pub conditions: Vec<GateCondition>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateCondition {
    /// What is looked at: `match rate`, `samples`, `latency`, `one-sided failures`, `exercised`, `health`, …
    pub condition: String,
    /// The operation it is about; absent where it is about the route or a backend.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operation: Option<String>,
    /// How it must be.
    pub wanted: String,
    /// How it is.
    pub found: String,
    /// Whether it is.
    pub verdict: Verdict,
    /// What to do next where it is not: how many more samples, which path differs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub what_to_do: Option<String>,
}

/// Verdict on evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// Not enough is known.
    Inconclusive,
    /// It does not hold.
    Fail,
}
