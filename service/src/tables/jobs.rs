//! Jobs for the monolith's miners: its own table, column by column.

use super::cell::{Int, Json};
use super::column::table;
use crate::python::time::Stamp;

table! {
    /// Work that a client asks miners to do. Its times are those of the clock on the wall where the process runs.
    pub struct Job => "job" {
        id: String [key, indexed],
        client_id: String [indexed],
        state: String [up_to(20)],
        payload: Json,
        constraints: Json,
        ttl_seconds: Int,
        requested_at: Stamp,
        expires_at: Stamp,
        assigned_miner_id: Option<String> [indexed],
        result: Option<Json>,
        receipt: Option<Json>,
        receipt_id: Option<String> [indexed],
        error: Option<String>,
        payment_id: Option<String> [indexed, references("job_payments")],
        payment_status: Option<String> [up_to(20)],
    }
}
