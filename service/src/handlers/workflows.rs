//! Workflows: create, list, show, change, delete, execute.

use std::sync::LazyLock;

use http::StatusCode;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::executions::{self, NO_STEPS};
use crate::logic::limits::AskedLimits;
use crate::logic::workflows::{self, NewWorkflow, WorkflowChanges, WorkflowQuery};
use crate::tables::agents::{Execution, Status, VerificationLevel, Workflow};
use crate::tables::own::Run;
use crate::tables::{Json, Record};
use crate::validation::{Kind, Shape, field};
use crate::work::{Effect, Work};

/// The part of the path that names the workflow.
const ID: &str = "workflow_id";

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("name", Kind::text_up_to(100)),
        field("description", Kind::text()).default(""),
        field("steps", Kind::object()),
        field("dependencies", dependencies()).default(json!({})),
        field("max_execution_time", Kind::integer()).default(3600),
        field("max_cost_budget", Kind::NumberOrInfinity).default(0.0),
        field("requires_verification", Kind::Boolean).default(true),
        field("verification_level", level()).default("basic"),
        field("tags", Kind::list_of(Kind::text())).default(json!([])),
        field("is_public", Kind::Boolean).default(false),
    ])
});

// The monolith takes null everywhere and then fails on its own columns; here null is refused where it would.
static CHANGES: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("name", Kind::text_up_to(100)).optional(),
        field("description", Kind::text()).optional(),
        field("steps", Kind::object().or_null()).optional(),
        field("dependencies", dependencies().or_null()).optional(),
        field("max_execution_time", Kind::integer()).optional(),
        field("max_cost_budget", Kind::NumberOrInfinity).optional(),
        field("requires_verification", Kind::Boolean).optional(),
        field("verification_level", level()).optional(),
        field("tags", Kind::list_of(Kind::text())).optional(),
        field("is_public", Kind::Boolean).optional(),
    ])
});

static FILTER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("owner_id", Kind::text()).optional(),
        field("is_public", Kind::Boolean).optional(),
        field("tags", Kind::list_of(Kind::text())).optional(),
    ])
});

static EXECUTE: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("workflow_id", Kind::text()),
        field("inputs", Kind::object()),
        field("verification_level", level().or_null()).default("basic"),
        field("max_execution_time", Kind::any_integer().or_null()).optional(),
        field("max_cost_budget", Kind::AnyNumber.or_null()).optional(),
    ])
});

fn dependencies() -> Kind {
    Kind::map_of(Kind::list_of(Kind::text()))
}

fn level() -> Kind {
    Kind::Choice(VerificationLevel::WORDS)
}

fn schema() -> Value {
    of_table(&Workflow::TABLE)
}

fn list_schema() -> Value {
    json!({"type": "array", "items": schema()})
}

/// `POST /workflows`.
pub fn create() -> Action {
    Action::new("Create a workflow", async |work: Work, mut input: Input| {
        let new: NewWorkflow = input.body()?;
        let mut writing = work.store.write().await?;
        let id = writing.free_id::<Workflow>(|| work.id("agent_", 8)).await?;
        let workflow = new.into_row(id, input.caller, work.now());
        writing.workflow_insert(&workflow).await?;
        writing.commit().await?;
        Ok(Reply::row(&workflow))
    })
    .body(&NEW)
    .answers(schema)
}

/// `GET /workflows`.
pub fn list() -> Action {
    Action::new("List one's own and public workflows", async |work: Work, mut input: Input| {
        let query: WorkflowQuery = input.query()?;
        let filter = query.into_filter(&input.caller, work.compatibility());
        let found = work.store.workflow_list(&filter).await?;
        Ok(Reply::rows(&found))
    })
    .query(&FILTER)
    .answers(list_schema)
}

/// `GET /workflows/{workflow_id}`.
pub fn show() -> Action {
    Action::new("Show a workflow", async |work: Work, input: Input| {
        let found = work.store.workflow_find(input.part(ID)).await?;
        let workflow = workflows::visible(found.as_ref(), &input.caller)?;
        Ok(Reply::row(workflow))
    })
    .refuses(&[403, 404])
    .answers(schema)
}

/// `PUT /workflows/{workflow_id}`.
pub fn change() -> Action {
    Action::new("Change the fields that are sent", async |work: Work, mut input: Input| {
        let changes: WorkflowChanges = input.body()?;
        let mut writing = work.store.write().await?;
        let found = writing.workflow_find(input.part(ID)).await?;
        let mut workflow = workflows::owned(found.as_ref(), &input.caller)?.clone();
        changes.apply(&mut workflow, work.now());
        writing.workflow_update(&workflow).await?;
        writing.commit().await?;
        Ok(Reply::row(&workflow))
    })
    .body(&CHANGES)
    .refuses(&[403, 404])
    .answers(schema)
}

/// `DELETE /workflows/{workflow_id}`.
pub fn remove() -> Action {
    Action::new("Delete a workflow; its executions stay", async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let found = writing.workflow_find(input.part(ID)).await?;
        let workflow = workflows::owned(found.as_ref(), &input.caller)?;
        writing.workflow_delete(&workflow.id).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({"message": "Workflow deleted successfully"})))
    })
    .refuses(&[403, 404])
    .answers(super::message_schema)
}

/// `POST /workflows/{workflow_id}/execute`: records the execution; a worker carries it out.
pub fn execute() -> Action {
    Action::new("Begin an execution", async |work: Work, mut input: Input| {
        let inputs = input.body.remove("inputs").unwrap_or_default();
        let asked: AskedLimits = input.body()?;
        let mut writing = work.store.write().await?;
        let found = writing.workflow_find(input.part(ID)).await?;
        let workflow = workflows::visible(found.as_ref(), &input.caller)?;
        let now = work.now();
        let id = writing.free_id::<Execution>(|| work.id("exec_", 10)).await?;
        let execution = executions::begin(workflow, &input.caller, id, now);
        writing.execution_insert(&execution).await?;
        if execution.status == Status::Running {
            writing.run_insert(&waiting(&execution.id, inputs, now)).await?;
            let limits = asked.into_row(execution.id.clone());
            if let Some(limits) = limits.filter(|_| work.compatibility().enforces_limits()) {
                writing.limits_insert(&limits).await?;
            }
        }
        writing.commit().await?;
        if execution.status == Status::Failed {
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, NO_STEPS));
        }
        work.afterwards(Effect::WakeWorker);
        Ok(Reply::ok(&executions::begun(&execution)))
    })
    .body(&EXECUTE)
    .refuses(&[400, 403, 404])
    .answers(super::executions::begun_schema)
}

/// The run of an execution that waits for a worker.
fn waiting(execution_id: &str, inputs: Value, now: crate::python::time::Stamp) -> Run {
    Run {
        execution_id: execution_id.to_owned(),
        inputs: Json(inputs),
        // Whoever claims it says what runs its steps.
        executor: String::new(),
        lease_owner: None,
        lease_token: None,
        lease_until: None,
        attempts: 0.into(),
        recorded_at: now,
        finished_at: None,
    }
}
