//! Rows of `agent_service_comm_channels` and `agent_service_comm_members`.

use super::correspondents::one;
use crate::python::time::Stamp;
use crate::store::rows::{cell, one_of};
use crate::store::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::own::communication::{Channel, Member};

const WITH_ID: &str = "WHERE id = ?";
const OF_CHANNEL: &str = "WHERE channel_id = ? ORDER BY rowid";

impl Store {
    /// The channel with this id.
    pub async fn channel_find(&self, id: &str) -> Result<Option<Channel>, StoreError> {
        self.find("find a channel", WITH_ID, vec![id.into()]).await
    }

    /// Who meets in a channel, in the order in which they came.
    pub async fn channel_members(&self, id: &str) -> Result<Vec<Member>, StoreError> {
        self.select("list who meets in a channel", OF_CHANNEL, vec![id.into()]).await
    }

    /// The channels that an agent is in, the one it came to last first.
    pub async fn channel_list(
        &self,
        agent: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Channel>, StoreError> {
        let rest = "WHERE agent_id = ? ORDER BY rowid DESC LIMIT ? OFFSET ?";
        let binds = vec![agent.into(), Cell::Integer(limit), Cell::Integer(offset)];
        let places: Vec<Member> = self.select("list channels", rest, binds).await?;
        let ids = places.iter().map(|member| cell(&member.channel_id)).collect();
        let (condition, ids) = one_of("id", ids);
        let rest = format!("WHERE {condition}");
        let mut channels: Vec<Channel> = self.select("list channels", &rest, ids).await?;
        let place = |id: &str| places.iter().position(|member| member.channel_id == id);
        channels.sort_by_key(|channel| place(&channel.id));
        Ok(channels)
    }

    /// How many active channels an agent is in.
    pub async fn channel_count_active(&self, agent: &str) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM agent_service_comm_members AS m \
                   JOIN agent_service_comm_channels AS c ON c.id = m.channel_id \
                   WHERE m.agent_id = ? AND c.is_active = TRUE";
        Ok(one(&self.figures("count channels", sql, vec![agent.into()]).await?))
    }
}

impl Writing {
    /// The channel with this id, as this transaction sees it.
    pub async fn channel_find(&mut self, id: &str) -> Result<Option<Channel>, StoreError> {
        self.find("find a channel", WITH_ID, vec![id.into()]).await
    }

    /// The active direct channel of two agents.
    pub async fn channel_of_pair(&mut self, pair: &str) -> Result<Option<Channel>, StoreError> {
        self.find("find a direct channel", "WHERE direct_pair = ?", vec![pair.into()]).await
    }

    /// Who meets in a channel, as this transaction sees it.
    pub async fn channel_members(&mut self, id: &str) -> Result<Vec<Member>, StoreError> {
        self.select("list who meets in a channel", OF_CHANNEL, vec![id.into()]).await
    }

    /// Whether an agent is in at least `count` channels.
    pub async fn channel_has(&mut self, agent: &str, count: i64) -> Result<bool, StoreError> {
        let rest = "WHERE agent_id = ? LIMIT 1 OFFSET ?";
        let binds = vec![agent.into(), Cell::Integer(count - 1)];
        let found: Option<Member> = self.find("count channels", rest, binds).await?;
        Ok(found.is_some())
    }

    /// Writes a new channel with who meets in it.
    pub async fn channel_insert(
        &mut self,
        channel: &Channel,
        members: &[Member],
    ) -> Result<(), StoreError> {
        self.insert("make a channel", channel).await?;
        for member in members {
            self.insert("make a channel", member).await?;
        }
        Ok(())
    }

    /// Writes a channel that is there.
    pub async fn channel_update(&mut self, channel: &Channel) -> Result<(), StoreError> {
        self.update("change a channel", channel).await
    }

    /// Adds an agent to a channel.
    pub async fn member_insert(&mut self, member: &Member) -> Result<(), StoreError> {
        self.insert("add to a channel", member).await
    }

    /// Takes an agent out of a channel. Says whether it was there.
    pub async fn member_delete(&mut self, channel: &str, agent: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM agent_service_comm_members WHERE channel_id = ? AND agent_id = ?";
        Ok(self.run("take out of a channel", sql, vec![channel.into(), agent.into()]).await? > 0)
    }

    /// Takes an agent out of every channel; those that are of two agents are left with it.
    pub async fn channel_leave_all(&mut self, agent: &str) -> Result<(), StoreError> {
        let doing = "leave all channels";
        let sql = "UPDATE agent_service_comm_channels SET is_active = FALSE, direct_pair = NULL \
                   WHERE channel_type IN ('DIRECT', 'PRIVATE') AND id IN \
                   (SELECT channel_id FROM agent_service_comm_members WHERE agent_id = ?)";
        self.run(doing, sql, vec![agent.into()]).await?;
        let sql = "DELETE FROM agent_service_comm_members WHERE agent_id = ?";
        self.run(doing, sql, vec![agent.into()]).await.map(drop)
    }

    /// Ends the channels that nobody has used since `idle`, and removes those that nobody has used since `gone`. Says how many
    /// ended.
    pub async fn channel_end_idle(&mut self, idle: Stamp, gone: Stamp) -> Result<u64, StoreError> {
        let doing = "end idle channels";
        let sql = "DELETE FROM agent_service_comm_members WHERE channel_id IN \
                   (SELECT id FROM agent_service_comm_channels WHERE last_activity < ?)";
        self.run(doing, sql, vec![cell(&gone)]).await?;
        let sql = "DELETE FROM agent_service_comm_channels WHERE last_activity < ?";
        self.run(doing, sql, vec![cell(&gone)]).await?;
        let sql = "UPDATE agent_service_comm_channels SET is_active = FALSE, direct_pair = NULL \
                   WHERE last_activity < ? AND is_active = TRUE";
        self.run(doing, sql, vec![cell(&idle)]).await
    }
}
