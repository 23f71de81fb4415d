//! Rows of `agent_executions`.

use super::rows::{cell, page, whole};
use super::{Store, StoreError, Writing};
use crate::python::time::Stamp;
use crate::tables::agents::{Execution, Status};
use crate::tables::indexes::{EXECUTIONS_NEWEST, EXECUTIONS_NEWEST_BY_STATUS, Index};
use crate::tables::{Cell, Float, Int, Json};

/// Which executions a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// Of which workflows.
    pub of: Workflows,
    /// In this state only.
    pub status: Option<Status>,
    /// At most so many; negative is as many as a list may have.
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

impl ExecutionFilter {
    /// What follows the table's name. `is_indexed`: the optional index is there that this list wants.
    fn rest(&self, is_indexed: bool) -> (String, Vec<Cell>) {
        let passing = if self.status.is_some() { " AND status = ?" } else { "" };
        let status = || self.status.as_ref().map(cell);
        let [limit, offset] = page(self.limit, self.offset);
        // So many are enough to have this page of them.
        let end = Cell::Integer(whole(&limit).saturating_add(whole(&offset).max(0)));
        let page = [Some(limit), Some(offset)];
        let (condition, of) = match &self.of {
            Workflows::OwnedBy(owner) if is_indexed => {
                let binds = [status(), Some(cell(owner)), status(), Some(end)];
                let rest = format!("WHERE {} {NEWEST}", newest_of_owner(passing));
                return (rest, binds.into_iter().chain(page).flatten().collect());
            }
            Workflows::OwnedBy(owner) => (format!("workflow_id IN ({OF_OWNER})"), cell(owner)),
            Workflows::One(id) => ("workflow_id = ?".to_owned(), cell(id)),
        };
        let rest = format!("WHERE {condition}{passing} {NEWEST} LIMIT ? OFFSET ?");
        (rest, [Some(of), status()].into_iter().chain(page).flatten().collect())
    }

    /// The index that leads to the newest executions of a workflow, of those that are asked for.
    const fn index(&self) -> &'static Index {
        if self.status.is_some() { &EXECUTIONS_NEWEST_BY_STATUS } else { &EXECUTIONS_NEWEST }
    }
}

/// The order of a list.
const NEWEST: &str = "ORDER BY created_at DESC";

/// The workflows of an owner.
const OF_OWNER: &str = "SELECT id FROM ai_agent_workflows WHERE owner_id = ?";

/// One page of the newest executions of an owner: first the newest of each workflow, and then for each that is taken the next
/// of its workflow. With an index by workflow and time each is one step, however many older ones there are; without, each
/// would be a walk through the workflow's executions. What lies before the page is counted and not read.
fn newest_of_owner(passing: &str) -> String {
    format!(
        "rowid IN (WITH RECURSIVE merged (workflow, at, place) AS (\
           SELECT own.id, first.created_at, first.rowid FROM ai_agent_workflows AS own \
           JOIN agent_executions AS first ON first.rowid = (\
             SELECT rowid FROM agent_executions WHERE workflow_id = own.id{passing} \
             ORDER BY created_at DESC, rowid LIMIT 1) WHERE own.owner_id = ? \
           UNION ALL SELECT merged.workflow, next.created_at, next.rowid FROM merged \
           JOIN agent_executions AS next ON next.rowid = (\
             SELECT rowid FROM agent_executions WHERE workflow_id = merged.workflow \
             AND created_at <= merged.at AND (created_at < merged.at OR rowid > merged.place){passing} \
             ORDER BY created_at DESC, rowid LIMIT 1) \
           ORDER BY 2 DESC, 3 LIMIT ?) SELECT place FROM merged LIMIT ? OFFSET ?)"
    )
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
        let is_indexed = self.has_index(filter.index()).await?;
        let (rest, binds) = filter.rest(is_indexed);
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
