//! Executions: list, status, logs, cancel.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::{Denied, executions, workflows};
use crate::store::executions::{ExecutionFilter, Workflows};
use crate::tables::agents::{Execution, Status};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the execution.
pub(super) const ID: &str = "execution_id";

static FILTER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("workflow_id", Kind::text()).optional(),
        field("status", Kind::Choice(Status::WORDS)).optional(),
        field("limit", Kind::integer()).default(50),
        field("offset", Kind::integer()).default(0),
    ])
});

#[derive(Debug, Deserialize)]
struct Query {
    workflow_id: Option<String>,
    status: Option<Status>,
    limit: i64,
    offset: i64,
}

/// `GET /executions`.
pub fn list() -> Action {
    Action::new("List the executions of one's workflows", async |work: Work, mut input: Input| {
        let query: Query = input.query()?;
        let of = match query.workflow_id.filter(|id| !id.is_empty()) {
            Some(id) => {
                let found = work.store.workflow_find(&id).await?;
                // Somebody else's workflow is as unknown here as one that is not there.
                workflows::owned(found.as_ref(), &input.caller)
                    .map_err(|_why| Denied::NotFound("Workflow"))?;
                Workflows::One(id)
            }
            None => Workflows::OwnedBy(input.caller),
        };
        let Query { status, limit, offset, .. } = query;
        let found =
            work.store.execution_list(&ExecutionFilter { of, status, limit, offset }).await?;
        Ok(Reply::ok(&found.iter().map(executions::status).collect()))
    })
    .query(&FILTER)
    .refuses(&[404])
    .answers(list_schema)
}

/// `GET /executions/{execution_id}/status`.
pub fn status() -> Action {
    Action::new("How an execution stands", async |work: Work, input: Input| {
        let execution = owned(&work, &input).await?;
        Ok(Reply::ok(&executions::status(&execution)))
    })
    .refuses(&[403, 404])
    .answers(status_schema)
}

/// `GET /executions/{execution_id}/logs`.
pub fn logs() -> Action {
    Action::new("An execution step by step", async |work: Work, input: Input| {
        let execution = owned(&work, &input).await?;
        let steps = work.store.step_execution_list(&execution.id).await?;
        Ok(Reply::ok(&executions::logs(&execution, &steps)))
    })
    .refuses(&[403, 404])
    .answers(logs_schema)
}

/// `POST /executions/{execution_id}/cancel`.
pub fn cancel() -> Action {
    Action::new("End an execution before its next step", async |work: Work, input: Input| {
        let execution = owned(&work, &input).await?;
        executions::cancellable(&execution)?;
        let mut writing = work.store.write().await?;
        if !writing.execution_cancel(&execution.id, work.now()).await? {
            // It has ended since it was looked at.
            return Err(Denied::Refused("Execution cannot be cancelled").into());
        }
        writing.commit().await?;
        Ok(Reply::ok(&json!({"message": "Execution cancelled successfully"})))
    })
    .refuses(&[400, 403, 404])
    .answers(super::message_schema)
}

/// The execution in the path, if its workflow is the caller's. Who ran it does not count.
async fn owned(work: &Work, input: &Input) -> Result<Execution, ApiError> {
    let execution = work.store.execution_find(input.part(ID)).await?;
    let execution = execution.ok_or(Denied::NotFound("Execution"))?;
    let workflow = work.store.workflow_find(&execution.workflow_id).await?;
    workflows::owned(workflow.as_ref(), &input.caller)?;
    Ok(execution)
}

/// The schema of the answer that begins an execution.
pub(super) fn begun_schema() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
    let time = json!({"type": "string"});
    json!({"type": "object", "properties": {
        "execution_id": text, "workflow_id": text, "status": text,
        "current_step": {"type": "integer"}, "total_steps": {"type": "integer"},
        "started_at": time, "estimated_completion": time,
        "current_cost": number, "estimated_total_cost": number,
    }})
}

fn status_schema() -> Value {
    let text = json!({"type": "string"});
    let or_null = |schema: &str| json!({"anyOf": [{"type": schema}, {"type": "null"}]});
    json!({"type": "object", "properties": {
        "execution_id": text, "workflow_id": text,
        "status": {"type": "string", "enum": Status::WORDS},
        "current_step": {"type": "integer"}, "total_steps": {"type": "integer"},
        "step_states": {"type": "object"}, "final_result": or_null("object"),
        "error_message": or_null("string"), "started_at": or_null("string"),
        "completed_at": or_null("string"), "total_execution_time": or_null("number"),
        "total_cost": {"type": "number"}, "verification_proof": or_null("object"),
    }})
}

fn logs_schema() -> Value {
    let text = json!({"type": "string"});
    let or_null = |schema: &str| json!({"type": [schema, "null"]});
    let status = json!({"type": "string", "enum": Status::WORDS});
    let step = json!({"type": "object", "properties": {
        "step_id": text, "status": status, "started_at": or_null("string"),
        "completed_at": or_null("string"), "execution_time": or_null("number"),
        "error_message": or_null("string"), "gpu_accelerated": {"type": "boolean"},
        "memory_usage": or_null("number"),
    }});
    json!({"type": "object", "properties": {
        "execution_id": text, "workflow_id": text, "status": status,
        "started_at": or_null("string"), "completed_at": or_null("string"),
        "total_execution_time": or_null("number"),
        "step_logs": {"type": "array", "items": step},
    }})
}

fn list_schema() -> Value {
    json!({"type": "array", "items": status_schema()})
}
