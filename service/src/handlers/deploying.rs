//! Deployments: bring up, scale, roll back.
//!
//! Rows come first and units after them, outside of any transaction; then the rows are told what became of the units. What has
//! begun goes on when the client is gone.

use std::sync::LazyLock;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::deployments::{ID, event, owned_in};
use crate::http::endpoint::LazyShape;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::deployments::{self, Scaling, first_instances};
use crate::logic::instances::{self, Planned};
use crate::store::{StoreError, Writing};
use crate::tables::integration::{DeploymentConfig, DeploymentInstance, DeploymentStatus};
use crate::tables::security::AuditEventType;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The environment of instances that nobody has named one for.
pub(super) const PRODUCTION: &str = "production";

static ENVIRONMENT: LazyShape =
    LazyLock::new(|| Shape::new([field("target_environment", Kind::text()).default(PRODUCTION)]));

static TARGET: LazyShape =
    LazyLock::new(|| Shape::new([field("target_instances", Kind::integer())]));

#[derive(Debug, Deserialize)]
struct Environment {
    target_environment: String,
}

#[derive(Debug, Deserialize)]
struct Target {
    target_instances: i64,
}

/// `POST /deployments/{deployment_id}/deploy`.
pub fn deploy() -> Action {
    Action::new("Bring a deployment's instances up", async |work: Work, mut input: Input| {
        let Environment { target_environment } = input.query()?;
        let answer = deploy_to(work.clone(), input, target_environment);
        work.to_the_end(answer).await.map(|answer| Reply::ok(&answer))
    })
    .query(&ENVIRONMENT)
    .refuses(&[400, 403, 404])
    .answers(deployed_schema)
}

async fn deploy_to(work: Work, input: Input, environment: String) -> Result<Value, ApiError> {
    let mut writing = work.store.write().await?;
    let config = owned_in(&mut writing, input.part(ID), &input.caller).await?;
    bring_up(&work, writing, config, &environment).await
}

/// `POST /deployments/{deployment_id}/scale`.
pub fn scale() -> Action {
    Action::new("Bring instances up or take some down", async |work: Work, mut input: Input| {
        let Target { target_instances } = input.query()?;
        let answer = scale_to(work.clone(), input, target_instances);
        work.to_the_end(answer).await.map(|answer| Reply::ok(&answer))
    })
    .query(&TARGET)
    .refuses(&[400, 403, 404])
    .answers(scaled_schema)
}

async fn scale_to(work: Work, input: Input, target: i64) -> Result<Value, ApiError> {
    let mut writing = work.store.write().await?;
    let config = owned_in(&mut writing, input.part(ID), &input.caller).await?;
    let found = writing.instance_list_of(&config.id).await?;
    let found = instances::counted(found, work.compatibility());
    let scaling = Scaling::between(found.len(), target)?;
    let touched = match &scaling {
        Scaling::Up(numbers) => {
            let planned = plan(&work, &config, PRODUCTION, numbers.clone())?;
            insert(&mut writing, &planned).await?;
            writing.commit().await?;
            let (started, writing) = start(&work, planned).await?;
            writing.commit().await?;
            started.iter().map(Planned::to_json).collect()
        }
        Scaling::Down(surplus) => {
            // The lock is not kept while units are stopped.
            drop(writing);
            let last = found.get(found.len().saturating_sub(*surplus)..).unwrap_or_default();
            take_down(&work, last).await?
        }
        Scaling::None => Vec::new(),
    };
    Ok(deployments::scaled(&config.id, found.len(), target, &scaling, &touched))
}

/// `POST /deployments/{deployment_id}/rollback`.
pub fn roll_back() -> Action {
    Action::new("Bring a deployment's version before back", async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let mut config = owned_in(&mut writing, input.part(ID), &input.caller).await?;
        let found = writing.instance_list_of(&config.id).await?;
        let found = instances::counted(found, work.compatibility());
        let (answer, status) = deployments::rolled_back(&config, &found)?;
        config.status = status;
        writing.deployment_note(&config).await?;
        let event = event(AuditEventType::ExecutionCancelled, &config.workflow_id)
            .data(json!({"deployment_id": config.id, "rollback_result": answer}));
        writing.audit(&work, event).await?;
        writing.commit().await?;
        Ok(Reply::ok(&answer))
    })
    .refuses(&[403, 404, 409])
    .answers(rolled_back_schema)
}

/// Brings the first instances of a deployment up; `writing` goes on from where the deployment was read. What cannot be counted
/// leaves a failed deployment, a region that no row can have one that is deploying for ever.
pub(super) async fn bring_up(
    work: &Work,
    mut writing: Writing,
    mut config: DeploymentConfig,
    environment: &str,
) -> Result<Value, ApiError> {
    config.deployment_time = Some(work.now());
    let numbers = match first_instances(&config) {
        Ok(numbers) => numbers,
        Err(why) => {
            config.status = DeploymentStatus::Failed;
            writing.deployment_note(&config).await?;
            let failed = event(AuditEventType::ExecutionFailed, &config.workflow_id);
            writing.audit(work, failed.data(json!({"error": why.logged}))).await?;
            writing.commit().await?;
            return Err(ApiError::detail(StatusCode::BAD_REQUEST, why.told));
        }
    };
    config.status = DeploymentStatus::Deploying;
    writing.deployment_note(&config).await?;
    let planned = plan(work, &config, environment, numbers);
    insert(&mut writing, planned.as_deref().unwrap_or_default()).await?;
    writing.commit().await?;
    let planned = planned?;

    let (instances, mut writing) = start(work, planned).await?;
    let answer = deployments::deployed(&config.id, environment, &instances);
    config.status = DeploymentStatus::Deployed;
    writing.deployment_note(&config).await?;
    let event = event(AuditEventType::ExecutionStarted, &config.workflow_id).data(json!({
        "deployment_id": config.id,
        "environment": environment,
        "deployment_result": answer,
    }));
    writing.audit(work, event).await?;
    writing.commit().await?;
    Ok(answer)
}

fn plan(
    work: &Work,
    config: &DeploymentConfig,
    environment: &str,
    numbers: std::ops::Range<i64>,
) -> Result<Vec<Planned>, Denied> {
    let made = || (work.id("instance_", 10), work.now());
    instances::plan(config, environment, numbers, made)
}

/// Writes the rows of instances that are to be brought up.
async fn insert(writing: &mut Writing, planned: &[Planned]) -> Result<(), StoreError> {
    for planned in planned {
        if let Planned::Row(row) = planned {
            writing.instance_insert(row).await?;
        }
    }
    Ok(())
}

/// Brings planned instances up, and begins to write what became of them.
async fn start(work: &Work, planned: Vec<Planned>) -> Result<(Vec<Planned>, Writing), StoreError> {
    let mut refused = Vec::new();
    let mut rows = Vec::new();
    for planned in planned {
        match planned {
            Planned::Row(row) => rows.push(*row),
            Planned::Refused { .. } => refused.push(planned),
        }
    }
    // One region is that of all: they are planned or refused together.
    let started = work.instances().start(rows).await;
    let mut writing = work.store.write().await?;
    let mut instances = refused;
    for (mut row, is_up) in started {
        instances::note_start(&mut row, is_up, work.now());
        writing.instance_started(&row).await?;
        instances.push(Planned::Row(Box::new(row)));
    }
    Ok((instances, writing))
}

/// Takes instances down; their rows stay.
async fn take_down(
    work: &Work,
    instances: &[DeploymentInstance],
) -> Result<Vec<Value>, StoreError> {
    work.instances().remove(instances).await;
    let mut writing = work.store.write().await?;
    for instance in instances {
        writing.instance_terminate(&instance.id).await?;
    }
    writing.commit().await?;
    let removed =
        |one: &DeploymentInstance| json!({"instance_id": one.instance_id, "status": "removed"});
    Ok(instances.iter().map(removed).collect())
}

fn instance_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "required": ["instance_id", "status"], "properties": {
        "instance_id": text, "status": text, "error": text,
        "endpoint_url": {"anyOf": [text, {"type": "null"}]},
        "port": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    }})
}

fn deployed_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object",
        "required": ["deployment_id", "environment", "status", "instances", "deployment_errors"],
        "properties": {
            "deployment_id": text, "environment": text, "status": text,
            "instances": {"type": "array", "items": instance_schema()},
            "deployment_errors": {"type": "array", "items": text},
        },
    })
}

fn scaled_schema() -> Value {
    let (text, count) = (json!({"type": "string"}), json!({"type": "integer"}));
    json!({"type": "object",
        "required": ["deployment_id", "current_instances", "target_instances", "scaling_action", "scaled_instances"],
        "properties": {
            "deployment_id": text, "current_instances": count, "target_instances": count,
            "scaling_action": {"type": "string", "enum": ["scale_up", "scale_down", "no_change"]},
            "scaled_instances": {"type": "array", "items": instance_schema()},
            "scaling_errors": {"type": "array", "items": text},
        },
    })
}

fn rolled_back_schema() -> Value {
    let text = json!({"type": "string"});
    let error = json!({"type": "object", "properties": {"instance_id": text, "error": text}});
    json!({"type": "object",
        "required": ["deployment_id", "rollback_status", "rolled_back_instances", "rollback_errors"],
        "properties": {
            "deployment_id": text, "rollback_status": text,
            "rolled_back_instances": {"type": "array", "items": {"type": "object"}},
            "rollback_errors": {"type": "array", "items": error},
        },
    })
}
