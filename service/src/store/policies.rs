//! Rows of `agent_security_policies`.

use super::rows::{LONGEST_LIST, all_of, cell};
use super::{Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::own::policies::PolicyOwner;
use crate::tables::security::{Policy, SecurityLevel};

/// Which policies a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyFilter {
    /// Of this level.
    pub security_level: Option<SecurityLevel>,
    /// In force, or not.
    pub is_active: Option<bool>,
    /// Of this owner, or nobody's.
    pub owner: Option<String>,
}

/// Policies that are nobody else's.
const OF_OWNER: &str = "NOT EXISTS (SELECT 1 FROM agent_service_policy_owners \
                        WHERE policy_id = agent_security_policies.id AND owner_id <> ?)";

const OWNER: &str = "WHERE policy_id = ?";

impl Store {
    /// The policy with this id.
    pub async fn policy_find(&self, id: &str) -> Result<Option<Policy>, StoreError> {
        self.find("find a policy", "WHERE id = ?", vec![id.into()]).await
    }

    /// The policies that pass the filter, in the order in which they were made.
    pub async fn policy_list(&self, filter: &PolicyFilter) -> Result<Vec<Policy>, StoreError> {
        let (conditions, mut binds) = all_of([
            ("security_level = ?", filter.security_level.as_ref().map(cell)),
            ("is_active = ?", filter.is_active.as_ref().map(cell)),
            (OF_OWNER, filter.owner.as_ref().map(cell)),
        ]);
        binds.push(LONGEST_LIST);
        let rest = format!("WHERE {conditions} ORDER BY rowid LIMIT ?");
        self.select("list policies", &rest, binds).await
    }

    /// Whose a policy is; none: nobody's.
    pub async fn policy_owner(&self, id: &str) -> Result<Option<PolicyOwner>, StoreError> {
        self.find("find the owner of a policy", OWNER, vec![id.into()]).await
    }
}

impl Writing {
    /// The policy with this id, as this transaction sees it.
    pub async fn policy_find(&mut self, id: &str) -> Result<Option<Policy>, StoreError> {
        self.find("find a policy", "WHERE id = ?", vec![id.into()]).await
    }

    /// Whose a policy is, as this transaction sees it; none: nobody's.
    pub async fn policy_owner(&mut self, id: &str) -> Result<Option<PolicyOwner>, StoreError> {
        self.find("find the owner of a policy", OWNER, vec![id.into()]).await
    }

    /// Writes a new policy as given and whose it is; what comes back is what its columns have made of it.
    pub async fn policy_insert(
        &mut self,
        cells: Vec<Cell>,
        owner: &str,
    ) -> Result<Policy, StoreError> {
        let policy: Policy = self.insert_cells("create a policy", cells).await?;
        // The monolith may have deleted one of the same id, and left its owner.
        self.policy_disown(&policy.id).await?;
        let owner = PolicyOwner { policy_id: policy.id.clone(), owner_id: owner.to_owned() };
        self.insert("note the owner of a policy", &owner).await?;
        Ok(policy)
    }

    /// Writes a policy anew, its id included; what comes back is what its columns have made of it.
    pub async fn policy_update(
        &mut self,
        id: &str,
        cells: Vec<Cell>,
    ) -> Result<Policy, StoreError> {
        let policy: Policy = self.update_cells("update a policy", id, cells).await?;
        if policy.id != id {
            self.policy_disown(&policy.id).await?;
            let sql = "UPDATE agent_service_policy_owners SET policy_id = ? WHERE policy_id = ?";
            let binds = vec![cell(&policy.id), id.into()];
            self.run("note the owner of a policy", sql, binds).await?;
        }
        Ok(policy)
    }

    /// Removes a policy.
    pub async fn policy_delete(&mut self, id: &str) -> Result<(), StoreError> {
        self.policy_disown(id).await?;
        let sql = "DELETE FROM agent_security_policies WHERE id = ?";
        self.run("delete a policy", sql, vec![id.into()]).await.map(drop)
    }

    async fn policy_disown(&mut self, id: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM agent_service_policy_owners WHERE policy_id = ?";
        self.run("forget the owner of a policy", sql, vec![id.into()]).await.map(drop)
    }
}
