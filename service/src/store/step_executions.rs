//! Rows of `agent_step_executions`.

use super::rows::cell;
use super::{Store, StoreError, Writing};
use crate::tables::agents::StepExecution;

const OF_EXECUTION: &str = "WHERE execution_id = ? ORDER BY rowid";

impl Store {
    /// The steps of an execution in the order in which they began.
    pub async fn step_execution_list(
        &self,
        execution_id: &str,
    ) -> Result<Vec<StepExecution>, StoreError> {
        self.select("list the steps of an execution", OF_EXECUTION, vec![execution_id.into()]).await
    }
}

impl Writing {
    /// Writes the row of a step that begins.
    pub async fn step_execution_insert(&mut self, step: &StepExecution) -> Result<(), StoreError> {
        self.insert("begin a step", step).await
    }

    /// Writes how a step stands: everything but its identity and its creation.
    pub async fn step_execution_update(&mut self, step: &StepExecution) -> Result<(), StoreError> {
        let sql = "UPDATE agent_step_executions SET status = ?, input_data = ?, output_data = ?, \
                   execution_time = ?, gpu_accelerated = ?, memory_usage = ?, step_proof = ?, \
                   verification_status = ?, error_message = ?, retry_count = ?, started_at = ?, \
                   completed_at = ?, updated_at = ? WHERE id = ?";
        let binds = vec![
            cell(&step.status),
            cell(&step.input_data),
            cell(&step.output_data),
            cell(&step.execution_time),
            cell(&step.gpu_accelerated),
            cell(&step.memory_usage),
            cell(&step.step_proof),
            cell(&step.verification_status),
            cell(&step.error_message),
            cell(&step.retry_count),
            cell(&step.started_at),
            cell(&step.completed_at),
            cell(&step.updated_at),
            cell(&step.id),
        ];
        self.run("note how a step stands", sql, binds).await.map(drop)
    }
}
