//! Rows of `agent_service_market_agents`: who takes part.

use crate::store::rows::cell;
use crate::store::{Store, StoreError, Writing};
use crate::tables::own::marketplace::Agent;
use crate::tables::{Cell, Int};

const FIND: &str = "find an agent of the marketplace";

impl Store {
    /// The agent of this name.
    pub async fn market_agent_find(&self, agent_id: &str) -> Result<Option<Agent>, StoreError> {
        self.find(FIND, "WHERE agent_id = ?", vec![agent_id.into()]).await
    }
}

impl Writing {
    /// The agent of this name, as this transaction sees it.
    pub async fn market_agent_find(&mut self, agent_id: &str) -> Result<Option<Agent>, StoreError> {
        self.find(FIND, "WHERE agent_id = ?", vec![agent_id.into()]).await
    }

    /// Whether an owner takes part under at least `count` names.
    pub async fn market_agents_reach(
        &mut self,
        owner: &str,
        count: i64,
    ) -> Result<bool, StoreError> {
        let rest = "WHERE owner_id = ? LIMIT 1 OFFSET ?";
        let binds = vec![owner.into(), Cell::Integer(count - 1)];
        Ok(self.find::<Agent>("count agents", rest, binds).await?.is_some())
    }

    /// Writes a new agent.
    pub async fn market_agent_insert(&mut self, agent: &Agent) -> Result<(), StoreError> {
        self.insert("take an agent in", agent).await
    }

    /// Writes an agent.
    pub async fn market_agent_update(&mut self, agent: &Agent) -> Result<(), StoreError> {
        self.update("write an agent", agent).await
    }

    /// Writes an agent's new reputation to everything that shows it: its row, its services with their places, and the guilds
    /// that it is in.
    pub async fn market_reputation_spread(
        &mut self,
        agent_id: &str,
        reputation: &Int,
    ) -> Result<(), StoreError> {
        let doing = "write a reputation";
        let sql = "UPDATE agent_service_market_agents SET reputation = ? WHERE agent_id = ?";
        self.run(doing, sql, vec![cell(reputation), agent_id.into()]).await?;
        // A place is smaller by one for each point of reputation (logic/marketplace/reputation.rs); none stays none.
        let sql = "UPDATE agent_service_market_services SET place = place - (? - reputation), \
                   reputation = ? WHERE agent_id = ?";
        let binds = vec![cell(reputation), cell(reputation), agent_id.into()];
        self.run(doing, sql, binds).await?;
        self.market_guilds_refresh_of(agent_id).await
    }
}
