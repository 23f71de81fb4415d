//! Executions: how one begins, and how answers show it.

use serde_json::{Value, json};

use super::Denied;
use crate::python::time::Stamp;
use crate::tables::agents::{Execution, Status, StepExecution, Workflow};
use crate::tables::column::ColumnValue;
use crate::tables::{Json, Record};

const SECONDS_PER_STEP: i64 = 30;
const BASE_COST: f64 = 0.01;
const COST_PER_STEP: f64 = 0.01;

/// The row of an execution that begins now. A workflow whose steps cannot be counted leaves a failed one.
pub fn begin(workflow: &Workflow, client: &str, id: String, now: Stamp) -> Execution {
    let total_steps = step_count(&workflow.steps.0);
    Execution {
        id,
        workflow_id: workflow.id.clone(),
        client_id: client.to_owned(),
        status: if total_steps.is_some() { Status::Running } else { Status::Failed },
        current_step: 0.into(),
        step_states: Json(json!({})),
        final_result: None,
        execution_receipt: None,
        verification_proof: None,
        error_message: total_steps.is_none().then(|| NO_STEPS.to_owned()),
        failed_step: None,
        started_at: total_steps.map(|_| now),
        completed_at: total_steps.is_none().then_some(now),
        total_execution_time: None,
        total_cost: 0.0.into(),
        total_steps: total_steps.unwrap_or(0).into(),
        completed_steps: 0.into(),
        created_at: now,
        updated_at: now,
    }
}

/// What the client hears when [`begin`] made a failed execution.
pub const NO_STEPS: &str = "Workflow has no steps to execute";

fn step_count(steps: &Value) -> Option<i64> {
    let count = match steps {
        Value::Object(map) => map.len(),
        Value::Array(items) => items.len(),
        _ => return None,
    };
    i64::try_from(count).ok()
}

/// The answer to the request that began an execution.
pub fn begun(execution: &Execution) -> Value {
    let steps = execution.total_steps.get().unwrap_or(0);
    let estimate =
        execution.started_at.map(|at| at.plus_seconds(steps.saturating_mul(SECONDS_PER_STEP)));
    #[expect(clippy::cast_precision_loss, reason = "no workflow has 2^53 steps")]
    let cost = BASE_COST + steps as f64 * COST_PER_STEP;
    json!({
        "execution_id": execution.id,
        "workflow_id": execution.workflow_id,
        "status": execution.status.word(),
        "current_step": 0,
        "total_steps": steps,
        "started_at": execution.started_at.to_json(),
        "estimated_completion": estimate.to_json(),
        "current_cost": 0.0,
        "estimated_total_cost": cost,
    })
}

/// How an execution stands.
pub fn status(execution: &Execution) -> Value {
    json!({
        "execution_id": execution.id,
        "workflow_id": execution.workflow_id,
        "status": execution.status.word(),
        "current_step": execution.current_step.to_json(),
        "total_steps": execution.total_steps.to_json(),
        "step_states": execution.step_states.to_json(),
        "final_result": execution.final_result.to_json(),
        "error_message": execution.error_message,
        "started_at": execution.started_at.to_json(),
        "completed_at": execution.completed_at.to_json(),
        "total_execution_time": execution.total_execution_time.to_json(),
        "total_cost": execution.total_cost.to_json(),
        "verification_proof": execution.verification_proof.to_json(),
    })
}

/// An execution step by step.
pub fn logs(execution: &Execution, steps: &[StepExecution]) -> Value {
    const SHOWN: [&str; 8] = [
        "step_id",
        "status",
        "started_at",
        "completed_at",
        "execution_time",
        "error_message",
        "gpu_accelerated",
        "memory_usage",
    ];
    let step_logs: Vec<Value> = steps
        .iter()
        .map(|step| {
            let row = step.to_json();
            let shown =
                SHOWN.iter().filter_map(|name| Some(((*name).to_owned(), row.get(name)?.clone())));
            Value::Object(shown.collect())
        })
        .collect();
    json!({
        "execution_id": execution.id,
        "workflow_id": execution.workflow_id,
        "status": execution.status.word(),
        "started_at": execution.started_at.to_json(),
        "completed_at": execution.completed_at.to_json(),
        "total_execution_time": execution.total_execution_time.to_json(),
        "step_logs": step_logs,
    })
}

/// Whether an execution may be cancelled.
pub fn cancellable(execution: &Execution) -> Result<(), Denied> {
    if execution.status.is_final() {
        Err(Denied::Refused("Execution cannot be cancelled"))
    } else {
        Ok(())
    }
}
