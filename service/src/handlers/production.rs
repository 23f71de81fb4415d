//! Production: deploy to it, and see how it is.

use std::sync::LazyLock;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::check_filter;
use super::deploying::{PRODUCTION, bring_up};
use super::deployments::{Name, event, insert, twice};
use super::instances::{ask, check};
use crate::http::endpoint::LazyShape;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::alerts::SEVERITIES;
use crate::logic::deployments::{first_instances, repeated};
use crate::logic::health::{Checkup, of_all};
use crate::logic::{instances, production, workflows};
use crate::python::number;
use crate::store::instances::InstanceFilter;
use crate::store::{StoreError, Writing};
use crate::tables::integration::{DeploymentConfig, DeploymentInstance};
use crate::tables::security::AuditEventType;
use crate::validation::{Kind, Place, Shape, field};
use crate::work::Work;

static WORKFLOW: LazyShape = LazyLock::new(|| Shape::new([field("workflow_id", Kind::text())]));

static PARTS: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("deployment_config", Kind::object()),
        field("integration_config", Kind::object().or_null()).optional(),
    ])
});

static WANTED: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("severity", Kind::text()).optional(),
        field("limit", Kind::any_integer()).default(50),
    ])
});

#[derive(Debug, Deserialize)]
struct Target {
    workflow_id: String,
}

#[derive(Debug, Deserialize)]
struct Parts {
    deployment_config: Map<String, Value>,
    #[serde(default)]
    integration_config: Value,
}

#[derive(Debug, Deserialize)]
struct Wanted {
    severity: Option<String>,
    #[serde(deserialize_with = "number::any_long")]
    limit: Option<i64>,
}

/// `POST /production/deploy`.
pub fn deploy() -> Action {
    Action::new("Deploy a workflow to production", async |work: Work, mut input: Input| {
        let Target { workflow_id } = input.query()?;
        let parts: Parts = input.body()?;
        let answer = deploy_parts(work.clone(), input.caller, workflow_id, parts);
        Box::pin(work.to_the_end(answer)).await.map(|answer| Reply::ok(&answer))
    })
    .query(&WORKFLOW)
    .parts(&PARTS)
    .refuses(&[400, 403, 404, 409])
    .answers(deployed_schema)
}

async fn deploy_parts(
    work: Work,
    caller: String,
    workflow_id: String,
    parts: Parts,
) -> Result<Value, ApiError> {
    let (work, workflow_id) = (&work, workflow_id.as_str());
    let mut writing = work.store.write().await?;
    let found = writing.workflow_find(workflow_id).await?;
    workflows::owned(found.as_ref(), &caller)?;
    let Parts { deployment_config, integration_config } = parts;
    if let Some(column) = repeated(&deployment_config) {
        failed(work, writing, workflow_id, &production::repeated(column)).await?;
        return Err(ApiError::detail(StatusCode::BAD_REQUEST, twice(column)));
    }
    let name = match deployment_config.get("name") {
        Some(Value::Null) => {
            let place = Place::root("body").within("deployment_config").within("name");
            let problem = place.problem("string_type", "Input should be a valid string");
            return Err(ApiError::Invalid(vec![problem]));
        }
        Some(name) => Name::Free(name.clone()),
        None => Name::Text(format!("production-{workflow_id}")),
    };
    let config = insert(&mut writing, work, workflow_id, name, &deployment_config).await?;
    let uncountable = first_instances(&config).err();
    let brought_up = bring_up(work, writing, config.clone(), PRODUCTION).await;
    if let Some(why) = uncountable {
        failed(work, work.store.write().await?, workflow_id, &why.logged).await?;
    }
    brought_up?;
    let answer = production::deployed(&config, &deployment_config, &integration_config);
    let event = event(AuditEventType::ExecutionCompleted, workflow_id);
    let mut writing = work.store.write().await?;
    writing.audit(work, event.data(json!({"production_deployment": answer}))).await?;
    writing.commit().await?;
    Ok(answer)
}

/// Notes in the audit log that a deployment to production failed.
async fn failed(
    work: &Work,
    mut writing: Writing,
    workflow_id: &str,
    error: &str,
) -> Result<(), StoreError> {
    let event = event(AuditEventType::ExecutionFailed, workflow_id);
    writing.audit(work, event.data(json!({"error": error}))).await?;
    writing.commit().await
}

/// `GET /production/dashboard`.
pub fn dashboard() -> Action {
    Action::new("All one's deployments at a glance", async |work: Work, input: Input| {
        let deployments = all_of(&work, &input.caller).await?;
        let instances: Vec<DeploymentInstance> =
            deployments.iter().flat_map(|(_, instances)| instances.clone()).collect();
        let figures = ask(&work, &instances).await;
        let mut rest = figures.as_slice();
        let mut tiles = Vec::with_capacity(deployments.len());
        for (config, instances) in &deployments {
            let (own, others) = rest.split_at_checked(instances.len()).unwrap_or_default();
            tiles.push(production::tile(config, instances, own));
            rest = others;
        }
        let configs: Vec<DeploymentConfig> =
            deployments.into_iter().map(|(config, _)| config).collect();
        Ok(Reply::ok(&production::dashboard(&configs, &tiles)))
    })
    .answers(dashboard_schema)
}

/// `GET /production/health`: looks at every instance of every deployment, and notes what it finds.
pub fn health() -> Action {
    Action::new("Look at all one's deployments", async |work: Work, input: Input| {
        let deployments = all_of(&work, &input.caller).await?;
        let instances: Vec<DeploymentInstance> =
            deployments.iter().flat_map(|(_, instances)| instances.clone()).collect();
        let mut checked = check(&work, &instances).await?.into_iter();
        let checkups: Vec<(DeploymentConfig, Checkup)> = deployments
            .into_iter()
            .map(|(config, instances)| {
                let mut checkup = Checkup::default();
                for (health, element) in checked.by_ref().take(instances.len()) {
                    checkup.add(health, element);
                }
                (config, checkup)
            })
            .collect();
        Ok(Reply::ok(&of_all(&checkups)))
    })
    .answers(health_schema)
}

/// `GET /production/alerts`.
pub fn alerts() -> Action {
    Action::new("The alerts of late, newest first", async |work: Work, mut input: Input| {
        let Wanted { severity, limit } = input.query()?;
        // An empty word is none.
        let given = severity.as_deref().filter(|severity| !severity.is_empty());
        check_filter(&work, "severity", given, SEVERITIES)?;
        Ok(Reply::ok(&work.alerts().recent(severity.as_deref(), limit.unwrap_or(0))))
    })
    .query(&WANTED)
    .answers(alerts_schema)
}

/// `GET /v1/metrics`: the figures of the service, and what became of the alerts that they give reason for.
pub fn live_metrics() -> Action {
    Action::new("The service's own figures, for dashboards", async |work: Work, _: Input| {
        let figures = work.live_figures();
        let mut answer = figures.to_json(work.now());
        let alerts = work.alerts();
        // A client that goes away must not leave an alert that is held back and was never told.
        let told = work.to_the_end(async move { Ok(alerts.tell(&figures).await) }).await?;
        if let Value::Object(map) = &mut answer {
            map.insert("alert_delivery".to_owned(), told);
        }
        Ok(Reply::ok(&answer))
    })
    .open()
    .answers(live_schema)
}

/// A user's deployments, each with the instances that count.
async fn all_of(
    work: &Work,
    owner: &str,
) -> Result<Vec<(DeploymentConfig, Vec<DeploymentInstance>)>, StoreError> {
    let configs = work.store.deployment_list_of(owner).await?;
    let filter = InstanceFilter { owner: owner.to_owned(), ..InstanceFilter::default() };
    let found = work.store.instance_list(&filter).await?;
    let mut sorted = production::by_deployment(instances::counted(found, work.compatibility()));
    let with_own = |config: DeploymentConfig| {
        let own = sorted.remove(&config.id).unwrap_or_default();
        (config, own)
    };
    Ok(configs.into_iter().map(with_own).collect())
}

fn deployed_schema() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": text});
    json!({"type": "object",
        "required": ["workflow_id", "deployment_status", "deployment_id", "errors", "overall_status"],
        "properties": {
            "workflow_id": text, "deployment_status": text, "integration_status": text,
            "monitoring_status": text, "deployment_id": text, "errors": texts,
            "deployment_errors": texts, "overall_status": text,
        },
    })
}

fn dashboard_schema() -> Value {
    let count = json!({"type": "integer"});
    json!({"type": "object",
        "required": ["total_deployments", "active_deployments", "failed_deployments", "deployments"],
        "properties": {
            "total_deployments": count, "active_deployments": count, "failed_deployments": count,
            "deployments": {"type": "array", "items": {"type": "object"}},
        },
    })
}

fn health_schema() -> Value {
    let count = json!({"type": "integer"});
    json!({"type": "object",
        "required": ["overall_health", "total_deployments", "total_instances", "deployment_health"],
        "properties": {
            "overall_health": {"type": "string", "enum": ["healthy", "degraded", "unhealthy"]},
            "total_deployments": count, "healthy_deployments": count, "unhealthy_deployments": count,
            "unknown_deployments": count, "total_instances": count, "healthy_instances": count,
            "unhealthy_instances": count,
            "deployment_health": {"type": "array", "items": {"type": "object"}},
        },
    })
}

fn alerts_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "required": ["alerts", "total_count", "severity", "source"], "properties": {
        "alerts": {"type": "array", "items": {"type": "object"}},
        "total_count": {"type": "integer"}, "severity": {"anyOf": [text, {"type": "null"}]},
        "source": text,
    }})
}

fn live_schema() -> Value {
    let (count, number) = (json!({"type": "integer"}), json!({"type": "number"}));
    json!({"type": "object",
        "required": ["api_requests", "api_errors", "api_response_times", "alerts", "alert_delivery"],
        "properties": {
            "api_requests": count, "api_errors": count,
            "api_response_times": {"type": "array", "items": number},
            "memory_usage_mb": number, "cpu_usage_percent": number, "avg_response_time_ms": number,
            "error_rate_percent": number, "alerts": {"type": "object"}, "uptime_seconds": number,
            "alert_delivery": {"type": "object"},
        },
    })
}
