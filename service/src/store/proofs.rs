//! Rows of `agent_service_step_proofs`.

use super::{Store, StoreError, Writing};
use crate::tables::own::ProofRow;

const OF_EXECUTION: &str = "WHERE execution_id = ? ORDER BY rowid";

impl Store {
    /// The proofs of an execution's steps in the order in which they were made, one for a step at most.
    pub async fn proof_list(&self, execution_id: &str) -> Result<Vec<ProofRow>, StoreError> {
        let binds = vec![execution_id.into()];
        self.select("list the proofs of an execution", OF_EXECUTION, binds).await
    }
}

impl Writing {
    /// Keeps the proof of a step that has just finished.
    pub async fn proof_insert(&mut self, proof: &ProofRow) -> Result<(), StoreError> {
        self.insert("keep the proof of a step", proof).await
    }
}
