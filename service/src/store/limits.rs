//! Rows of `agent_service_execution_limits`.

use super::{Store, StoreError, Writing};
use crate::tables::own::limits::ExecutionLimits;

impl Store {
    /// What the request allowed that began an execution.
    pub async fn limits_find(
        &self,
        execution_id: &str,
    ) -> Result<Option<ExecutionLimits>, StoreError> {
        let rest = "WHERE execution_id = ?";
        self.find("find the limits of an execution", rest, vec![execution_id.into()]).await
    }
}

impl Writing {
    /// Keeps what a request allows the execution that it begins.
    pub async fn limits_insert(&mut self, limits: &ExecutionLimits) -> Result<(), StoreError> {
        self.insert("keep the limits of an execution", limits).await
    }
}
