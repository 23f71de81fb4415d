//! What the request that began an execution allowed it, which the monolith does not note.

use crate::tables::cell::{Float, Int};
use crate::tables::column::table;

table! {
    /// The limits that a request named, besides those of the workflow: seconds, and money.
    pub struct ExecutionLimits => "agent_service_execution_limits" {
        execution_id: String [key],
        max_execution_time: Option<Int>,
        max_cost_budget: Option<Float>,
    }
}
