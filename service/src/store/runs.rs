//! Rows of `agent_service_runs`: which executions are the service's own, and which worker holds each.

use super::rows::cell;
use super::{Store, StoreError, Writing};
use crate::python::time::Stamp;
use crate::tables::Cell;
use crate::tables::own::Run;

/// A run that nobody holds: never claimed, given back, or its holder has fallen silent.
const CLAIMABLE: &str = "finished_at IS NULL AND (lease_until IS NULL OR lease_until < ?)";

/// A worker's hold on a run, until the lease is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub execution_id: String,
    /// Different each time that it is claimed, so that a worker that was too slow cannot write over its successor.
    pub token: String,
}

/// Who claims a run.
#[derive(Debug, Clone, Copy)]
pub struct Worker<'w> {
    /// The process, as it calls itself.
    pub owner: &'w str,
    /// What will run the steps.
    pub executor: &'w str,
}

impl Store {
    /// The run of an execution; `None` when the monolith started it.
    pub async fn run_find(&self, execution_id: &str) -> Result<Option<Run>, StoreError> {
        let rest = "WHERE execution_id = ?";
        self.find("find a run", rest, vec![execution_id.into()]).await
    }

    /// Whether some run waits for a worker. Only reads, so that idle workers never lock anybody out.
    pub async fn run_waiting(&self, now: Stamp) -> Result<bool, StoreError> {
        let rest = format!("WHERE {CLAIMABLE} LIMIT 1");
        let found: Option<Run> =
            self.find("look for waiting runs", &rest, vec![cell(&now)]).await?;
        Ok(found.is_some())
    }
}

impl Writing {
    /// Records that an execution is the service's own.
    pub async fn run_insert(&mut self, run: &Run) -> Result<(), StoreError> {
        self.insert("record a run", run).await
    }

    /// Takes the oldest runs that nobody holds, at most so many, until `until`.
    pub async fn runs_claim(
        &mut self,
        most: usize,
        worker: Worker<'_>,
        token: &str,
        now: Stamp,
        until: Stamp,
    ) -> Result<Vec<Run>, StoreError> {
        let doing = "claim runs";
        let rest = format!("WHERE {CLAIMABLE} ORDER BY recorded_at, rowid LIMIT ?");
        let most = Cell::Integer(i64::try_from(most).unwrap_or(i64::MAX));
        let mut runs: Vec<Run> = self.select_free(doing, &rest, vec![cell(&now), most]).await?;
        let sql = "UPDATE agent_service_runs SET lease_owner = ?, lease_token = ?, lease_until = ?, \
                   executor = ?, attempts = attempts + 1 WHERE execution_id = ?";
        for run in &mut runs {
            let binds = vec![
                worker.owner.into(),
                token.into(),
                cell(&until),
                worker.executor.into(),
                cell(&run.execution_id),
            ];
            self.run(doing, sql, binds).await?;
            run.lease_owner = Some(worker.owner.to_owned());
            worker.executor.clone_into(&mut run.executor);
            run.lease_token = Some(token.to_owned());
            run.lease_until = Some(until);
            run.attempts = (run.attempts.get().unwrap_or(0) + 1).into();
        }
        Ok(runs)
    }

    /// Whether the lease is still the one in force. Everything a worker writes asks this in the same transaction.
    pub async fn run_held(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        let rest = "WHERE execution_id = ? AND lease_token = ? AND finished_at IS NULL";
        let binds = vec![cell(&lease.execution_id), cell(&lease.token)];
        let found: Option<Run> = self.find("check a lease", rest, binds).await?;
        Ok(found.is_some())
    }

    /// Prolongs a lease. Says whether it was still in force.
    pub async fn run_renew(&mut self, lease: &Lease, until: Stamp) -> Result<bool, StoreError> {
        let sql = "UPDATE agent_service_runs SET lease_until = ? \
                   WHERE execution_id = ? AND lease_token = ? AND finished_at IS NULL";
        let binds = vec![cell(&until), cell(&lease.execution_id), cell(&lease.token)];
        Ok(self.run("prolong a lease", sql, binds).await? > 0)
    }

    /// Forgets earlier attempts, because this one got further.
    pub async fn run_advanced(&mut self, lease: &Lease) -> Result<(), StoreError> {
        let sql =
            "UPDATE agent_service_runs SET attempts = 0 WHERE execution_id = ? AND lease_token = ?";
        let binds = vec![cell(&lease.execution_id), cell(&lease.token)];
        self.run("note that a run advanced", sql, binds).await.map(drop)
    }

    /// Gives a run back; others may take it from `free_at` on.
    pub async fn run_release(&mut self, lease: &Lease, free_at: Stamp) -> Result<(), StoreError> {
        let sql = "UPDATE agent_service_runs SET lease_owner = NULL, lease_token = NULL, lease_until = ? \
                   WHERE execution_id = ? AND lease_token = ?";
        let binds = vec![cell(&free_at), cell(&lease.execution_id), cell(&lease.token)];
        self.run("give a run back", sql, binds).await.map(drop)
    }

    /// Ends a run: no worker takes it again.
    pub async fn run_finish(&mut self, execution_id: &str, now: Stamp) -> Result<(), StoreError> {
        let sql = "UPDATE agent_service_runs SET finished_at = ?, lease_owner = NULL, lease_token = NULL, \
                   lease_until = NULL WHERE execution_id = ?";
        self.run("end a run", sql, vec![cell(&now), execution_id.into()]).await.map(drop)
    }
}
