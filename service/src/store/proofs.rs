//! Rows of `agent_service_step_proofs`.

use super::{Store, StoreError, Writing};
use crate::tables::own::ProofRow;

impl Store {
    /// The proofs of an execution's steps in the order in which they were made, `most` at most.
    pub async fn proof_list(
        &self,
        execution_id: &str,
        most: usize,
    ) -> Result<Vec<ProofRow>, StoreError> {
        let rest = format!("WHERE execution_id = ? ORDER BY rowid LIMIT {most}");
        self.select("list the proofs of an execution", &rest, vec![execution_id.into()]).await
    }
}

impl Writing {
    /// Keeps the proof of a step that has just finished.
    pub async fn proof_insert(&mut self, proof: &ProofRow) -> Result<(), StoreError> {
        self.insert("keep the proof of a step", proof).await
    }
}
