//! `/api/timeline`: evidence by the minute, for plots.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::evidence::Latency;

/// `GET /api/timeline?route=NAME[&minutes=60]`: at most 1,440 minutes, oldest first; a minute without an exchange is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Name of the route.
    pub route: String,
    /// By minute.
    pub minutes: Vec<Minute>,
}

/// One minute of one route, over all its operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Minute {
    /// Its beginning.
    pub at: DateTime<Utc>,
    /// Pairs of answers that were compared.
    pub compared: u64,
    /// Those that matched.
    pub matched: u64,
    /// Those that mismatched.
    pub mismatched: u64,
    /// Those that were inconclusive.
    pub inconclusive: u64,
    /// Mirrored requests without an answer.
    pub failed: u64,
    /// Of the old backend.
    pub old_latency: Latency,
    /// Of the new backend.
    pub new_latency: Latency,
}
