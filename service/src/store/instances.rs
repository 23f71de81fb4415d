//! Rows of `agent_deployment_instances`.

use super::rows::{LONGEST_LIST, all_of, cell};
use super::{Store, StoreError, Writing};
use crate::tables::integration::{DeploymentInstance, DeploymentStatus};

/// Whose instances.
const OWNED: &str = "deployment_id IN (SELECT id FROM agent_deployment_configs WHERE workflow_id IN \
                     (SELECT id FROM ai_agent_workflows WHERE owner_id = ?))";

const OF_DEPLOYMENT: &str = "WHERE deployment_id = ? ORDER BY rowid LIMIT ?";

/// Which instances a list shows. Every condition that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Of deployments of this user.
    pub owner: String,
    /// Of this deployment.
    pub deployment_id: Option<String>,
    /// In this environment.
    pub environment: Option<String>,
    /// In this state.
    pub status: Option<DeploymentStatus>,
}

impl Store {
    /// The instance with this id, which is that of its row.
    pub async fn instance_find(&self, id: &str) -> Result<Option<DeploymentInstance>, StoreError> {
        self.find("find an instance", "WHERE id = ?", vec![id.into()]).await
    }

    /// The instances that pass the filter, in the order in which they were made.
    pub async fn instance_list(
        &self,
        filter: &InstanceFilter,
    ) -> Result<Vec<DeploymentInstance>, StoreError> {
        let (conditions, mut binds) = all_of([
            (OWNED, Some(cell(&filter.owner))),
            ("deployment_id = ?", filter.deployment_id.as_ref().map(cell)),
            ("environment = ?", filter.environment.as_ref().map(cell)),
            ("status = ?", filter.status.as_ref().map(cell)),
        ]);
        binds.push(LONGEST_LIST);
        let rest = format!("WHERE {conditions} ORDER BY rowid LIMIT ?");
        self.select("list instances", &rest, binds).await
    }

    /// The instances of a deployment in the order in which they were made.
    pub async fn instance_list_of(
        &self,
        deployment_id: &str,
    ) -> Result<Vec<DeploymentInstance>, StoreError> {
        let binds = vec![deployment_id.into(), LONGEST_LIST];
        self.select("list the instances of a deployment", OF_DEPLOYMENT, binds).await
    }
}

impl Writing {
    /// The instance with this id, as this transaction sees it.
    pub async fn instance_find(
        &mut self,
        id: &str,
    ) -> Result<Option<DeploymentInstance>, StoreError> {
        self.find("find an instance", "WHERE id = ?", vec![id.into()]).await
    }

    /// The instances of a deployment in the order in which they were made, as this transaction sees them.
    pub async fn instance_list_of(
        &mut self,
        deployment_id: &str,
    ) -> Result<Vec<DeploymentInstance>, StoreError> {
        let binds = vec![deployment_id.into(), LONGEST_LIST];
        self.select("list the instances of a deployment", OF_DEPLOYMENT, binds).await
    }

    /// Writes a new instance.
    pub async fn instance_insert(
        &mut self,
        instance: &DeploymentInstance,
    ) -> Result<(), StoreError> {
        self.insert("create an instance", instance).await
    }

    /// Writes how bringing an instance up has ended, unless somebody has taken it down meanwhile.
    pub async fn instance_started(
        &mut self,
        instance: &DeploymentInstance,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE agent_deployment_instances SET status = ?, health_status = ?, \
                   endpoint_url = ?, last_health_check = ? WHERE id = ? AND status = 'DEPLOYING'";
        let binds = vec![
            cell(&instance.status),
            cell(&instance.health_status),
            cell(&instance.endpoint_url),
            cell(&instance.last_health_check),
            cell(&instance.id),
        ];
        self.run("note that an instance is up", sql, binds).await.map(drop)
    }

    /// Writes that an instance was taken down.
    pub async fn instance_terminate(&mut self, id: &str) -> Result<(), StoreError> {
        let sql = "UPDATE agent_deployment_instances SET status = 'TERMINATED' WHERE id = ?";
        self.run("take an instance down", sql, vec![id.into()]).await.map(drop)
    }

    /// Writes what a health check has found.
    pub async fn instance_checked(
        &mut self,
        instance: &DeploymentInstance,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE agent_deployment_instances SET health_status = ?, last_health_check = ?, \
                   consecutive_failures = ?, health_check_history = ? WHERE id = ?";
        let binds = vec![
            cell(&instance.health_status),
            cell(&instance.last_health_check),
            cell(&instance.consecutive_failures),
            cell(&instance.health_check_history),
            cell(&instance.id),
        ];
        self.run("note the health of an instance", sql, binds).await.map(drop)
    }
}
