//! Rows of `ai_agent_workflows` and of `agent_steps`.

use super::rows::{LONGEST_LIST, cell};
use super::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::agents::{Step, Workflow};

/// Which workflows a list shows. Every condition that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkflowFilter {
    /// Only those of this owner.
    pub owner: Option<String>,
    /// Only those of this user, and public ones.
    pub visible_to: Option<String>,
    /// Only public ones, or only private ones.
    pub is_public: Option<bool>,
    /// Only those whose stored tags contain each of these texts.
    pub tags: Vec<String>,
}

/// Those of a user, and public ones. Two lists, because each can be looked up in an index of its own.
const VISIBLE_TO: &str = "rowid IN (SELECT rowid FROM ai_agent_workflows WHERE owner_id = ? \
                          UNION ALL SELECT rowid FROM ai_agent_workflows WHERE is_public > FALSE)";

impl Store {
    /// The workflow with this id.
    pub async fn workflow_find(&self, id: &str) -> Result<Option<Workflow>, StoreError> {
        self.find("find a workflow", "WHERE id = ?", vec![id.into()]).await
    }

    /// The workflows that pass the filter, in the order in which they were made.
    pub async fn workflow_list(
        &self,
        filter: &WorkflowFilter,
    ) -> Result<Vec<Workflow>, StoreError> {
        let mut conditions = vec!["TRUE"];
        let mut binds: Vec<Cell> = Vec::new();
        if let Some(owner) = &filter.owner {
            conditions.push("owner_id = ?");
            binds.push(cell(owner));
        }
        if let Some(user) = &filter.visible_to {
            conditions.push(VISIBLE_TO);
            binds.push(cell(user));
        }
        if let Some(is_public) = &filter.is_public {
            conditions.push("is_public = ?");
            binds.push(cell(is_public));
        }
        for tag in &filter.tags {
            // `%` and `_` in a tag stay wildcards: the monolith does not escape them either.
            conditions.push("tags LIKE '%' || ? || '%'");
            binds.push(cell(tag));
        }
        binds.push(LONGEST_LIST);
        let rest = format!("WHERE {} ORDER BY rowid LIMIT ?", conditions.join(" AND "));
        self.select("list workflows", &rest, binds).await
    }

    /// The steps of a workflow by `step_order`, ties in the order in which they were made.
    pub async fn step_list(&self, workflow_id: &str) -> Result<Vec<Step>, StoreError> {
        let rest = "WHERE workflow_id = ? ORDER BY step_order, rowid";
        self.select("list the steps of a workflow", rest, vec![workflow_id.into()]).await
    }
}

impl Writing {
    /// The workflow with this id, as this transaction sees it.
    pub async fn workflow_find(&mut self, id: &str) -> Result<Option<Workflow>, StoreError> {
        self.find("find a workflow", "WHERE id = ?", vec![id.into()]).await
    }

    /// Writes a new workflow.
    pub async fn workflow_insert(&mut self, workflow: &Workflow) -> Result<(), StoreError> {
        self.insert("create a workflow", workflow).await
    }

    /// Writes every column that a client may change.
    pub async fn workflow_update(&mut self, workflow: &Workflow) -> Result<(), StoreError> {
        let sql = "UPDATE ai_agent_workflows SET name = ?, description = ?, steps = ?, dependencies = ?, \
                   max_execution_time = ?, max_cost_budget = ?, requires_verification = ?, \
                   verification_level = ?, tags = ?, is_public = ?, updated_at = ? WHERE id = ?";
        let binds = vec![
            cell(&workflow.name),
            cell(&workflow.description),
            cell(&workflow.steps),
            cell(&workflow.dependencies),
            cell(&workflow.max_execution_time),
            cell(&workflow.max_cost_budget),
            cell(&workflow.requires_verification),
            cell(&workflow.verification_level),
            cell(&workflow.tags),
            cell(&workflow.is_public),
            cell(&workflow.updated_at),
            cell(&workflow.id),
        ];
        self.run("update a workflow", sql, binds).await.map(drop)
    }

    /// Removes a workflow. What refers to it stays, as in the monolith.
    pub async fn workflow_delete(&mut self, id: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM ai_agent_workflows WHERE id = ?";
        self.run("delete a workflow", sql, vec![id.into()]).await.map(drop)
    }
}
