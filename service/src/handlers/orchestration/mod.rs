//! Orchestration: agents, plans that several of them carry out, and what they report of it.

pub mod agents;
pub mod plans;
pub mod assignments;
pub mod metrics;
mod schemas;

use http::StatusCode;

use crate::http::ApiError;
use crate::logic::Denied;
use crate::logic::orchestration::planning::Unplanned;
use crate::tables::own::orchestration::{Assignment, Plan};

impl From<Unplanned> for ApiError {
    fn from(why: Unplanned) -> Self {
        match why {
            Unplanned::Denied(denied) => denied.into(),
            why @ Unplanned::NoAgent { .. } => Self::detail(StatusCode::CONFLICT, why.to_string()),
        }
    }
}

/// A plan that `caller` may use.
fn own_plan(found: Option<Plan>, caller: &str) -> Result<Plan, Denied> {
    let plan = found.ok_or(Denied::NotFound("Plan"))?;
    if plan.owner_id == caller { Ok(plan) } else { Err(Denied::Forbidden) }
}

/// An assignment that `caller` may use.
fn own_assignment(found: Option<Assignment>, caller: &str) -> Result<Assignment, Denied> {
    let assignment = found.ok_or(Denied::NotFound("Assignment"))?;
    if assignment.owner_id == caller { Ok(assignment) } else { Err(Denied::Forbidden) }
}
