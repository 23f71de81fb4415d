//! Rows of `agent_service_market_guilds` and `agent_service_market_members`.

use crate::store::rows::{all_of, cell, whole};
use crate::store::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::money::Money;
use crate::tables::own::marketplace::{Guild, Membership, ServiceType};

const FIND: &str = "find a guild";

/// What follows from a guild's members and services, counted anew. Reputations are at least 0, so that this division rounds
/// down, as the monolith's does. A guild without members keeps its last reputation.
const REFRESH: &str = "UPDATE agent_service_market_guilds AS guild SET \
    member_count = (SELECT COUNT(*) FROM agent_service_market_members WHERE guild_id = guild.id), \
    total_services = (SELECT COUNT(*) FROM agent_service_market_services WHERE guild_id = guild.id), \
    reputation = COALESCE((SELECT CAST(SUM(agent.reputation) AS BIGINT) / COUNT(*) \
        FROM agent_service_market_members member \
        JOIN agent_service_market_agents agent ON agent.agent_id = member.agent_id \
        WHERE member.guild_id = guild.id), reputation)";

impl Store {
    /// The guild with this id.
    pub async fn market_guild_find(&self, id: &str) -> Result<Option<Guild>, StoreError> {
        self.find(FIND, "WHERE id = ?", vec![id.into()]).await
    }

    /// The guilds of a category, or all, by reputation descending; of equal ones the newest first.
    pub async fn market_guild_list(
        &self,
        category: Option<ServiceType>,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Guild>, StoreError> {
        let (conditions, mut binds) =
            all_of([("service_category = ?", category.as_ref().map(cell))]);
        binds.extend([Cell::Integer(limit), Cell::Integer(offset)]);
        let rest =
            format!("WHERE {conditions} ORDER BY reputation DESC, rowid DESC LIMIT ? OFFSET ?");
        self.select("list guilds", &rest, binds).await
    }

    /// The members of a guild with the reputation of each, by name.
    pub async fn market_member_list(
        &self,
        guild_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<(Membership, i64)>, StoreError> {
        let doing = "list members";
        let page = "WHERE guild_id = ? ORDER BY agent_id LIMIT ? OFFSET ?";
        let binds = vec![guild_id.into(), Cell::Integer(limit), Cell::Integer(offset)];
        let sql = format!(
            "SELECT agent_id, reputation FROM agent_service_market_members \
             JOIN agent_service_market_agents USING (agent_id) {page}"
        );
        let reputations = self.figures(doing, sql, binds.clone()).await?;
        let reputation = |agent_id: &str| {
            let is_of = |row: &&Vec<Cell>| row.first() == Some(&agent_id.into());
            reputations.iter().find(is_of).and_then(|row| row.get(1)).map_or(0, whole)
        };
        let members: Vec<Membership> = self.select(doing, page, binds).await?;
        let with_reputation = |member: Membership| {
            let reputation = reputation(&member.agent_id);
            (member, reputation)
        };
        Ok(members.into_iter().map(with_reputation).collect())
    }
}

impl Writing {
    /// The guild with this id, as this transaction sees it.
    pub async fn market_guild_find(&mut self, id: &str) -> Result<Option<Guild>, StoreError> {
        self.find(FIND, "WHERE id = ?", vec![id.into()]).await
    }

    /// Writes a new guild.
    pub async fn market_guild_insert(&mut self, guild: &Guild) -> Result<(), StoreError> {
        self.insert("create a guild", guild).await
    }

    /// Writes a guild.
    pub async fn market_guild_update(&mut self, guild: &Guild) -> Result<(), StoreError> {
        self.update("write a guild", guild).await
    }

    /// An agent's place in a guild.
    pub async fn market_member_find(
        &mut self,
        guild_id: &str,
        agent_id: &str,
    ) -> Result<Option<Membership>, StoreError> {
        let rest = "WHERE guild_id = ? AND agent_id = ?";
        self.find("find a member", rest, vec![guild_id.into(), agent_id.into()]).await
    }

    /// Whether an agent is in at least `count` guilds.
    pub async fn market_memberships_reach(
        &mut self,
        agent_id: &str,
        count: i64,
    ) -> Result<bool, StoreError> {
        let rest = "WHERE agent_id = ? LIMIT 1 OFFSET ?";
        let binds = vec![agent_id.into(), Cell::Integer(count - 1)];
        Ok(self.find::<Membership>("count guilds", rest, binds).await?.is_some())
    }

    /// Takes a member in.
    pub async fn market_member_insert(&mut self, member: &Membership) -> Result<(), StoreError> {
        self.insert("join a guild", member).await
    }

    /// Lets a member go, and what it offers with it.
    pub async fn market_member_delete(
        &mut self,
        guild_id: &str,
        agent_id: &str,
    ) -> Result<(), StoreError> {
        let doing = "leave a guild";
        let sql = "DELETE FROM agent_service_market_members WHERE guild_id = ? AND agent_id = ?";
        self.run(doing, sql, vec![guild_id.into(), agent_id.into()]).await?;
        let sql = "UPDATE agent_service_market_services SET guild_id = NULL \
                   WHERE guild_id = ? AND agent_id = ?";
        self.run(doing, sql, vec![guild_id.into(), agent_id.into()]).await.map(drop)
    }

    /// Adds a completed job to a guild and to its member, if the two still belong together.
    pub async fn market_guild_credit(
        &mut self,
        guild_id: &str,
        agent_id: &str,
        earned: Money,
    ) -> Result<(), StoreError> {
        let doing = "credit a guild";
        let Some(mut guild) = self.market_guild_find(guild_id).await? else { return Ok(()) };
        guild.total_earnings = guild.total_earnings + earned;
        self.update(doing, &guild).await?;
        let sql = "UPDATE agent_service_market_members SET contributions = contributions + 1 \
                   WHERE guild_id = ? AND agent_id = ?";
        self.run(doing, sql, vec![guild_id.into(), agent_id.into()]).await.map(drop)
    }

    /// Counts anew what a guild shows of its members and services.
    pub async fn market_guild_refresh(&mut self, id: &str) -> Result<(), StoreError> {
        let sql = format!("{REFRESH} WHERE id = ?");
        self.run("count a guild", sql, vec![id.into()]).await.map(drop)
    }

    /// The same for every guild that an agent is in.
    pub async fn market_guilds_refresh_of(&mut self, agent_id: &str) -> Result<(), StoreError> {
        let sql = format!(
            "{REFRESH} WHERE id IN \
             (SELECT guild_id FROM agent_service_market_members WHERE agent_id = ?)"
        );
        self.run("count guilds", sql, vec![agent_id.into()]).await.map(drop)
    }
}
