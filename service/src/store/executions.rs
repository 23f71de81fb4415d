//! Rows of `agent_executions`.

use super::rows::cell;
use super::{Store, StoreError, Writing};
use crate::python::time::Stamp;
use crate::tables::agents::{Execution, Status};
use crate::tables::{Cell, Float, Int, Json};

/// Which executions a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Of which workflows.
    pub of: Workflows,
    /// In this state only.
    pub status: Option<Status>,
    /// At most so many; negative is all.
    pub limit: i64,
    /// After so many; negative is none.
    pub offset: i64,
}

/// Whose executions, or those of which workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workflows {
    /// Of one workflow.
    One(String),
    /// Of every workflow of an owner.
    OwnedBy(String),
}

impl Store {
    /// The execution with this id.
    pub async fn execution_find(&self, id: &str) -> Result<Option<Execution>, StoreError> {
        self.find("find an execution", "WHERE id = ?", vec![id.into()]).await
    }

    /// The executions that pass the filter, newest first.
    pub async fn execution_list(
        &self,
        filter: &ExecutionFilter,
    ) -> Result<Vec<Execution>, StoreError> {
        let (whose, id) = match &filter.of {
            Workflows::One(id) => ("workflow_id = ?", id),
            Workflows::OwnedBy(owner) => {
                ("workflow_id IN (SELECT id FROM ai_agent_workflows WHERE owner_id = ?)", owner)
            }
        };
        let mut binds = vec![cell(id)];
        let mut conditions = whose.to_owned();
        if let Some(status) = &filter.status {
            conditions.push_str(" AND status = ?");
            binds.push(cell(status));
        }
        binds.extend([Cell::Integer(filter.limit), Cell::Integer(filter.offset)]);
        let rest = format!("WHERE {conditions} ORDER BY created_at DESC LIMIT ? OFFSET ?");
        self.select("list executions", &rest, binds).await
    }
}

impl Writing {
    /// The execution with this id, as this transaction sees it.
    pub async fn execution_find(&mut self, id: &str) -> Result<Option<Execution>, StoreError> {
        self.find("find an execution", "WHERE id = ?", vec![id.into()]).await
    }

    /// Writes a new execution.
    pub async fn execution_insert(&mut self, execution: &Execution) -> Result<(), StoreError> {
        self.insert("record an execution", execution).await
    }

    /// Where an execution stands; `None` when there is none of this id.
    pub async fn execution_status(&mut self, id: &str) -> Result<Option<Status>, StoreError> {
        Ok(self.execution_find(id).await?.map(|execution| execution.status))
    }

    /// Ends an execution at its owner's wish. Says whether it was still going.
    pub async fn execution_cancel(&mut self, id: &str, now: Stamp) -> Result<bool, StoreError> {
        let sql = "UPDATE agent_executions SET status = 'CANCELLED', completed_at = ?, updated_at = ? \
                   WHERE id = ? AND status IN ('PENDING', 'RUNNING')";
        let binds = vec![cell(&now), cell(&now), id.into()];
        Ok(self.run("cancel an execution", sql, binds).await? > 0)
    }

    /// Notes a finished step. Does nothing to an execution that is no longer running.
    pub async fn execution_progress(
        &mut self,
        id: &str,
        finished: i64,
        step_states: &Json,
        now: Stamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE agent_executions SET current_step = ?, completed_steps = ?, step_states = ?, \
                   updated_at = ? WHERE id = ? AND status = 'RUNNING'";
        let finished = cell(&Int::from(finished));
        let binds = vec![finished.clone(), finished, cell(step_states), cell(&now), id.into()];
        self.run("note the progress of an execution", sql, binds).await.map(drop)
    }

    /// Notes what an execution has cost so far, however it stands: it has been spent.
    pub async fn execution_cost(&mut self, id: &str, total: f64) -> Result<(), StoreError> {
        let sql = "UPDATE agent_executions SET total_cost = ? WHERE id = ?";
        let binds = vec![cell(&Float::from(total)), id.into()];
        self.run("note what an execution cost", sql, binds).await.map(drop)
    }

    /// Ends an execution well. Does nothing to one that is no longer running.
    pub async fn execution_complete(
        &mut self,
        id: &str,
        final_result: &Json,
        seconds: f64,
        now: Stamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE agent_executions SET status = 'COMPLETED', completed_at = ?, \
                   total_execution_time = ?, final_result = ?, updated_at = ? \
                   WHERE id = ? AND status = 'RUNNING'";
        let seconds = cell(&Float::from(seconds));
        let binds = vec![cell(&now), seconds, cell(final_result), cell(&now), id.into()];
        self.run("complete an execution", sql, binds).await.map(drop)
    }

    /// Ends an execution with an error. Does nothing to one that is no longer running.
    pub async fn execution_fail(
        &mut self,
        id: &str,
        error: &str,
        now: Stamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE agent_executions SET status = 'FAILED', completed_at = ?, error_message = ?, \
                   updated_at = ? WHERE id = ? AND status = 'RUNNING'";
        let binds = vec![cell(&now), error.into(), cell(&now), id.into()];
        self.run("fail an execution", sql, binds).await.map(drop)
    }
}
