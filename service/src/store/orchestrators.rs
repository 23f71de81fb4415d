//! Rows of `agent_service_orchestrators` and `agent_service_orchestrator_agents`: who has agents, and what these can do.

use super::rows::{cell, whole};
use super::{Store, StoreError, Writing};
use crate::logic::orchestration::agents::{Held, Roster, built_in};
use crate::python::time::Stamp;
use crate::tables::Cell;
use crate::tables::cell::Fault;
use crate::tables::column::ColumnValue as _;
use crate::tables::own::orchestration::{Agent, Orchestrator, ResourceType};

/// Agents in the order in which they registered.
const OF_OWNER: &str = "WHERE owner_id = ? ORDER BY registered_at, rowid";

/// What agents hold, of what.
const HELD: &str = "SELECT agent_id, resource_type, CAST(SUM(allocated_amount) AS BIGINT) \
                    FROM agent_service_orchestrator_allocations WHERE held_for = ? \
                    GROUP BY agent_id, resource_type ORDER BY agent_id, resource_type";

/// The agents of an owner, and what they hold.
#[derive(Debug, Clone)]
pub struct Crew {
    /// The agents with their load.
    pub roster: Roster,
    /// What they hold of each resource.
    pub held: Vec<Held>,
}

impl Store {
    /// An owner's orchestrator, once they have begun.
    pub async fn orchestrator_find(&self, owner: &str) -> Result<Option<Orchestrator>, StoreError> {
        self.find("find an orchestrator", "WHERE owner_id = ?", vec![owner.into()]).await
    }

    /// An owner's agents at `now`: of one who has not begun, those that they will find then.
    pub async fn crew(&self, owner: &str, now: Stamp) -> Result<Crew, StoreError> {
        if self.orchestrator_find(owner).await?.is_none() {
            let roster = Roster::new(built_in(owner, now).into(), &[], now);
            return Ok(Crew { roster, held: Vec::new() });
        }
        let doing = "read what agents hold";
        let held = held(doing, self.figures(doing, HELD, vec![owner.into()]).await?)?;
        let agents = self.select("list agents", OF_OWNER, vec![owner.into()]).await?;
        Ok(Crew { roster: Roster::new(agents, &held, now), held })
    }

    /// Whose plans have been due for a look for the longest time. Only reads, so that idle processes never lock anybody out.
    pub async fn orchestrator_due(&self, now: Stamp) -> Result<Option<String>, StoreError> {
        let doing = "look for plans to watch";
        let sql = "SELECT owner_id FROM agent_service_orchestrators \
                   WHERE lease_until <= ? ORDER BY lease_until LIMIT 1";
        let found = self.figures(doing, sql, vec![cell(&now)]).await?;
        let owner = found.into_iter().flatten().next().map(Cell::text).transpose();
        owner.map_err(|fault| StoreError::query(doing, sqlx::Error::Decode(Box::new(fault))))
    }
}

impl Writing {
    /// An owner's orchestrator. Who had none begins with one and with the built-in agents.
    pub async fn orchestrator_begin(
        &mut self,
        owner: &str,
        now: Stamp,
    ) -> Result<Orchestrator, StoreError> {
        let rest = "WHERE owner_id = ?";
        if let Some(found) = self.find("find an orchestrator", rest, vec![owner.into()]).await? {
            return Ok(found);
        }
        let doing = "begin to orchestrate";
        let orchestrator = Orchestrator::new(owner, now);
        self.insert(doing, &orchestrator).await?;
        for agent in built_in(owner, now) {
            self.insert(doing, &agent).await?;
        }
        Ok(orchestrator)
    }

    /// Takes an owner's plans to look at them, until `until`. Says whether they are still due: somebody else may have them.
    pub async fn orchestrator_claim(
        &mut self,
        owner: &str,
        now: Stamp,
        until: Stamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE agent_service_orchestrators SET lease_until = ? \
                   WHERE owner_id = ? AND lease_until <= ?";
        let binds = vec![cell(&until), owner.into(), cell(&now)];
        Ok(self.run("take plans to watch", sql, binds).await? > 0)
    }

    /// Notes that an owner has no plans to look at.
    pub async fn orchestrator_rest(&mut self, owner: &str) -> Result<(), StoreError> {
        let sql = "UPDATE agent_service_orchestrators SET lease_until = NULL WHERE owner_id = ?";
        self.run("end to watch plans", sql, vec![owner.into()]).await.map(drop)
    }

    /// Writes an orchestrator that is there.
    pub async fn orchestrator_update(&mut self, row: &Orchestrator) -> Result<(), StoreError> {
        self.update("update an orchestrator", row).await
    }

    /// An owner's agents at `now`, as this transaction sees them.
    pub async fn crew(&mut self, owner: &str, now: Stamp) -> Result<Crew, StoreError> {
        let doing = "read what agents hold";
        let held = held(doing, self.figures(doing, HELD, vec![owner.into()]).await?)?;
        let agents = self.select("list agents", OF_OWNER, vec![owner.into()]).await?;
        Ok(Crew { roster: Roster::new(agents, &held, now), held })
    }

    /// Writes a new agent.
    pub async fn agent_insert(&mut self, agent: &Agent) -> Result<(), StoreError> {
        self.insert("register an agent", agent).await
    }

    /// Writes an agent that is there.
    pub async fn agent_update(&mut self, agent: &Agent) -> Result<(), StoreError> {
        self.update("update an agent", agent).await
    }

    /// Notes a sign of life. Says whether there is such an agent.
    pub async fn agent_seen(
        &mut self,
        owner: &str,
        agent_id: &str,
        now: Stamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE agent_service_orchestrator_agents SET last_updated = ? \
                   WHERE owner_id = ? AND agent_id = ?";
        let binds = vec![cell(&now), owner.into(), agent_id.into()];
        Ok(self.run("note a sign of life", sql, binds).await? > 0)
    }

    /// Removes an agent.
    pub async fn agent_delete(&mut self, owner: &str, agent_id: &str) -> Result<(), StoreError> {
        let sql =
            "DELETE FROM agent_service_orchestrator_agents WHERE owner_id = ? AND agent_id = ?";
        let binds = vec![owner.into(), agent_id.into()];
        self.run("remove an agent", sql, binds).await.map(drop)
    }
}

/// The figures of [`HELD`] as what they are.
fn held(doing: &'static str, rows: Vec<Vec<Cell>>) -> Result<Vec<Held>, StoreError> {
    let read = |row: Vec<Cell>| -> Result<Held, Fault> {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Cell::Null);
        let (agent_id, resource) = (next().text()?, ResourceType::read(next())?);
        Ok(Held { agent_id, resource, amount: whole(&next()) })
    };
    let rows: Result<Vec<Held>, Fault> = rows.into_iter().map(read).collect();
    rows.map_err(|fault| StoreError::query(doing, sqlx::Error::Decode(Box::new(fault))))
}
