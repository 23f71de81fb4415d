//! The health of instances: what a look at one means, how its row keeps it, and what it adds up to.

use serde_json::{Value, json};

use crate::python::time::Stamp;
use crate::tables::Json;
use crate::tables::column::ColumnValue as _;
use crate::tables::integration::{DeploymentConfig, DeploymentInstance};

/// The most health checks that a row keeps.
const KEPT: usize = 100;

/// What somebody who looked at an instance has found.
#[derive(Debug, Clone, PartialEq)]
pub enum Sighting {
    /// Nobody could tell whether its unit is active, and why.
    Unclear(String),
    /// Its unit is not active.
    Inactive,
    /// Its unit is active, and it has no address to ask.
    Active,
    /// Its unit is active, and it was asked how it is.
    Asked(Option<Heard>),
}

/// What an instance has answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The status of the answer.
    pub status: u16,
    /// The answer, where it was JSON of a bearable length.
    pub body: Option<Value>,
    /// How long the answer took.
    pub seconds: f64,
}

/// How an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Well.
    Healthy,
    /// Up, and not well.
    Degraded,
    /// Not up, or refusing.
    Unhealthy,
}

impl Health {
    /// The word in rows and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl Sighting {
    /// How the instance is.
    pub fn health(&self) -> Health {
        match self {
            Self::Unclear(_) | Self::Inactive => Health::Unhealthy,
            Self::Active => Health::Healthy,
            Self::Asked(None) => Health::Degraded,
            Self::Asked(Some(heard)) if heard.status != 200 => Health::Unhealthy,
            Self::Asked(Some(heard)) => {
                let says = heard.body.as_ref().and_then(|body| body.get("status"));
                let is_well = says.and_then(Value::as_str) == Some("healthy");
                if is_well { Health::Healthy } else { Health::Degraded }
            }
        }
    }

    fn seconds(&self) -> f64 {
        if let Self::Asked(Some(heard)) = self { heard.seconds } else { 0.0 }
    }
}

/// What the row says, for those who may not look.
pub fn remembered(instance: &DeploymentInstance) -> Sighting {
    match instance.health_status.as_str() {
        "healthy" => Sighting::Active,
        "degraded" => Sighting::Asked(None),
        _ => Sighting::Inactive,
    }
}

/// Notes in the row what was found, and gives what the answer says of the instance.
pub fn note(instance: &mut DeploymentInstance, sighting: &Sighting, now: Stamp) -> Value {
    let health = sighting.health().word();
    health.clone_into(&mut instance.health_status);
    instance.last_health_check = Some(now);
    if let Sighting::Unclear(error) = sighting {
        let failures = instance.consecutive_failures.get().unwrap_or(0).saturating_add(1);
        instance.consecutive_failures = failures.into();
        return json!({
            "instance_id": instance.instance_id,
            "status": health,
            "error": error,
            "consecutive_failures": failures,
        });
    }
    let kept = instance.health_check_history.take();
    let mut history =
        if let Some(Json(Value::Array(history))) = kept { history } else { Vec::new() };
    history.push(json!({
        "timestamp": now.aware(),
        "status": health,
        "response_time": sighting.seconds(),
        "service_active": !matches!(sighting, Sighting::Inactive),
    }));
    let surplus = history.len().saturating_sub(KEPT);
    history.drain(..surplus);
    instance.health_check_history = Some(Json(Value::Array(history)));
    json!({
        "instance_id": instance.instance_id,
        "status": health,
        "response_time": sighting.seconds(),
        "last_check": now.to_json(),
    })
}

/// How the instances of one deployment, or several deployments, are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many there are.
    pub total: usize,
    /// Those that are well.
    pub healthy: usize,
    /// Those that are not up.
    pub unhealthy: usize,
    /// Those of which neither can be said.
    pub unknown: usize,
}

impl Totals {
    /// With one more.
    pub fn count(&mut self, health: Health) {
        self.total += 1;
        match health {
            Health::Healthy => self.healthy += 1,
            Health::Degraded => self.unknown += 1,
            Health::Unhealthy => self.unhealthy += 1,
        }
    }

    /// How they are as a whole: as bad as the worst. Nothing at all is well.
    pub const fn overall(&self) -> Health {
        if self.unhealthy > 0 {
            Health::Unhealthy
        } else if self.unknown > 0 {
            Health::Degraded
        } else {
            Health::Healthy
        }
    }
}

/// What a look at every instance of a deployment has found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkup {
    totals: Totals,
    elements: Vec<Value>,
}

impl Checkup {
    /// Adds one instance and what the answer says of it.
    pub fn add(&mut self, health: Health, element: Value) {
        self.totals.count(health);
        self.elements.push(element);
    }

    /// The answer about one deployment.
    pub fn to_json(&self, deployment_id: &str) -> Value {
        json!({
            "deployment_id": deployment_id,
            "total_instances": self.totals.total,
            "healthy_instances": self.totals.healthy,
            "unhealthy_instances": self.totals.unhealthy,
            "unknown_instances": self.totals.unknown,
            "instance_health": self.elements,
            "overall_health": self.totals.overall().word(),
        })
    }
}

/// The answer about every deployment of a user.
pub fn of_all(deployments: &[(DeploymentConfig, Checkup)]) -> Value {
    let (mut whole, mut instances) = (Totals::default(), Totals::default());
    let mut elements = Vec::with_capacity(deployments.len());
    for (config, Checkup { totals, .. }) in deployments {
        whole.count(totals.overall());
        instances.total += totals.total;
        instances.healthy += totals.healthy;
        instances.unhealthy += totals.unhealthy;
        elements.push(json!({
            "deployment_id": config.id,
            "deployment_name": config.deployment_name,
            "overall_health": totals.overall().word(),
            "healthy_instances": totals.healthy,
            "unhealthy_instances": totals.unhealthy,
            "total_instances": totals.total,
        }));
    }
    json!({
        "overall_health": whole.overall().word(),
        "total_deployments": whole.total,
        "healthy_deployments": whole.healthy,
        "unhealthy_deployments": whole.unhealthy,
        "unknown_deployments": whole.unknown,
        "total_instances": instances.total,
        "healthy_instances": instances.healthy,
        "unhealthy_instances": instances.unhealthy,
        "deployment_health": elements,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::instances::tests::instance;

    fn now() -> Stamp {
        Stamp::parse("2026-11-22 10:29:09.789426").unwrap()
    }

    fn heard(status: u16, body: Value) -> Sighting {
        Sighting::Asked(Some(Heard { status, body: Some(body), seconds: 0.25 }))
    }

    #[test]
    fn what_a_look_means() {
        for (sighting, health) in [
            (Sighting::Inactive, "unhealthy"),
            (Sighting::Active, "healthy"),
            (Sighting::Asked(None), "degraded"),
            (Sighting::Unclear("no".to_owned()), "unhealthy"),
            (heard(200, json!({"status": "healthy"})), "healthy"),
            (heard(200, json!({"status": "starting"})), "degraded"),
            (heard(200, json!(["healthy"])), "degraded"),
            (heard(503, json!({"status": "healthy"})), "unhealthy"),
            (heard(302, json!({})), "unhealthy"),
        ] {
            assert_eq!(sighting.health().word(), health, "{sighting:?}");
        }
    }

    #[test]
    fn a_check_is_noted_in_the_row_and_told() {
        let mut row = instance(0);
        let element = note(&mut row, &heard(200, json!({"status": "healthy"})), now());
        assert_eq!(
            element,
            json!({"instance_id": "four-production-0", "status": "healthy", "response_time": 0.25,
                   "last_check": "2026-11-22T10:29:09.789426"})
        );
        assert_eq!(
            row.health_check_history,
            Some(Json(
                json!([{"timestamp": "2026-11-22T10:29:09.789426+00:00", "status": "healthy",
                              "response_time": 0.25, "service_active": true}])
            ))
        );
        assert_eq!((row.health_status.as_str(), row.last_health_check), ("healthy", Some(now())));
    }

    #[test]
    fn what_nobody_can_tell_is_counted_and_leaves_no_history() {
        let mut row = instance(0);
        for failures in 1..=2 {
            let element = note(&mut row, &Sighting::Unclear("no systemctl".to_owned()), now());
            assert_eq!(
                element,
                json!({"instance_id": "four-production-0", "status": "unhealthy",
                       "error": "no systemctl", "consecutive_failures": failures})
            );
        }
        assert_eq!(row.health_check_history, Some(Json(json!([]))));
    }

    #[test]
    fn a_history_of_another_writer_is_begun_anew_and_a_long_one_cut() {
        let mut row = instance(0);
        row.health_check_history = None;
        for _ in 0..KEPT + 3 {
            note(&mut row, &Sighting::Inactive, now());
        }
        let Some(Json(Value::Array(history))) = row.health_check_history else { panic!() };
        assert_eq!(history.len(), KEPT);
        assert_eq!(history[0]["service_active"], false);
    }

    #[test]
    fn who_may_not_look_remembers() {
        let mut row = instance(0);
        for health in [Health::Healthy, Health::Degraded, Health::Unhealthy] {
            health.word().clone_into(&mut row.health_status);
            assert_eq!(remembered(&row).health(), health);
        }
    }

    #[test]
    fn deployments_are_as_bad_as_their_worst_instance() {
        use Health::{Degraded, Healthy, Unhealthy};
        let config = crate::logic::deployments::tests::deployment(json!([]));
        let checkup = |healths: &[Health]| {
            let mut checkup = Checkup::default();
            for health in healths {
                checkup.add(*health, json!({}));
            }
            (config.clone(), checkup)
        };
        let all =
            of_all(&[checkup(&[Healthy, Degraded]), checkup(&[]), checkup(&[Unhealthy, Healthy])]);
        insta::assert_snapshot!(all, @r#"{"overall_health":"unhealthy","total_deployments":3,"healthy_deployments":1,"unhealthy_deployments":1,"unknown_deployments":1,"total_instances":4,"healthy_instances":2,"unhealthy_instances":1,"deployment_health":[{"deployment_id":"deploy_1","deployment_name":"four","overall_health":"degraded","healthy_instances":1,"unhealthy_instances":0,"total_instances":2},{"deployment_id":"deploy_1","deployment_name":"four","overall_health":"healthy","healthy_instances":0,"unhealthy_instances":0,"total_instances":0},{"deployment_id":"deploy_1","deployment_name":"four","overall_health":"unhealthy","healthy_instances":1,"unhealthy_instances":1,"total_instances":2}]}"#);
        assert_eq!(of_all(&[])["overall_health"], "healthy");
    }
}
