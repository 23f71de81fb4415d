//! Whose a security policy is, which the monolith does not note.

use crate::tables::column::table;

table! {
    /// Who made a policy. One without such a row was made by the monolith, and is nobody's.
    pub struct PolicyOwner => "agent_service_policy_owners" {
        policy_id: String [key],
        owner_id: String,
    }
}
