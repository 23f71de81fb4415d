//! Rows of `agent_deployment_configs`.

use super::rows::{LONGEST_LIST, all_of, cell};
use super::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::integration::{DeploymentConfig, DeploymentStatus};

/// Whose deployments.
const OWNED: &str = "workflow_id IN (SELECT id FROM ai_agent_workflows WHERE owner_id = ?)";

/// Which deployments a list shows. Every condition that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeploymentFilter {
    /// Of workflows of this user.
    pub owner: String,
    /// Of this workflow.
    pub workflow_id: Option<String>,
    /// In this state.
    pub status: Option<DeploymentStatus>,
}

impl Store {
    /// The deployment with this id.
    pub async fn deployment_find(&self, id: &str) -> Result<Option<DeploymentConfig>, StoreError> {
        self.find("find a deployment", "WHERE id = ?", vec![id.into()]).await
    }

    /// The deployments that pass the filter, in the order in which they were made.
    pub async fn deployment_list(
        &self,
        filter: &DeploymentFilter,
    ) -> Result<Vec<DeploymentConfig>, StoreError> {
        let (conditions, mut binds) = all_of([
            (OWNED, Some(cell(&filter.owner))),
            ("workflow_id = ?", filter.workflow_id.as_ref().map(cell)),
            ("status = ?", filter.status.as_ref().map(cell)),
        ]);
        binds.push(LONGEST_LIST);
        let rest = format!("WHERE {conditions} ORDER BY rowid LIMIT ?");
        self.select("list deployments", &rest, binds).await
    }

    /// All deployments of an owner, workflow by workflow: where the monolith asks for both at once, its database goes
    /// through the workflows.
    pub async fn deployment_list_of(
        &self,
        owner: &str,
    ) -> Result<Vec<DeploymentConfig>, StoreError> {
        let made = "SELECT made.rowid FROM ai_agent_workflows made WHERE made.id = workflow_id";
        let rest = format!("WHERE {OWNED} ORDER BY ({made}), rowid LIMIT ?");
        self.select("list an owner's deployments", &rest, vec![owner.into(), LONGEST_LIST]).await
    }
}

impl Writing {
    /// The deployment with this id, as this transaction sees it.
    pub async fn deployment_find(
        &mut self,
        id: &str,
    ) -> Result<Option<DeploymentConfig>, StoreError> {
        self.find("find a deployment", "WHERE id = ?", vec![id.into()]).await
    }

    /// Writes a new deployment as it is given, and reads what the columns have made of it.
    pub async fn deployment_insert(
        &mut self,
        cells: Vec<Cell>,
    ) -> Result<DeploymentConfig, StoreError> {
        self.insert_cells("create a deployment", cells).await
    }

    /// Writes where a deployment stands. That does not count as an update, as in the monolith.
    pub async fn deployment_note(&mut self, config: &DeploymentConfig) -> Result<(), StoreError> {
        let sql =
            "UPDATE agent_deployment_configs SET status = ?, deployment_time = ? WHERE id = ?";
        let binds = vec![cell(&config.status), cell(&config.deployment_time), cell(&config.id)];
        self.run("note where a deployment stands", sql, binds).await.map(drop)
    }
}
