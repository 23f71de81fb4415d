//! Rows of `agent_service_leases`: who does what only one process does at a time.

use super::rows::cell;
use super::{StoreError, Writing};
use crate::python::time::Stamp;

/// A process's hold on a duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyLease {
    /// What is to be done.
    pub duty: &'static str,
    /// Different each time it is taken, so that a process that was too slow notices.
    pub token: String,
}

impl Writing {
    /// Takes a duty that nobody holds, until `until`. Says whether it was free.
    pub async fn duty_take(
        &mut self,
        lease: &DutyLease,
        holder: &str,
        now: Stamp,
        until: Stamp,
    ) -> Result<bool, StoreError> {
        let doing = "take a duty";
        let sql =
            "INSERT INTO agent_service_leases (duty) VALUES (?) ON CONFLICT (duty) DO NOTHING";
        self.run(doing, sql, vec![lease.duty.into()]).await?;
        let sql = "UPDATE agent_service_leases SET holder = ?, token = ?, held_until = ? \
                   WHERE duty = ? AND (held_until IS NULL OR held_until < ?)";
        let binds =
            vec![holder.into(), cell(&lease.token), cell(&until), lease.duty.into(), cell(&now)];
        Ok(self.run(doing, sql, binds).await? > 0)
    }

    /// Holds a duty for longer. Says whether it is still held.
    pub async fn duty_prolong(
        &mut self,
        lease: &DutyLease,
        until: Stamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE agent_service_leases SET held_until = ? WHERE duty = ? AND token = ?";
        let binds = vec![cell(&until), lease.duty.into(), cell(&lease.token)];
        Ok(self.run("hold a duty", sql, binds).await? > 0)
    }

    /// Gives a duty up for whoever comes next.
    pub async fn duty_give_up(&mut self, lease: &DutyLease) -> Result<(), StoreError> {
        let sql = "UPDATE agent_service_leases SET holder = NULL, token = NULL, held_until = NULL \
                   WHERE duty = ? AND token = ?";
        let binds = vec![lease.duty.into(), cell(&lease.token)];
        self.run("give up a duty", sql, binds).await.map(drop)
    }
}
