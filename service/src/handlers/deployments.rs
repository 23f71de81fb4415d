//! Deployments: describe, list, show.

use std::sync::LazyLock;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::audit::Event;
use crate::logic::{deployments, overrides, workflows};
use crate::store::Writing;
use crate::store::deployments::DeploymentFilter;
use crate::tables::Record as _;
use crate::tables::integration::{DeploymentConfig, DeploymentStatus};
use crate::tables::security::{AuditEventType, SecurityLevel};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the deployment.
pub(super) const ID: &str = "deployment_id";

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([field("workflow_id", Kind::text()), field("deployment_name", Kind::text())])
});

static FILTER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("workflow_id", Kind::text()).optional(),
        field("status", Kind::Choice(DeploymentStatus::WORDS)).optional(),
    ])
});

#[derive(Debug, Deserialize)]
struct New {
    workflow_id: String,
    deployment_name: String,
}

#[derive(Debug, Deserialize)]
struct Query {
    workflow_id: Option<String>,
    status: Option<DeploymentStatus>,
}

pub(super) fn schema() -> Value {
    of_table(&DeploymentConfig::TABLE)
}

fn list_schema() -> Value {
    json!({"type": "array", "items": schema()})
}

/// `POST /deployments/config`.
pub fn create() -> Action {
    Action::new("Describe a deployment of a workflow", async |work: Work, mut input: Input| {
        let New { workflow_id, deployment_name } = input.query()?;
        let mut writing = work.store.write().await?;
        let found = writing.workflow_find(&workflow_id).await?;
        workflows::owned(found.as_ref(), &input.caller)?;
        if let Some(column) = deployments::repeated(&input.body) {
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, twice(column)));
        }
        let name = Name::Text(deployment_name);
        let config = insert(&mut writing, &work, &workflow_id, name, &input.body).await?;
        writing.commit().await?;
        Ok(Reply::ok(&config.to_json()))
    })
    .query(&NEW)
    .any_object()
    .refuses(&[400, 403, 404, 409])
    .answers(schema)
}

/// `GET /deployments/configs`.
pub fn list() -> Action {
    Action::new("List the deployments of one's workflows", async |work: Work, mut input: Input| {
        let Query { workflow_id, status } = input.query()?;
        let workflow_id = workflow_id.filter(|id| !id.is_empty());
        let filter = DeploymentFilter { owner: input.caller, workflow_id, status };
        let found = work.store.deployment_list(&filter).await?;
        Ok(Reply::ok(&deployments::shown(&found)))
    })
    .query(&FILTER)
    .answers(list_schema)
}

/// `GET /deployments/configs/{deployment_id}`.
pub fn show() -> Action {
    Action::new("Show a deployment", async |work: Work, input: Input| {
        let config = owned(&work, input.part(ID), &input.caller).await?;
        Ok(Reply::ok(&config.to_json()))
    })
    .refuses(&[403, 404])
    .answers(schema)
}

/// A deployment of the caller's.
pub(super) async fn owned(
    work: &Work,
    id: &str,
    caller: &str,
) -> Result<DeploymentConfig, ApiError> {
    let found = work.store.deployment_find(id).await?;
    let workflow = match &found {
        Some(config) => work.store.workflow_find(&config.workflow_id).await?,
        None => None,
    };
    Ok(deployments::owned(found.as_ref(), workflow.as_ref(), caller)?.clone())
}

/// A deployment of the caller's, as a transaction sees it.
pub(super) async fn owned_in(
    writing: &mut Writing,
    id: &str,
    caller: &str,
) -> Result<DeploymentConfig, ApiError> {
    let found = writing.deployment_find(id).await?;
    let workflow = match &found {
        Some(config) => writing.workflow_find(&config.workflow_id).await?,
        None => None,
    };
    Ok(deployments::owned(found.as_ref(), workflow.as_ref(), caller)?.clone())
}

/// What a deployment is called: a text of the request, or a value that nobody has checked yet.
pub(super) enum Name {
    Text(String),
    Free(Value),
}

/// Writes a new deployment and its audit event.
pub(super) async fn insert(
    writing: &mut Writing,
    work: &Work,
    workflow_id: &str,
    name: Name,
    object: &Map<String, Value>,
) -> Result<DeploymentConfig, ApiError> {
    let mut object = object.clone();
    let name = match name {
        Name::Text(text) => text,
        Name::Free(value) => {
            object.insert("deployment_name".to_owned(), value);
            String::new()
        }
    };
    let id = writing.free_id::<DeploymentConfig>(|| work.id("deploy_", 8)).await?;
    let row = deployments::config(id, workflow_id.to_owned(), name, work.now());
    let cells =
        overrides::created(&row, &object, work.store.engine()).map_err(ApiError::Invalid)?;
    let config = writing.deployment_insert(cells).await.map_err(|error| {
        if error.is_taken() {
            ApiError::detail(StatusCode::CONFLICT, "There is a deployment config with this id")
        } else {
            error.into()
        }
    })?;
    let event = event(AuditEventType::WorkflowCreated, workflow_id).data(json!({
        "deployment_config_id": config.id,
        "deployment_name": config.deployment_name,
    }));
    writing.audit(work, event).await?;
    Ok(config)
}

/// What the client hears who names in the body what the request has named already.
pub(super) fn twice(column: &str) -> String {
    format!("The body repeats {column}")
}

/// An audit event about a workflow's deployment.
pub(super) fn event(event: AuditEventType, workflow_id: &str) -> Event {
    Event { workflow_id: Some(workflow_id.to_owned()), ..Event::of(event, SecurityLevel::Internal) }
}
