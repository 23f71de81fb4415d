//! Deployed instances as they really are: their units, and what they answer when they are asked.
//!
//! A handler reaches them through its `Work` only. In a rehearsal no unit is touched and nobody is asked: starting succeeds,
//! removing does nothing, and an instance is as its row says.

pub mod unit_manager;
pub mod systemd;
pub mod directory;
mod unit_file;
pub mod ask;

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

pub use ask::Asker;
pub use unit_manager::{UnitError, UnitManager};

use crate::config::units::{UnitSettings, Units};
use crate::http::error::chain;
use crate::logic::health::{Sighting, remembered};
use crate::logic::instances::endpoint;
use crate::logic::unit::{Template, UnitName};
use crate::tables::integration::DeploymentInstance;

/// Instances that are looked at or brought up at the same time by one request.
const AT_ONCE: usize = 16;

/// Longest that one request looks at instances, however many there are. What it has not seen by then is unclear.
const LOOKING: Duration = Duration::from_secs(20);

/// One request's way to instances.
#[derive(Debug, Clone)]
pub enum Instances {
    /// As they are.
    Real(Arc<Host>),
    /// As their rows say.
    Rehearsed,
}

/// Where instances run.
#[derive(Debug)]
pub struct Host {
    units: Box<dyn UnitManager>,
    template: Template,
    asker: Asker,
}

impl Host {
    /// The host that the settings describe.
    pub fn new(settings: &UnitSettings) -> Result<Self, reqwest::Error> {
        let UnitSettings { manager, template, patience } = settings;
        let units: Box<dyn UnitManager> = match manager {
            Units::None => Box::new(unit_manager::NoManager),
            Units::Directory(folder) => Box::new(directory::Directory::new(folder.clone())),
            Units::Systemd { program, folder } => {
                Box::new(systemd::Systemd::new(program.clone(), folder.clone(), *patience))
            }
        };
        Ok(Self { units, template: template.clone(), asker: Asker::new()? })
    }

    /// Brings an instance up; says whether it is.
    async fn starts(&self, instance: &DeploymentInstance) -> bool {
        let started = match self.template.unit(instance) {
            Ok(unit) => self.units.start(&unit).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &started {
            let (id, error) = (&instance.instance_id, chain(error));
            tracing::warn!(instance = id, error, "an instance could not be brought up");
        }
        started.is_ok()
    }

    async fn remove(&self, instance: &DeploymentInstance) {
        // A name that is none never had a unit.
        let Ok(name) = UnitName::of(&instance.instance_id) else { return };
        if let Err(error) = self.units.remove(&name).await {
            let (id, error) = (&instance.instance_id, chain(&error));
            tracing::warn!(instance = id, error, "an instance was not taken down whole");
        }
    }

    async fn sight(&self, instance: &DeploymentInstance, deadline: Instant) -> Sighting {
        let seen = timeout_at(deadline, self.look_at(instance)).await;
        seen.unwrap_or_else(|_elapsed| {
            Sighting::Unclear("there was no time left to look at it".to_owned())
        })
    }

    async fn look_at(&self, instance: &DeploymentInstance) -> Sighting {
        let is_active = match UnitName::of(&instance.instance_id) {
            Ok(name) => self.units.is_active(&name).await,
            Err(_never_had_a_unit) => Ok(false),
        };
        match is_active {
            Err(error) => Sighting::Unclear(error.to_string()),
            Ok(false) => Sighting::Inactive,
            Ok(true) if instance.endpoint_url.is_none() => Sighting::Active,
            Ok(true) => match own_endpoint(instance) {
                Some(endpoint) => Sighting::Asked(self.asker.ask(&endpoint, "/health").await),
                None => Sighting::Asked(None),
            },
        }
    }

    async fn figures(
        &self,
        instance: &DeploymentInstance,
        deadline: Instant,
    ) -> Option<Map<String, Value>> {
        let endpoint = own_endpoint(instance)?;
        let heard = timeout_at(deadline, self.asker.ask(&endpoint, "/metrics")).await.ok()??;
        match heard.body {
            Some(Value::Object(figures)) if heard.status == 200 => Some(figures),
            _ => None,
        }
    }
}

/// The address of an instance, if it is the one that this service gave it. Nobody else's address is ever asked.
fn own_endpoint(instance: &DeploymentInstance) -> Option<String> {
    endpoint(instance).filter(|own| instance.endpoint_url.as_ref() == Some(own))
}

impl Instances {
    /// Brings instances up; says of each whether it is.
    pub async fn start(
        &self,
        instances: Vec<DeploymentInstance>,
    ) -> Vec<(DeploymentInstance, bool)> {
        let Self::Real(host) = self else {
            return instances.into_iter().map(|instance| (instance, true)).collect();
        };
        let starts = instances.iter().map(|instance| host.starts(instance));
        let is_up: Vec<bool> = all(starts).await;
        instances.into_iter().zip(is_up).collect()
    }

    /// Takes instances down. What cannot be is logged: their rows say that they are to be gone.
    pub async fn remove(&self, instances: &[DeploymentInstance]) {
        if let Self::Real(host) = self {
            let removals = instances.iter().map(|instance| host.remove(instance));
            let _logged: Vec<()> = all(removals).await;
        }
    }

    /// Looks at instances.
    pub async fn look_at(&self, instances: &[DeploymentInstance]) -> Vec<Sighting> {
        let Self::Real(host) = self else { return instances.iter().map(remembered).collect() };
        let deadline = Instant::now() + LOOKING;
        all(instances.iter().map(|instance| host.sight(instance, deadline))).await
    }

    /// Asks instances for their figures; none from those that have no address, do not answer in time, or answer with
    /// something else.
    pub async fn figures(
        &self,
        instances: &[DeploymentInstance],
    ) -> Vec<Option<Map<String, Value>>> {
        let Self::Real(host) = self else { return vec![None; instances.len()] };
        let deadline = Instant::now() + LOOKING;
        all(instances.iter().map(|instance| host.figures(instance, deadline))).await
    }
}

/// What comes of all of them, in their order, some at a time.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    // Put together before anything is awaited: an iterator over borrowed rows cannot be sent between threads.
    let futures: Vec<F> = futures.collect();
    stream::iter(futures).buffered(AT_ONCE).collect().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::instances::tests::instance;

    fn host(manager: Units) -> Host {
        let (template, patience) = (Template::default(), Duration::from_secs(1));
        Host::new(&UnitSettings { manager, template, patience }).unwrap()
    }

    #[tokio::test]
    async fn without_a_manager_nothing_comes_up_and_nobody_can_tell() {
        let instances = Instances::Real(Arc::new(host(Units::None)));
        assert!(!instances.start(vec![instance(0)]).await[0].1);
        let seen = instances.look_at(&[instance(0)]).await;
        assert_eq!(
            seen,
            [Sighting::Unclear("no unit manager is set up; see UNIT_MANAGER".to_owned())]
        );
    }

    #[tokio::test]
    async fn a_name_that_is_none_is_never_brought_up_and_never_active() {
        let folder = tempfile::tempdir().unwrap();
        let instances = Instances::Real(Arc::new(host(Units::Directory(folder.path().to_owned()))));
        let mut odd = instance(0);
        odd.instance_id = "../../etc/passwd-production-0".to_owned();
        assert!(!instances.start(vec![odd.clone()]).await[0].1);
        assert_eq!(instances.look_at(&[odd.clone()]).await, [Sighting::Inactive]);
        instances.remove(&[odd]).await;
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn only_the_service_s_own_addresses_are_asked() {
        let folder = tempfile::tempdir().unwrap();
        let instances = Instances::Real(Arc::new(host(Units::Directory(folder.path().to_owned()))));
        let mut row = instances.start(vec![instance(0)]).await.remove(0).0;
        assert_eq!(instances.look_at(std::slice::from_ref(&row)).await, [Sighting::Active]);
        for elsewhere in
            ["http://127.0.0.1:1", "http://localhost:8001", "http://localhost:8000@example.org"]
        {
            row.endpoint_url = Some(elsewhere.to_owned());
            assert_eq!(own_endpoint(&row), None, "{elsewhere}");
            assert_eq!(
                instances.look_at(std::slice::from_ref(&row)).await,
                [Sighting::Asked(None)]
            );
            assert_eq!(instances.figures(std::slice::from_ref(&row)).await, [None]);
        }
    }

    #[tokio::test]
    async fn a_rehearsal_touches_nothing() {
        let instances = Instances::Rehearsed;
        assert!(instances.start(vec![instance(0)]).await[0].1);
        instances.remove(&[instance(0)]).await;
        assert_eq!(instances.look_at(&[instance(0)]).await, [Sighting::Inactive]);
        assert_eq!(instances.figures(&[instance(0)]).await, [None]);
    }
}
