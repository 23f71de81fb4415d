//! Rows of `agent_service_comm_messages` and `agent_service_comm_contents`.

use crate::python::time::Stamp;
use crate::store::rows::cell;
use crate::store::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::own::communication::{Content, Message, MessageStatus};

/// Which messages a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageFilter {
    /// In whose lists they are.
    pub agent: String,
    /// Those it has sent.
    pub sent: bool,
    /// Those it gets.
    pub received: bool,
    /// Of this status only.
    pub status: Option<MessageStatus>,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

impl MessageFilter {
    /// Each direction is read along its own index, newest first, no further than the page goes; then both are one list.
    fn rest(&self) -> (String, Vec<Cell>) {
        let status = if self.status.is_some() { " AND status = ?" } else { "" };
        let mut parts = Vec::new();
        let mut binds = Vec::new();
        for (column, _) in [("sender_list", self.sent), ("recipient_list", self.received)]
            .into_iter()
            .filter(|(_, is_wanted)| *is_wanted)
        {
            parts.push(format!(
                "SELECT rowid FROM (SELECT rowid FROM agent_service_comm_messages \
                 WHERE {column} = ?{status} ORDER BY rowid DESC LIMIT ?) AS of_{column}"
            ));
            binds.push(cell(&self.agent));
            binds.extend(self.status.as_ref().map(cell));
            binds.push(Cell::Integer(self.limit.saturating_add(self.offset)));
        }
        binds.extend([Cell::Integer(self.limit), Cell::Integer(self.offset)]);
        let parts = parts.join(" UNION ");
        (format!("WHERE rowid IN ({parts}) ORDER BY rowid DESC LIMIT ? OFFSET ?"), binds)
    }
}

const WITH_ID: &str = "WHERE id = ?";

impl Store {
    /// The message with this id.
    pub async fn message_find(&self, id: &str) -> Result<Option<Message>, StoreError> {
        self.find("find a message", WITH_ID, vec![id.into()]).await
    }

    /// The messages that pass the filter, newest first.
    pub async fn message_list(&self, filter: &MessageFilter) -> Result<Vec<Message>, StoreError> {
        let (rest, binds) = filter.rest();
        self.select("list messages", &rest, binds).await
    }

    /// What an agent has not read yet, oldest first.
    pub async fn message_unread(
        &self,
        agent: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Message>, StoreError> {
        let rest = "WHERE unread_by = ? ORDER BY rowid LIMIT ? OFFSET ?";
        let binds = vec![agent.into(), Cell::Integer(limit), Cell::Integer(offset)];
        self.select("list unread messages", rest, binds).await
    }

    /// The content of a message.
    pub async fn content_find(&self, message_id: &str) -> Result<Option<Content>, StoreError> {
        self.find("read a content", "WHERE message_id = ?", vec![message_id.into()]).await
    }

    /// The messages whose time has come, the one that waits longest first. Only reads, so that idle couriers never lock anybody
    /// out, and only ids, so that a row that cannot be read keeps nobody from the others.
    pub async fn message_due(&self, now: Stamp, limit: i64) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT id FROM agent_service_comm_messages WHERE due_at <= ? \
                   ORDER BY due_at, rowid LIMIT ?";
        let binds = vec![cell(&now), Cell::Integer(limit)];
        let rows = self.figures("look for messages that wait", sql, binds).await?;
        let ids = rows.into_iter().flatten().filter_map(|id| match id {
            Cell::Text(id) => Some(id),
            _ => None,
        });
        Ok(ids.collect())
    }
}

impl Writing {
    /// The message with this id, as this transaction sees it.
    pub async fn message_find(&mut self, id: &str) -> Result<Option<Message>, StoreError> {
        self.find("find a message", WITH_ID, vec![id.into()]).await
    }

    /// The content of a message, as this transaction sees it.
    pub async fn content_find(&mut self, message_id: &str) -> Result<Option<Content>, StoreError> {
        self.find("read a content", "WHERE message_id = ?", vec![message_id.into()]).await
    }

    /// Writes a new message with its content.
    pub async fn message_insert(
        &mut self,
        message: &Message,
        content: &Content,
    ) -> Result<(), StoreError> {
        self.insert("send a message", message).await?;
        self.insert("send a message", content).await
    }

    /// Writes a message that is there.
    pub async fn message_update(&mut self, message: &Message) -> Result<(), StoreError> {
        self.update("change a message", message).await
    }

    /// Whether at least `count` messages of a sender are kept.
    pub async fn message_has_sent(&mut self, agent: &str, count: i64) -> Result<bool, StoreError> {
        self.message_has("WHERE sender_list = ? LIMIT 1 OFFSET ?", agent, count).await
    }

    /// Whether an agent has at least `count` messages unread.
    pub async fn message_has_unread(
        &mut self,
        agent: &str,
        count: i64,
    ) -> Result<bool, StoreError> {
        self.message_has("WHERE unread_by = ? LIMIT 1 OFFSET ?", agent, count).await
    }

    async fn message_has(
        &mut self,
        rest: &str,
        agent: &str,
        count: i64,
    ) -> Result<bool, StoreError> {
        let binds = vec![agent.into(), Cell::Integer(count - 1)];
        let found: Option<Message> = self.find("count messages", rest, binds).await?;
        Ok(found.is_some())
    }

    /// The message with this id if it waits and its time has come: if no other courier was there first.
    pub async fn message_waiting(
        &mut self,
        id: &str,
        now: Stamp,
    ) -> Result<Option<Message>, StoreError> {
        let rest = "WHERE id = ? AND due_at <= ?";
        self.find("take a message that waits", rest, vec![id.into(), cell(&now)]).await
    }

    /// Lets a message wait until then, whatever else stands in its row.
    pub async fn message_put_off(&mut self, id: &str, until: Stamp) -> Result<(), StoreError> {
        let sql = "UPDATE agent_service_comm_messages SET due_at = ? WHERE id = ?";
        self.run("put off a message", sql, vec![cell(&until), id.into()]).await.map(drop)
    }

    /// Takes an agent's messages out of its lists; those that are then in nobody's are removed with their time.
    pub async fn message_forget(&mut self, agent: &str) -> Result<(), StoreError> {
        for column in ["sender_list", "recipient_list", "unread_by"] {
            let sql = format!(
                "UPDATE agent_service_comm_messages SET {column} = NULL WHERE {column} = ?"
            );
            self.run("clear an agent's lists", sql, vec![agent.into()]).await?;
        }
        Ok(())
    }

    /// Removes messages whose time is over, so many at most, with their contents. Says how many.
    pub async fn message_remove_old(&mut self, now: Stamp, limit: i64) -> Result<u64, StoreError> {
        let doing = "remove old messages";
        let old = "SELECT id FROM agent_service_comm_messages WHERE kept_until <= ? AND due_at IS NULL \
                   ORDER BY kept_until LIMIT ?";
        let binds = || vec![cell(&now), Cell::Integer(limit)];
        let sql = format!("DELETE FROM agent_service_comm_contents WHERE message_id IN ({old})");
        self.run(doing, sql, binds()).await?;
        let sql = format!("DELETE FROM agent_service_comm_messages WHERE id IN ({old})");
        self.run(doing, sql, binds()).await
    }
}
