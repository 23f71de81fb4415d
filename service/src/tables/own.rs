//! The service's own tables. Their names begin with `agent_service_`; the monolith never looks at them.

pub mod audit;
pub mod policies;
pub mod limits;
pub mod learning;
pub mod orchestration;
pub mod marketplace;
pub mod portfolio;
pub mod communication;
pub mod versions;

use super::cell::{Int, Json};
use super::column::table;
use crate::python::time::Stamp;

table! {
    /// Marks an execution as the service's own and says which worker holds it.
    ///
    /// An execution without such a row was started by the monolith and is never touched by a worker.
    pub struct Run => "agent_service_runs" {
        execution_id: String [key],
        inputs: Json,
        executor: String,
        lease_owner: Option<String>,
        lease_token: Option<String>,
        lease_until: Option<Stamp>,
        attempts: Int,
        recorded_at: Stamp,
        finished_at: Option<Stamp> [indexed_with(&["recorded_at"])],
    }
}

table! {
    /// The proof of a finished step that asked for one.
    pub struct ProofRow => "agent_service_step_proofs" {
        step_execution_id: String [key],
        execution_id: String [indexed],
        statement: Json,
        signature: String,
        opening: Json,
        created_at: Stamp,
    }
}

table! {
    /// Marks a model as one whose training the service has begun and not yet ended.
    ///
    /// A model that is `training` without such a row was begun by the monolith and is never touched.
    pub struct MetaTraining => "agent_service_meta_trainings" {
        model_id: String [key],
        recorded_at: Stamp,
    }
}

table! {
    /// Says which process does something that only one does at a time, and until when.
    pub struct Lease => "agent_service_leases" {
        duty: String [key],
        holder: Option<String>,
        token: Option<String>,
        held_until: Option<Stamp>,
    }
}
