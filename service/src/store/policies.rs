//! Rows of `agent_security_policies`.

use super::rows::{all_of, cell};
use super::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::security::{Policy, SecurityLevel};

/// Which policies a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyFilter {
    /// Of this level.
    pub security_level: Option<SecurityLevel>,
    /// In force, or not.
    pub is_active: Option<bool>,
}

impl Store {
    /// The policy with this id.
    pub async fn policy_find(&self, id: &str) -> Result<Option<Policy>, StoreError> {
        self.find("find a policy", "WHERE id = ?", vec![id.into()]).await
    }

    /// The policies that pass the filter, in the order in which they were made.
    pub async fn policy_list(&self, filter: &PolicyFilter) -> Result<Vec<Policy>, StoreError> {
        let (conditions, binds) = all_of([
            ("security_level = ?", filter.security_level.as_ref().map(cell)),
            ("is_active = ?", filter.is_active.as_ref().map(cell)),
        ]);
        let rest = format!("WHERE {conditions} ORDER BY rowid");
        self.select("list policies", &rest, binds).await
    }
}

impl Writing {
    /// The policy with this id, as this transaction sees it.
    pub async fn policy_find(&mut self, id: &str) -> Result<Option<Policy>, StoreError> {
        self.find("find a policy", "WHERE id = ?", vec![id.into()]).await
    }

    /// Writes a new policy as given; what comes back is what its columns have made of it.
    pub async fn policy_insert(&mut self, cells: Vec<Cell>) -> Result<Policy, StoreError> {
        self.insert_cells("create a policy", cells).await
    }

    /// Writes a policy anew, its id included; what comes back is what its columns have made of it.
    pub async fn policy_update(
        &mut self,
        id: &str,
        cells: Vec<Cell>,
    ) -> Result<Policy, StoreError> {
        self.update_cells("update a policy", id, cells).await
    }

    /// Removes a policy.
    pub async fn policy_delete(&mut self, id: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM agent_security_policies WHERE id = ?";
        self.run("delete a policy", sql, vec![id.into()]).await.map(drop)
    }
}
