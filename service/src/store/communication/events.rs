//! Rows of `agent_service_comm_events`.

use super::correspondents::one;
use crate::logic::communication::events::NewEvent;
use crate::python::time::Stamp;
use crate::store::rows::cell;
use crate::store::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::own::communication::Event;

const NEWEST: &str = "SELECT MAX(sequence) FROM agent_service_comm_events";

impl Store {
    /// What an agent was told after the event `after`, oldest first.
    pub async fn event_list(
        &self,
        agent: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Event>, StoreError> {
        let rest = "WHERE agent_id = ? AND sequence > ? ORDER BY sequence LIMIT ?";
        let binds = vec![agent.into(), Cell::Integer(after), Cell::Integer(limit)];
        self.select("list events", rest, binds).await
    }

    /// The sequence of the newest event of all; 0 where there is none.
    pub async fn event_newest(&self) -> Result<i64, StoreError> {
        Ok(one(&self.figures("find the newest event", NEWEST, Vec::new()).await?))
    }
}

impl Writing {
    /// Tells an agent something.
    pub async fn event_insert(&mut self, event: NewEvent, now: Stamp) -> Result<(), StoreError> {
        let doing = "tell an agent something";
        let last: Option<Event> =
            self.find(doing, "ORDER BY sequence DESC LIMIT 1", Vec::new()).await?;
        let last = last.as_ref().map_or(0, crate::logic::communication::events::sequence);
        self.insert(doing, &event.into_row(last, now)).await
    }

    /// Removes events from before `before`, so many at most. The newest stays, whatever its age: no sequence is given twice.
    pub async fn event_remove_old(&mut self, before: Stamp, limit: i64) -> Result<u64, StoreError> {
        let sql = format!(
            "DELETE FROM agent_service_comm_events WHERE sequence IN (SELECT sequence FROM \
             agent_service_comm_events WHERE created_at < ? AND sequence < ({NEWEST}) LIMIT ?)"
        );
        self.run("remove old events", sql, vec![cell(&before), Cell::Integer(limit)]).await
    }
}
