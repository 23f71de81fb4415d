//! Sandboxes of executions: describe one, look at it, clean it up. Nothing here confines anything.

use std::sync::LazyLock;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::{Denied, sandboxes};
use crate::store::StoreError;
use crate::tables::Record as _;
use crate::tables::security::{Sandbox, SecurityLevel};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the execution, which nobody looks for.
const ID: &str = super::executions::ID;

static LEVEL: LazyShape = LazyLock::new(|| {
    Shape::new([field("security_level", Kind::Choice(SecurityLevel::WORDS)).default("public")])
});

#[derive(Debug, Deserialize)]
struct Query {
    security_level: SecurityLevel,
}

/// `POST /security/sandbox/{execution_id}/create`.
pub fn create() -> Action {
    Action::new("Describe the sandbox of an execution", async |work: Work, mut input: Input| {
        let wishes = std::mem::take(&mut input.body);
        let Query { security_level } = input.query()?;
        let execution = input.part(ID);
        let cells =
            sandboxes::new(execution, security_level, &wishes, work.now(), work.store.engine());
        let cells = cells.map_err(ApiError::Invalid)?;
        let mut writing = work.store.write().await?;
        let sandbox = writing.sandbox_insert(cells).await.map_err(taken)?;
        let event = sandboxes::created(execution, &sandbox, input.caller.clone());
        writing.audit(&work, event).await?;
        writing.commit().await?;
        Ok(Reply::ok(&sandbox.to_json()))
    })
    .query(&LEVEL)
    .any_object_or_none()
    .refuses(&[409])
    .answers(schema)
}

/// `GET /security/sandbox/{execution_id}/monitor`.
pub fn monitor() -> Action {
    Action::new("What is known of a sandbox", async |work: Work, input: Input| {
        let execution = input.part(ID);
        let sandbox = work.store.sandbox_find(&sandboxes::id(execution)).await?;
        let sandbox = sandbox.ok_or_else(|| {
            ApiError::detail(StatusCode::NOT_FOUND, sandboxes::missing(execution))
        })?;
        Ok(Reply::ok(&sandboxes::monitored(execution, &sandbox)))
    })
    .refuses(&[404])
    .answers(monitored_schema)
}

/// `POST /security/sandbox/{execution_id}/cleanup`.
pub fn clean_up() -> Action {
    Action::new("Note that a sandbox is no longer needed", async |work: Work, input: Input| {
        let execution = input.part(ID);
        let mut writing = work.store.write().await?;
        let success = writing.sandbox_retire(&sandboxes::id(execution), work.now()).await?;
        let event = sandboxes::cleaned_up(execution, success, input.caller.clone());
        writing.audit(&work, event).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({"success": success, "message": "Sandbox cleanup completed"})))
    })
    .answers(cleanup_schema)
}

fn taken(error: StoreError) -> ApiError {
    if error.is_taken() {
        Denied::Conflict("The execution already has a sandbox").into()
    } else {
        error.into()
    }
}

fn schema() -> Value {
    of_table(&Sandbox::TABLE)
}

fn monitored_schema() -> Value {
    let (text, whole) = (json!({"type": "string"}), json!({"type": "integer"}));
    json!({"type": "object", "properties": {
        "execution_id": text, "sandbox_type": text,
        "security_level": {"type": "string", "enum": SecurityLevel::WORDS},
        "resource_usage": {"type": "object", "properties": {
            "cpu_percent": {"type": "number"}, "memory_mb": whole, "disk_mb": whole,
        }},
        "security_events": {"type": "array"},
        "command_count": whole, "file_access_count": whole, "network_access_count": whole,
        "status": text, "note": text,
    }})
}

fn cleanup_schema() -> Value {
    json!({"type": "object", "properties": {
        "success": {"type": "boolean"}, "message": {"type": "string"},
    }})
}
