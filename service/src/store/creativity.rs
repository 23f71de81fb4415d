//! Rows of `creative_capabilities`.

use std::collections::BTreeMap;

use super::{Store, StoreError, Writing};
use crate::logic::creativity::synthesis::{TRANSFER_MOST, TRANSFER_STEP};
use crate::tables::Cell;
use crate::tables::creativity::{CreativeCapability, CreativeDomain};

impl Store {
    /// An agent's capabilities in the order in which they were made: at most `limit`, after the first `offset`.
    pub async fn creative_list(
        &self,
        agent_id: &str,
        limit: u16,
        offset: u32,
    ) -> Result<Vec<CreativeCapability>, StoreError> {
        let rest = "WHERE agent_id = ? ORDER BY rowid LIMIT ? OFFSET ?";
        let binds =
            vec![agent_id.into(), Cell::Integer(limit.into()), Cell::Integer(offset.into())];
        self.select("list creative capabilities", rest, binds).await
    }

    /// In which domains an agent has capabilities, and how many.
    pub async fn creative_domains(
        &self,
        agent_id: &str,
    ) -> Result<BTreeMap<String, u32>, StoreError> {
        let rest = "WHERE agent_id = ?";
        let doing = "look at creative domains";
        let found: Vec<CreativeDomain> = self.select(doing, rest, vec![agent_id.into()]).await?;
        let mut domains = BTreeMap::new();
        for capability in found {
            *domains.entry(capability.creative_domain).or_default() += 1;
        }
        Ok(domains)
    }
}

impl Writing {
    /// The capability with this business key, as this transaction sees it.
    pub async fn creative_find(
        &mut self,
        capability_id: &str,
    ) -> Result<Option<CreativeCapability>, StoreError> {
        let rest = "WHERE capability_id = ?";
        self.find("find a creative capability", rest, vec![capability_id.into()]).await
    }

    /// Writes a new capability.
    pub async fn creative_insert(
        &mut self,
        capability: &CreativeCapability,
    ) -> Result<(), StoreError> {
        self.insert("create a creative capability", capability).await
    }

    /// Writes every column of a capability that was found in this transaction.
    pub async fn creative_update(
        &mut self,
        capability: &CreativeCapability,
    ) -> Result<(), StoreError> {
        self.update("update a creative capability", capability).await
    }

    /// Raises the transfer of an agent's capabilities in a domain by a step.
    pub async fn creative_transfer(
        &mut self,
        agent_id: &str,
        domain: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE creative_capabilities SET cross_domain_transfer = CASE \
                   WHEN cross_domain_transfer + ? > ? THEN ? ELSE cross_domain_transfer + ? END \
                   WHERE agent_id = ? AND creative_domain = ?";
        let (step, most) = (Cell::Real(TRANSFER_STEP), Cell::Real(TRANSFER_MOST));
        let binds = vec![step.clone(), most.clone(), most, step, agent_id.into(), domain.into()];
        self.run("raise transfer between domains", sql, binds).await.map(drop)
    }
}
