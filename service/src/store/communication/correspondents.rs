//! Rows of `agent_service_comm_agents`, `agent_service_comm_relations` and `agent_service_comm_statistics`.

use crate::logic::communication::permission::Standing;
use crate::logic::communication::statistics::{Count, counted};
use crate::python::time::Stamp;
use crate::store::rows::{cell, whole};
use crate::store::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::own::communication::{Correspondent, Relation, RelationKind, Tally};

const OF_AGENT: &str = "WHERE agent_id = ?";

/// What two agents think of each other: two rows at most.
const BETWEEN: &str = "WHERE agent_id = ? AND other_id = ? OR agent_id = ? AND other_id = ?";

impl Store {
    /// The agent of this name, if anybody has ever authorised it.
    pub async fn correspondent_find(&self, id: &str) -> Result<Option<Correspondent>, StoreError> {
        self.find("find an agent", OF_AGENT, vec![id.into()]).await
    }

    /// An owner's agents, newest first.
    pub async fn correspondent_list(
        &self,
        owner: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Correspondent>, StoreError> {
        let rest = "WHERE owner_id = ? ORDER BY rowid DESC LIMIT ? OFFSET ?";
        let binds = vec![owner.into(), Cell::Integer(limit), Cell::Integer(offset)];
        self.select("list agents", rest, binds).await
    }

    /// An agent's contacts, or whom it has blocked, or both; by name.
    pub async fn relation_list(
        &self,
        agent_id: &str,
        kind: Option<RelationKind>,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Relation>, StoreError> {
        let kinds = kind.map_or_else(|| RelationKind::ALL.to_vec(), |kind| vec![kind]);
        let places = vec!["?"; kinds.len()].join(", ");
        let rest =
            format!("WHERE agent_id = ? AND kind IN ({places}) ORDER BY other_id LIMIT ? OFFSET ?");
        let mut binds: Vec<Cell> = vec![agent_id.into()];
        binds.extend(kinds.iter().map(cell));
        binds.extend([Cell::Integer(limit), Cell::Integer(offset)]);
        self.select("list contacts and blocked agents", &rest, binds).await
    }

    /// What is counted of an agent.
    pub async fn tally_find(&self, agent_id: &str) -> Result<Option<Tally>, StoreError> {
        self.find("find what is counted of an agent", OF_AGENT, vec![agent_id.into()]).await
    }

    /// How two agents stand to each other.
    pub async fn standing(
        &self,
        sender: &str,
        recipient: &str,
        reputation: Option<i64>,
    ) -> Result<Standing, StoreError> {
        let (doing, rest, binds) = both(sender, recipient);
        let parties: Vec<Correspondent> = self.select(doing, &rest, binds).await?;
        let (doing, binds) = between(sender, recipient);
        let relations: Vec<Relation> = self.select(doing, BETWEEN, binds).await?;
        Ok(stand(sender, &parties, &relations, reputation))
    }
}

impl Writing {
    /// The agent of this name, as this transaction sees it.
    pub async fn correspondent_find(
        &mut self,
        id: &str,
    ) -> Result<Option<Correspondent>, StoreError> {
        self.find("find an agent", OF_AGENT, vec![id.into()]).await
    }

    /// Whether an owner has at least `count` agents.
    pub async fn correspondent_has(&mut self, owner: &str, count: i64) -> Result<bool, StoreError> {
        let rest = "WHERE owner_id = ? LIMIT 1 OFFSET ?";
        let binds = vec![owner.into(), Cell::Integer(count - 1)];
        let found: Option<Correspondent> = self.find("count agents", rest, binds).await?;
        Ok(found.is_some())
    }

    /// Writes a new agent.
    pub async fn correspondent_insert(&mut self, agent: &Correspondent) -> Result<(), StoreError> {
        self.insert("authorise an agent", agent).await
    }

    /// Writes an agent that is there.
    pub async fn correspondent_update(&mut self, agent: &Correspondent) -> Result<(), StoreError> {
        self.update("change an agent", agent).await
    }

    /// How two agents stand to each other, as this transaction sees it.
    pub async fn standing(
        &mut self,
        sender: &str,
        recipient: &str,
        reputation: Option<i64>,
    ) -> Result<Standing, StoreError> {
        let (doing, rest, binds) = both(sender, recipient);
        let parties: Vec<Correspondent> = self.select(doing, &rest, binds).await?;
        let (doing, binds) = between(sender, recipient);
        let relations: Vec<Relation> = self.select(doing, BETWEEN, binds).await?;
        Ok(stand(sender, &parties, &relations, reputation))
    }

    /// What an agent thinks of another takes the place of what it thought before.
    pub async fn relation_put(&mut self, relation: &Relation) -> Result<(), StoreError> {
        self.relation_delete(&relation.agent_id, &relation.other_id, None).await?;
        self.insert("note what an agent thinks of another", relation).await
    }

    /// Writes what an agent thinks of another, unless it thinks something already. Says whether it was written.
    pub async fn relation_add(&mut self, relation: &Relation) -> Result<bool, StoreError> {
        let doing = "note what an agent thinks of another";
        let rest = "WHERE agent_id = ? AND other_id = ?";
        let binds = vec![cell(&relation.agent_id), cell(&relation.other_id)];
        let found: Option<Relation> = self.find(doing, rest, binds).await?;
        if found.is_none() {
            self.insert(doing, relation).await?;
        }
        Ok(found.is_none())
    }

    /// Forgets that another is this to an agent, or whatever it is. Says whether it was.
    pub async fn relation_delete(
        &mut self,
        agent_id: &str,
        other_id: &str,
        kind: Option<RelationKind>,
    ) -> Result<bool, StoreError> {
        let mut sql =
            "DELETE FROM agent_service_comm_relations WHERE agent_id = ? AND other_id = ?"
                .to_owned();
        let mut binds: Vec<Cell> = vec![agent_id.into(), other_id.into()];
        if let Some(kind) = kind {
            sql.push_str(" AND kind = ?");
            binds.push(cell(&kind));
        }
        Ok(self.run("forget what an agent thinks of another", sql, binds).await? > 0)
    }

    /// Whether an agent has at least `count` contacts and blocked agents.
    pub async fn relation_has(&mut self, agent_id: &str, count: i64) -> Result<bool, StoreError> {
        let rest = "WHERE agent_id = ? LIMIT 1 OFFSET ?";
        let binds = vec![agent_id.into(), Cell::Integer(count - 1)];
        let found: Option<Relation> = self.find("count contacts", rest, binds).await?;
        Ok(found.is_some())
    }

    /// Counts something of an agent. Of one that takes no part nothing is counted.
    pub async fn count(
        &mut self,
        agent_id: &str,
        count: Count,
        now: Stamp,
    ) -> Result<(), StoreError> {
        let doing = "count for an agent";
        let tally: Option<Tally> = self.find(doing, OF_AGENT, vec![agent_id.into()]).await?;
        match tally {
            Some(tally) => self.update(doing, &counted(tally, count, now)).await,
            None => Ok(()),
        }
    }

    /// What is counted of an agent, as this transaction sees it.
    pub async fn tally_find(&mut self, agent_id: &str) -> Result<Option<Tally>, StoreError> {
        self.find("find what is counted of an agent", OF_AGENT, vec![agent_id.into()]).await
    }

    /// Writes what is counted of an agent.
    pub async fn tally_put(&mut self, tally: &Tally) -> Result<(), StoreError> {
        self.tally_delete(&tally.agent_id).await?;
        self.insert("keep what is counted of an agent", tally).await
    }

    /// Forgets what is counted of an agent.
    pub async fn tally_delete(&mut self, agent_id: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM agent_service_comm_statistics WHERE agent_id = ?";
        self.run("forget what is counted of an agent", sql, vec![agent_id.into()]).await.map(drop)
    }
}

fn both(sender: &str, recipient: &str) -> (&'static str, String, Vec<Cell>) {
    let rest = "WHERE agent_id IN (?, ?) AND is_authorized = TRUE".to_owned();
    ("look who takes part", rest, vec![sender.into(), recipient.into()])
}

fn between(sender: &str, recipient: &str) -> (&'static str, Vec<Cell>) {
    let binds = [sender, recipient, recipient, sender].map(Cell::from).to_vec();
    ("look what two agents think of each other", binds)
}

fn stand(
    sender: &str,
    parties: &[Correspondent],
    relations: &[Relation],
    reputation: Option<i64>,
) -> Standing {
    let is = |kind| move |relation: &&Relation| relation.kind == kind;
    let contact = relations.iter().filter(is(RelationKind::Contact));
    Standing {
        both_authorized: parties.len() == 2,
        is_blocked: relations.iter().any(|relation| relation.kind == RelationKind::Blocked),
        is_contact: contact.into_iter().any(|relation| relation.agent_id == sender),
        reputation,
    }
}

/// The one figure that a counting query answers.
pub(super) fn one(figures: &[Vec<Cell>]) -> i64 {
    figures.first().and_then(|row| row.first()).map_or(0, whole)
}
