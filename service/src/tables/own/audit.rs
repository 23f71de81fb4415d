//! The chain over the audit rows that this service wrote.

use crate::tables::cell::Int;
use crate::tables::column::table;

table! {
    /// One link: an audit row as it was written, tied to every link before it.
    ///
    /// An audit row without a link was written by the monolith.
    pub struct AuditLink => "agent_service_audit_chain" {
        sequence: Int [key],
        audit_id: String [unique_constraint],
        content_hash: String,
        previous_link: String,
        link: String,
        signature: String,
        signed_by: String,
    }
}
