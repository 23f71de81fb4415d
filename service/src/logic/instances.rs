//! Instances of a deployment: their names, ports and regions, and what their rows say before and after their start.

use std::ops::Range;

use serde_json::{Value, json};

use super::Denied;
use crate::compatibility::Compatibility;
use crate::python::time::Stamp;
use crate::python::value::is_truthy;
use crate::tables::integration::{DeploymentConfig, DeploymentInstance, DeploymentStatus};
use crate::tables::{Int, Json};

/// The port of a deployment's first instance.
const FIRST_PORT: i64 = 8000;

/// An instance that is to be brought up.
#[derive(Debug, Clone, PartialEq)]
pub enum Planned {
    /// Its row.
    Row(Box<DeploymentInstance>),
    /// Why it has none.
    Refused {
        /// The name that it would have had.
        instance_id: String,
        /// What is wrong.
        error: String,
    },
}

impl Planned {
    /// What the answer says of it. Whether its unit really runs stands in its row: the answer only shows it by the
    /// address, as the monolith's does.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Row(instance) => json!({
                "instance_id": instance.instance_id,
                "status": "deployed",
                "endpoint_url": instance.endpoint_url,
                "port": instance.port.as_ref().and_then(Int::get),
            }),
            Self::Refused { instance_id, error } => {
                json!({"instance_id": instance_id, "status": "failed", "error": error})
            }
        }
    }
}

/// The instances with these numbers, not brought up yet. `made` gives each its id and its time. Refused are regions that no
/// row can have, if there is to be one.
pub fn plan(
    config: &DeploymentConfig,
    environment: &str,
    numbers: Range<i64>,
    mut made: impl FnMut() -> (String, Stamp),
) -> Result<Vec<Planned>, Denied> {
    let region = region(config.deployment_regions.as_ref().map_or(&Value::Null, |json| &json.0));
    let one = |number: i64| {
        let instance_id = format!("{}-{environment}-{number}", config.deployment_name);
        match &region {
            Region::Named(region) => {
                let (id, now) = made();
                let port = FIRST_PORT + number;
                Ok(Planned::Row(Box::new(DeploymentInstance {
                    environment: environment.to_owned(),
                    region: region.clone(),
                    port: Some(port.into()),
                    ..blank(id, config.id.clone(), instance_id, now)
                })))
            }
            Region::Unfound(error) => {
                Ok(Planned::Refused { instance_id, error: (*error).to_owned() })
            }
            Region::Unstorable => {
                Err(Denied::Refused("The first of deployment_regions is no text"))
            }
        }
    };
    numbers.map(one).collect()
}

fn blank(id: String, deployment_id: String, instance_id: String, now: Stamp) -> DeploymentInstance {
    DeploymentInstance {
        id,
        deployment_id,
        instance_id,
        environment: String::new(),
        region: String::new(),
        status: DeploymentStatus::Deploying,
        health_status: "unknown".to_owned(),
        endpoint_url: None,
        internal_ip: None,
        external_ip: None,
        port: None,
        cpu_usage: None,
        memory_usage: None,
        disk_usage: None,
        gpu_usage: None,
        request_count: 0.into(),
        error_count: 0.into(),
        average_response_time: None,
        uptime_percentage: None,
        last_health_check: None,
        consecutive_failures: 0.into(),
        health_check_history: Some(Json(json!([]))),
        created_at: now,
        updated_at: now,
    }
}

/// What the regions of a deployment come to.
#[derive(Debug, Clone, PartialEq)]
enum Region {
    /// A region.
    Named(String),
    /// None was found, for this reason.
    Unfound(&'static str),
    /// Something that a column of text does not take.
    Unstorable,
}

/// The first of the regions. Nobody checks what they are, so they may be a text (its first letter counts) or nothing that
/// has a first.
fn region(regions: &Value) -> Region {
    if !is_truthy(regions) {
        return Region::Named("default".to_owned());
    }
    match regions {
        Value::Array(items) => match items.first() {
            Some(Value::String(text)) => Region::Named(text.clone()),
            Some(Value::Bool(truth)) => Region::Named(u8::from(*truth).to_string()),
            Some(Value::Number(number)) => Region::Named(number.to_string()),
            _ => Region::Unstorable,
        },
        Value::String(text) => Region::Named(text.chars().take(1).collect()),
        // Python looks the key 0 up, and says which it did not find.
        Value::Object(_) => Region::Unfound("0"),
        _ => Region::Unfound("deployment_regions is no list"),
    }
}

/// The instances that count.
pub fn counted(
    instances: Vec<DeploymentInstance>,
    compatibility: Compatibility,
) -> Vec<DeploymentInstance> {
    let counts = |instance: &DeploymentInstance| {
        instance.status != DeploymentStatus::Terminated
            || compatibility.counts_terminated_instances()
    };
    instances.into_iter().filter(counts).collect()
}

/// Notes how bringing an instance up has ended.
pub fn note_start(instance: &mut DeploymentInstance, is_up: bool, now: Stamp) {
    if is_up {
        instance.status = DeploymentStatus::Deployed;
        "healthy".clone_into(&mut instance.health_status);
        instance.endpoint_url = endpoint(instance);
        instance.last_health_check = Some(now);
    } else {
        instance.status = DeploymentStatus::Failed;
        "unhealthy".clone_into(&mut instance.health_status);
    }
}

/// The address at which an instance answers, made from its port.
pub fn endpoint(instance: &DeploymentInstance) -> Option<String> {
    let port = instance.port.as_ref().and_then(Int::get)?;
    let is_ours = (FIRST_PORT..=i64::from(u16::MAX)).contains(&port);
    is_ours.then(|| format!("http://localhost:{port}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logic::deployments::tests::{deployment, now};

    pub(crate) fn instance(number: i64) -> DeploymentInstance {
        let planned =
            plan(&deployment(json!([])), "production", number..number + 1, || ("i".into(), now()))
                .unwrap();
        let Some(Planned::Row(row)) = planned.into_iter().next() else { panic!("no row") };
        *row
    }

    #[test]
    fn instances_are_named_numbered_and_given_ports() {
        let planned = plan(&deployment(json!(["eu-1", "us-1"])), "staging", 1..3, || {
            ("instance_1".to_owned(), now())
        })
        .unwrap();
        let rows: Vec<_> = planned
            .iter()
            .map(|planned| match planned {
                Planned::Row(row) => {
                    (row.instance_id.as_str(), row.region.as_str(), planned.to_json())
                }
                Planned::Refused { error, .. } => panic!("{error}"),
            })
            .collect();
        assert_eq!(rows[0].0, "four-staging-1");
        assert_eq!((rows[1].0, rows[1].1), ("four-staging-2", "eu-1"));
        assert_eq!(
            rows[1].2,
            json!({"instance_id": "four-staging-2", "status": "deployed", "endpoint_url": null, "port": 8002})
        );
    }

    #[test]
    fn regions_are_taken_as_python_takes_them() {
        let named = |name: &str| Region::Named(name.to_owned());
        for (regions, expected) in [
            (json!(["eu-1", "us-1"]), named("eu-1")),
            (json!([]), named("default")),
            (json!({}), named("default")),
            (json!(null), named("default")),
            (json!(""), named("default")),
            (json!("żółć"), named("ż")),
            (json!([5]), named("5")),
            (json!([true]), named("1")),
            (json!({"eu": 1}), Region::Unfound("0")),
            (json!([null]), Region::Unstorable),
            (json!([["eu"]]), Region::Unstorable),
            (json!(7), Region::Unfound("deployment_regions is no list")),
        ] {
            assert_eq!(region(&regions), expected, "{regions}");
        }
        let planned = |regions: Value, numbers| {
            plan(&deployment(regions), "production", numbers, || unreachable!())
        };
        assert_eq!(planned(json!([{}]), 0..0), Ok(Vec::new()));
        assert!(planned(json!([{}]), 0..1).is_err());
        let refused = planned(json!({"a": 1}), 0..2).unwrap();
        assert_eq!(
            refused[1].to_json(),
            json!({"instance_id": "four-production-1", "status": "failed", "error": "0"})
        );
    }

    #[test]
    fn what_an_instance_is_after_its_start() {
        let mut instance = instance(3);
        note_start(&mut instance, true, now());
        assert_eq!(instance.endpoint_url.as_deref(), Some("http://localhost:8003"));
        assert_eq!(
            (instance.status, instance.health_status.as_str(), instance.last_health_check),
            (DeploymentStatus::Deployed, "healthy", Some(now()))
        );
        let mut instance = tests::instance(0);
        note_start(&mut instance, false, now());
        assert_eq!((instance.endpoint_url, instance.last_health_check), (None, None));
        assert_eq!(instance.status, DeploymentStatus::Failed);
    }

    #[test]
    fn only_ports_that_the_service_gives_have_an_address() {
        let mut instance = instance(0);
        for (port, address) in [
            (Some(8000), Some("http://localhost:8000")),
            (Some(7999), None),
            (Some(65_536), None),
            (Some(-1), None),
            (None, None),
        ] {
            instance.port = port.map(Int::from);
            assert_eq!(endpoint(&instance).as_deref(), address, "{port:?}");
        }
    }

    proptest! {
        #[test]
        fn no_regions_panic(text in any::<String>(), number in any::<f64>()) {
            for regions in [json!(text), json!([text]), json!(number), json!([number])] {
                let _any = region(&regions);
            }
        }
    }
}
