//! Deployments: what a new one is, who may touch it, and how many instances it is to have.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::Denied;
use super::instances::Planned;
use crate::python::time::Stamp;
use crate::tables::agents::Workflow;
use crate::tables::column::ColumnValue as _;
use crate::tables::integration::{DeploymentConfig, DeploymentInstance, DeploymentStatus};
use crate::tables::{Json, Record};

/// The most instances that one deployment is brought up with or scaled to.
pub const MOST_INSTANCES: i64 = 100;

/// Columns that a free object must not name: the request names them already.
const NAMED_BY_REQUEST: [&str; 2] = ["workflow_id", "deployment_name"];

/// The row of a new deployment, with the monolith's defaults.
pub fn config(id: String, workflow_id: String, name: String, now: Stamp) -> DeploymentConfig {
    DeploymentConfig {
        id,
        workflow_id,
        deployment_name: name,
        description: String::new(),
        version: "1.0.0".to_owned(),
        target_environments: Some(Json(json!([]))),
        deployment_regions: Some(Json(json!([]))),
        min_cpu_cores: 1.0.into(),
        min_memory_mb: 1024.into(),
        min_storage_gb: 10.into(),
        requires_gpu: false,
        gpu_memory_mb: None,
        min_instances: 1.into(),
        max_instances: 5.into(),
        auto_scaling: true,
        scaling_policy: Some(Json(json!({}))),
        health_check_endpoint: "/health".to_owned(),
        health_check_interval: 30.into(),
        health_check_timeout: 10.into(),
        max_failures: 3.into(),
        rollout_strategy: "rolling".to_owned(),
        rollback_enabled: true,
        deployment_timeout: 1800.into(),
        enable_metrics: true,
        enable_logging: true,
        enable_tracing: false,
        log_level: "INFO".to_owned(),
        status: DeploymentStatus::Pending,
        deployment_time: None,
        last_health_check: None,
        created_at: now,
        updated_at: now,
    }
}

/// The column that a free object names though the request has named it already.
pub fn repeated(object: &Map<String, Value>) -> Option<&'static str> {
    NAMED_BY_REQUEST.into_iter().find(|name| object.contains_key(*name))
}

/// A deployment that `caller` may touch: the owner of its workflow. A workflow that is gone has none.
pub fn owned<'c>(
    config: Option<&'c DeploymentConfig>,
    workflow: Option<&Workflow>,
    caller: &str,
) -> Result<&'c DeploymentConfig, Denied> {
    let config = config.ok_or(Denied::NotFound("Deployment config"))?;
    let is_owner = workflow.is_some_and(|workflow| workflow.owner_id == caller);
    if is_owner { Ok(config) } else { Err(Denied::Forbidden) }
}

/// Why a deployment cannot be brought up. Another writer, or a free object, has left a figure that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncountable {
    /// What the client hears.
    pub told: String,
    /// What the audit log keeps, where it is the monolith's text that is read there.
    pub logged: String,
}

/// The numbers of the instances that a deployment begins with.
pub fn first_instances(config: &DeploymentConfig) -> Result<Range<i64>, Uncountable> {
    let Some(count) = config.min_instances.get() else {
        let kind = if config.min_instances.to_json().is_string() { "str" } else { "float" };
        return Err(Uncountable {
            told: "min_instances is no whole number".to_owned(),
            logged: format!("'{kind}' object cannot be interpreted as an integer"),
        });
    };
    if count > MOST_INSTANCES {
        let told = format!("min_instances is more than {MOST_INSTANCES}");
        return Err(Uncountable { logged: told.clone(), told });
    }
    Ok(0..count.max(0))
}

/// The answer to a request that brought a deployment up.
pub fn deployed(deployment_id: &str, environment: &str, instances: &[Planned]) -> Value {
    json!({
        "deployment_id": deployment_id,
        "environment": environment,
        "status": "deploying",
        "instances": instances.iter().map(Planned::to_json).collect::<Vec<_>>(),
        "deployment_errors": [],
    })
}

/// What scaling comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scaling {
    /// Instances with these numbers are brought up.
    Up(Range<i64>),
    /// So many of the last instances are taken down.
    Down(usize),
    /// There are as many as there shall be.
    None,
}

impl Scaling {
    /// What it takes to get from `current` to `target` instances. Below none there is nothing to take down.
    pub fn between(current: usize, target: i64) -> Result<Self, Denied> {
        let current_count = i64::try_from(current).unwrap_or(i64::MAX);
        if target > current_count && target > MOST_INSTANCES {
            return Err(Denied::Refused("target_instances is more than 100"));
        }
        Ok(match target.cmp(&current_count) {
            std::cmp::Ordering::Greater => Self::Up(current_count..target),
            std::cmp::Ordering::Equal => Self::None,
            std::cmp::Ordering::Less => {
                let surplus = usize::try_from(current_count.saturating_sub(target));
                Self::Down(surplus.unwrap_or(usize::MAX).min(current))
            }
        })
    }

    /// The word in answers.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Up(_) => "scale_up",
            Self::Down(_) => "scale_down",
            Self::None => "no_change",
        }
    }
}

/// The answer to a request that scaled a deployment.
pub fn scaled(
    deployment_id: &str,
    current: usize,
    target: i64,
    scaling: &Scaling,
    instances: &[Value],
) -> Value {
    json!({
        "deployment_id": deployment_id,
        "current_instances": current,
        "target_instances": target,
        "scaling_action": scaling.word(),
        "scaled_instances": instances,
        "scaling_errors": [],
    })
}

/// The answer to a request that would bring the version before back. There is none that anybody has kept, so each instance is
/// an error, and the deployment has failed; one without instances is merely over.
pub fn rolled_back(
    config: &DeploymentConfig,
    instances: &[DeploymentInstance],
) -> Result<(Value, DeploymentStatus), Denied> {
    if !config.rollback_enabled {
        return Err(Denied::Conflict("Rollback not enabled for this deployment"));
    }
    let errors: Vec<Value> = instances
        .iter()
        .map(|instance| {
            let error = "No previous version available";
            json!({"instance_id": instance.instance_id, "error": error})
        })
        .collect();
    let status =
        if errors.is_empty() { DeploymentStatus::Terminated } else { DeploymentStatus::Failed };
    let answer = json!({
        "deployment_id": config.id,
        "rollback_status": "in_progress",
        "rolled_back_instances": [],
        "rollback_errors": errors,
    });
    Ok((answer, status))
}

/// Rows as answers show them.
pub fn shown<R: Record>(rows: &[R]) -> Value {
    rows.iter().map(Record::to_json).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logic::instances::tests::instance;
    use crate::tables::{Cell, Int};

    pub(crate) fn now() -> Stamp {
        Stamp::parse("2026-01-01").unwrap()
    }

    pub(crate) fn deployment(regions: Value) -> DeploymentConfig {
        let mut config = config("deploy_1".into(), "agent_1".into(), "four".into(), now());
        config.deployment_regions = Some(Json(regions));
        config
    }

    #[test]
    fn how_many_instances_a_deployment_begins_with() {
        let mut config = deployment(json!([]));
        for (stored, expected) in [
            (Cell::Integer(3), Ok(0..3)),
            (Cell::Integer(-3), Ok(0..0)),
            (Cell::Integer(101), Err("min_instances is more than 100")),
            (Cell::Real(1.5), Err("'float' object cannot be interpreted as an integer")),
            (Cell::from("many"), Err("'str' object cannot be interpreted as an integer")),
        ] {
            config.min_instances = Int::read(stored).unwrap();
            let found = first_instances(&config).map_err(|why| why.logged);
            assert_eq!(found, expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn rolling_back_finds_no_version_before() {
        let config = deployment(json!([]));
        let (answer, status) = rolled_back(&config, &[instance(0)]).unwrap();
        assert_eq!(status, DeploymentStatus::Failed);
        assert_eq!(
            answer["rollback_errors"],
            json!([{"instance_id": "four-production-0", "error": "No previous version available"}])
        );
        assert_eq!(rolled_back(&config, &[]).unwrap().1, DeploymentStatus::Terminated);
        let config = DeploymentConfig { rollback_enabled: false, ..config };
        assert!(matches!(rolled_back(&config, &[]), Err(Denied::Conflict(_))));
    }

    #[test]
    fn whose_a_deployment_is() {
        let config = deployment(json!([]));
        assert_eq!(owned(None, None, "alice"), Err(Denied::NotFound("Deployment config")));
        assert_eq!(owned(Some(&config), None, "alice"), Err(Denied::Forbidden));
    }

    proptest! {
        #[test]
        fn scaling_reaches_its_target_or_nothing(current in 0..300_usize, target in -400..=400_i64) {
            let count = i64::try_from(current).unwrap();
            match Scaling::between(current, target) {
                Ok(Scaling::Up(numbers)) => {
                    prop_assert_eq!(numbers.clone(), count..target);
                    prop_assert!(target <= MOST_INSTANCES);
                }
                Ok(Scaling::Down(surplus)) => {
                    // Of none, fewer than none is none less.
                    prop_assert!(surplus <= current && (surplus > 0 || current == 0));
                    prop_assert_eq!(i64::try_from(current - surplus).unwrap(), target.max(0));
                }
                Ok(Scaling::None) => prop_assert_eq!(count, target),
                Err(_) => prop_assert!(target > MOST_INSTANCES && target > count),
            }
        }
    }

    #[test]
    fn the_extremes_of_scaling() {
        assert_eq!(Scaling::between(3, i64::MIN), Ok(Scaling::Down(3)));
        assert!(Scaling::between(3, i64::MAX).is_err());
    }
}
