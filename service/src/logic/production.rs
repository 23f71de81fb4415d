//! Production as a whole: what a deployment to it comes to, and the page that shows all of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::figures::aggregate;
use crate::python::value::is_truthy;
use crate::tables::column::ColumnValue as _;
use crate::tables::integration::{DeploymentConfig, DeploymentInstance, DeploymentStatus};

/// The answer to a request that deployed a workflow to production. Nothing is integrated by it and no rule is kept: the words
/// are the monolith's, and say only that what was sent made sense.
pub fn deployed(
    config: &DeploymentConfig,
    deployment: &Map<String, Value>,
    integration: &Value,
) -> Value {
    let errors: Vec<String> = monitoring_error(deployment).into_iter().collect();
    let integration = if is_truthy(integration) { "configured" } else { "skipped" };
    json!({
        "workflow_id": config.workflow_id,
        "deployment_status": "deploying",
        "integration_status": integration,
        "monitoring_status": if errors.is_empty() { "created" } else { "failed" },
        "deployment_id": config.id,
        "deployment_errors": [],
        "overall_status": if errors.is_empty() { "success" } else { "partial_success" },
        "errors": errors,
    })
}

/// What is wrong with the rules for alerts.
fn monitoring_error(deployment: &Map<String, Value>) -> Option<String> {
    let error = match deployment.get("alerting_rules") {
        None => return None,
        Some(Value::Object(rules)) => match rules.get("rules") {
            None | Some(Value::Array(_) | Value::Object(_) | Value::String(_)) => return None,
            Some(_) => "rules of alerting_rules is no list",
        },
        Some(_) => "alerting_rules is no object",
    };
    Some(format!("Monitoring setup failed: {error}"))
}

/// What the audit log keeps of a request whose free object names `column` again: the monolith's text, which readers of the log
/// know.
pub fn repeated(column: &str) -> String {
    format!(
        "app.services.agent_integration.AgentDeploymentConfig() got multiple values for keyword \
         argument '{column}'"
    )
}

/// Instances by the deployment that they are of.
pub fn by_deployment(
    instances: Vec<DeploymentInstance>,
) -> BTreeMap<String, Vec<DeploymentInstance>> {
    let mut sorted: BTreeMap<String, Vec<DeploymentInstance>> = BTreeMap::new();
    for instance in instances {
        sorted.entry(instance.deployment_id.clone()).or_default().push(instance);
    }
    sorted
}

/// One deployment on the page, with its instances and their figures.
pub fn tile(
    config: &DeploymentConfig,
    instances: &[DeploymentInstance],
    figures: &[Value],
) -> Value {
    let is_healthy = |instance: &&DeploymentInstance| instance.health_status == "healthy";
    json!({
        "deployment_id": config.id,
        "deployment_name": config.deployment_name,
        "workflow_id": config.workflow_id,
        "status": config.status.word(),
        "total_instances": instances.len(),
        "healthy_instances": instances.iter().filter(is_healthy).count(),
        "metrics": aggregate(figures),
        "created_at": config.created_at.to_json(),
        "deployment_time": config.deployment_time.to_json(),
    })
}

/// The page.
pub fn dashboard(configs: &[DeploymentConfig], tiles: &[Value]) -> Value {
    let count = |status: DeploymentStatus| configs.iter().filter(|c| c.status == status).count();
    json!({
        "total_deployments": configs.len(),
        "active_deployments": count(DeploymentStatus::Deployed),
        "failed_deployments": count(DeploymentStatus::Failed),
        "deployments": tiles,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::deployments::tests::deployment;
    use crate::logic::instances::tests::instance;

    #[test]
    fn what_a_deployment_to_production_comes_to() {
        let config = deployment(json!([]));
        let answer = |deployment: Value, integration: Value| {
            deployed(&config, deployment.as_object().unwrap(), &integration)
        };
        let plain = answer(json!({}), json!({}));
        assert_eq!(
            plain,
            json!({"workflow_id": "agent_1", "deployment_status": "deploying", "integration_status": "skipped",
                   "monitoring_status": "created", "deployment_id": "deploy_1", "errors": [],
                   "deployment_errors": [], "overall_status": "success"})
        );
        let rules = json!({"alerting_rules": {"rules": [{"m": "cpu"}], "channels": ["slack"]}});
        let full = answer(rules, json!({"zk": true}));
        assert_eq!(
            (&full["integration_status"], &full["overall_status"]),
            (&json!("configured"), &json!("success"))
        );
        for wrong in [json!({"alerting_rules": null}), json!({"alerting_rules": {"rules": 3}})] {
            let told = answer(wrong, Value::Null);
            assert_eq!(told["overall_status"], "partial_success");
            assert_eq!(
                (&told["monitoring_status"], told["errors"].as_array().unwrap().len()),
                (&json!("failed"), 1)
            );
        }
    }

    #[test]
    fn the_page_counts_by_state() {
        let mut configs = [deployment(json!([])), deployment(json!([]))];
        configs[0].status = DeploymentStatus::Deployed;
        let mut instances = vec![instance(0), instance(1)];
        "healthy".clone_into(&mut instances[1].health_status);
        let tile = tile(&configs[0], &instances, &[]);
        assert_eq!((&tile["total_instances"], &tile["healthy_instances"]), (&json!(2), &json!(1)));
        assert_eq!(
            (&tile["created_at"], &tile["deployment_time"]),
            (&json!("2026-01-01T00:00:00"), &Value::Null)
        );
        let page = dashboard(&configs, &[tile]);
        assert_eq!(
            (&page["total_deployments"], &page["active_deployments"]),
            (&json!(2), &json!(1))
        );
        assert_eq!(page["failed_deployments"], 0);
        assert_eq!(by_deployment(instances)["deploy_1"].len(), 2);
    }
}
