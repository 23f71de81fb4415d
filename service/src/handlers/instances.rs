//! Instances: list, show, health, figures.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::deployments::{ID, owned};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::health::{self, Checkup};
use crate::logic::{Denied, deployments, figures, instances};
use crate::store::instances::InstanceFilter;
use crate::tables::Record as _;
use crate::tables::integration::{DeploymentInstance, DeploymentStatus};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

static FILTER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("deployment_id", Kind::text()).optional(),
        field("environment", Kind::text()).optional(),
        field("status", Kind::Choice(DeploymentStatus::WORDS)).optional(),
    ])
});

static RANGE: LazyShape =
    LazyLock::new(|| Shape::new([field("time_range", Kind::text()).default("1h")]));

#[derive(Debug, Deserialize)]
struct Query {
    deployment_id: Option<String>,
    environment: Option<String>,
    status: Option<DeploymentStatus>,
}

#[derive(Debug, Deserialize)]
struct Range {
    time_range: String,
}

fn schema() -> Value {
    of_table(&DeploymentInstance::TABLE)
}

fn list_schema() -> Value {
    json!({"type": "array", "items": schema()})
}

/// `GET /deployments/instances`.
pub fn list() -> Action {
    Action::new("List the instances of one's deployments", async |work: Work, mut input: Input| {
        let Query { deployment_id, environment, status } = input.query()?;
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let filter = InstanceFilter {
            owner: input.caller,
            deployment_id: some(deployment_id),
            environment: some(environment),
            status,
        };
        let found = work.store.instance_list(&filter).await?;
        Ok(Reply::ok(&deployments::shown(&found)))
    })
    .query(&FILTER)
    .answers(list_schema)
}

/// `GET /deployments/instances/{instance_id}`, by the id of its row.
pub fn show() -> Action {
    Action::new("Show an instance", async |work: Work, input: Input| {
        let found = work.store.instance_find(input.part("instance_id")).await?;
        let instance = found.ok_or(Denied::NotFound("Instance"))?;
        owned(&work, &instance.deployment_id, &input.caller).await?;
        Ok(Reply::ok(&instance.to_json()))
    })
    .refuses(&[403, 404])
    .answers(schema)
}

/// `GET /deployments/{deployment_id}/health`: looks at every instance, and notes what it finds.
pub fn health() -> Action {
    Action::new("Look at a deployment's instances", async |work: Work, input: Input| {
        let config = owned(&work, input.part(ID), &input.caller).await?;
        let found = work.store.instance_list_of(&config.id).await?;
        let found = instances::counted(found, work.compatibility());
        let checked = check(&work, &found).await?;
        let mut checkup = Checkup::default();
        for (health, element) in checked {
            checkup.add(health, element);
        }
        Ok(Reply::ok(&checkup.to_json(&config.id)))
    })
    .refuses(&[403, 404])
    .answers(health_schema)
}

/// `GET /metrics/deployments/{deployment_id}`.
pub fn metrics() -> Action {
    Action::new("The figures of a deployment's instances", async |work: Work, mut input: Input| {
        let Range { time_range } = input.query()?;
        let config = owned(&work, input.part(ID), &input.caller).await?;
        let found = work.store.instance_list_of(&config.id).await?;
        let found = instances::counted(found, work.compatibility());
        let figures = ask(&work, &found).await;
        Ok(Reply::ok(&figures::metrics(&config.id, &time_range, &figures)))
    })
    .query(&RANGE)
    .refuses(&[403, 404])
    .answers(metrics_schema)
}

/// Looks at instances and notes in their rows what was found.
pub(super) async fn check(
    work: &Work,
    instances: &[DeploymentInstance],
) -> Result<Vec<(health::Health, Value)>, ApiError> {
    let sightings = work.instances().look_at(instances).await;
    let mut checked = Vec::with_capacity(instances.len());
    if instances.is_empty() {
        return Ok(checked);
    }
    let mut writing = work.store.write().await?;
    for (seen, sighting) in instances.iter().zip(&sightings) {
        // Read anew: looking took its time, and somebody else may have checked it meanwhile.
        let mut row = writing.instance_find(&seen.id).await?.unwrap_or_else(|| seen.clone());
        let element = health::note(&mut row, sighting, work.now());
        writing.instance_checked(&row).await?;
        checked.push((sighting.health(), element));
    }
    writing.commit().await?;
    Ok(checked)
}

/// Asks instances for their figures.
pub(super) async fn ask(work: &Work, instances: &[DeploymentInstance]) -> Vec<Value> {
    let told = work.instances().figures(instances).await;
    let of = |(instance, told): (&DeploymentInstance, &Option<Map<String, Value>>)| {
        figures::of_instance(instance, told.as_ref(), work.now())
    };
    instances.iter().zip(&told).map(of).collect()
}

fn health_schema() -> Value {
    let (text, count) = (json!({"type": "string"}), json!({"type": "integer"}));
    let word = json!({"type": "string", "enum": ["healthy", "degraded", "unhealthy"]});
    let element = json!({"type": "object", "required": ["instance_id", "status"], "properties": {
        "instance_id": text, "status": word, "response_time": {"type": "number"},
        "last_check": {"type": "string"}, "error": text, "consecutive_failures": count,
    }});
    json!({"type": "object",
        "required": ["deployment_id", "total_instances", "instance_health", "overall_health"],
        "properties": {
            "deployment_id": text, "total_instances": count, "healthy_instances": count,
            "unhealthy_instances": count, "unknown_instances": count,
            "instance_health": {"type": "array", "items": element}, "overall_health": word,
        },
    })
}

fn metrics_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object",
        "required": ["deployment_id", "time_range", "total_instances", "instance_metrics", "aggregated_metrics"],
        "properties": {
            "deployment_id": text, "time_range": text, "total_instances": {"type": "integer"},
            "instance_metrics": {"type": "array", "items": {"type": "object"}},
            "aggregated_metrics": {"type": "object"},
        },
    })
}
