//! Rows about the performance of agents: profiles, allocations, optimisations, capabilities.

use super::rows::{all_of, cell};
use super::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::performance::{
    Allocation, Capability, Optimization, PerformanceMetric, Profile, Standing,
};

/// The first profile of an agent is the one that counts.
const FIRST_OF_AGENT: &str = "WHERE agent_id = ? ORDER BY rowid LIMIT 1";

/// For each profile the first one of its agent, in the order of the former.
const FIRST_OF_EACH: &str = "AS kept JOIN (SELECT rowid AS place, agent_id AS agent FROM agent_performance_profiles) \
     AS every ON kept.rowid = (SELECT MIN(rowid) FROM agent_performance_profiles WHERE agent_id = every.agent) \
     ORDER BY every.place";

/// Which allocations of an agent a list shows.
#[derive(Debug, Clone, Default)]
pub struct AllocationFilter {
    /// Only those that stand so.
    pub status: Option<String>,
    /// At most so many.
    pub limit: u8,
}

/// Which optimisations of an agent a list shows.
#[derive(Debug, Clone, Default)]
pub struct OptimizationFilter {
    /// Only those that stand so.
    pub status: Option<String>,
    /// Only those of this metric.
    pub target_metric: Option<PerformanceMetric>,
    /// At most so many.
    pub limit: u8,
}

/// Which capabilities of an agent a list shows.
#[derive(Debug, Clone, Default)]
pub struct CapabilityFilter {
    /// Only those of this type.
    pub capability_type: Option<String>,
    /// Only those of this domain.
    pub domain_area: Option<String>,
    /// At most so many.
    pub limit: u8,
}

impl Store {
    /// The profile of an agent.
    pub async fn profile_find(&self, agent_id: &str) -> Result<Option<Profile>, StoreError> {
        self.find("find a profile", FIRST_OF_AGENT, vec![agent_id.into()]).await
    }

    /// How an agent stands.
    pub async fn standing_find(&self, agent_id: &str) -> Result<Option<Standing>, StoreError> {
        self.find("find a profile", FIRST_OF_AGENT, vec![agent_id.into()]).await
    }

    /// How the agent of each profile stands, in the order in which the profiles were made; an agent with several comes
    /// as often.
    pub async fn standings(&self, each: impl FnMut(Standing) + Send) -> Result<(), StoreError> {
        self.for_each("go through the profiles", FIRST_OF_EACH, each).await
    }

    /// An agent's allocations, newest first.
    pub async fn allocation_list(
        &self,
        agent_id: &str,
        filter: &AllocationFilter,
    ) -> Result<Vec<Allocation>, StoreError> {
        let (conditions, mut binds) = all_of([
            ("agent_id = ?", Some(agent_id.into())),
            ("status = ?", filter.status.as_ref().map(cell)),
        ]);
        binds.push(Cell::Integer(filter.limit.into()));
        let rest = format!("WHERE {conditions} ORDER BY created_at DESC LIMIT ?");
        self.select("list allocations", &rest, binds).await
    }

    /// An agent's optimisations, newest first.
    pub async fn optimization_list(
        &self,
        agent_id: &str,
        filter: &OptimizationFilter,
    ) -> Result<Vec<Optimization>, StoreError> {
        let (conditions, mut binds) = all_of([
            ("agent_id = ?", Some(agent_id.into())),
            ("status = ?", filter.status.as_ref().map(cell)),
            ("target_metric = ?", filter.target_metric.as_ref().map(cell)),
        ]);
        binds.push(Cell::Integer(filter.limit.into()));
        let rest = format!("WHERE {conditions} ORDER BY created_at DESC LIMIT ?");
        self.select("list optimisations", &rest, binds).await
    }

    /// An agent's capabilities, highest skill first and otherwise in the order in which they were made.
    pub async fn capability_list(
        &self,
        agent_id: &str,
        filter: &CapabilityFilter,
    ) -> Result<Vec<Capability>, StoreError> {
        let (conditions, mut binds) = all_of([
            ("agent_id = ?", Some(agent_id.into())),
            ("capability_type = ?", filter.capability_type.as_ref().map(cell)),
            ("domain_area = ?", filter.domain_area.as_ref().map(cell)),
        ]);
        binds.push(Cell::Integer(filter.limit.into()));
        let rest = format!("WHERE {conditions} ORDER BY skill_level DESC, rowid LIMIT ?");
        self.select("list capabilities", &rest, binds).await
    }
}

impl Writing {
    /// The profile of an agent, as this transaction sees it.
    pub async fn profile_find(&mut self, agent_id: &str) -> Result<Option<Profile>, StoreError> {
        self.find("find a profile", FIRST_OF_AGENT, vec![agent_id.into()]).await
    }

    /// Writes a new profile.
    pub async fn profile_insert(&mut self, profile: &Profile) -> Result<(), StoreError> {
        self.insert("create a profile", profile).await
    }

    /// Writes every column of a profile that was found in this transaction.
    pub async fn profile_update(&mut self, profile: &Profile) -> Result<(), StoreError> {
        self.update("update a profile", profile).await
    }

    /// Writes a new allocation.
    pub async fn allocation_insert(&mut self, allocation: &Allocation) -> Result<(), StoreError> {
        self.insert("allocate resources", allocation).await
    }

    /// Writes an optimisation, whatever became of it.
    pub async fn optimization_insert(
        &mut self,
        optimization: &Optimization,
    ) -> Result<(), StoreError> {
        self.insert("record an optimisation", optimization).await
    }

    /// Writes a new capability.
    pub async fn capability_insert(&mut self, capability: &Capability) -> Result<(), StoreError> {
        self.insert("create a capability", capability).await
    }
}
