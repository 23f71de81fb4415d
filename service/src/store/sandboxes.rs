//! Rows of `agent_sandbox_configs`.

use super::rows::{cell, whole};
use super::{Store, StoreError, Writing};
use crate::python::time::Stamp;
use crate::tables::Cell;
use crate::tables::security::Sandbox;

impl Store {
    /// The sandbox with this id.
    pub async fn sandbox_find(&self, id: &str) -> Result<Option<Sandbox>, StoreError> {
        self.find("find a sandbox", "WHERE id = ?", vec![id.into()]).await
    }

    /// How many sandboxes have not been cleaned up.
    pub async fn sandbox_count_active(&self) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM agent_sandbox_configs WHERE is_active = TRUE";
        let rows = self.figures("count sandboxes", sql, Vec::new()).await?;
        Ok(rows.first().and_then(|row| row.first()).map_or(0, whole))
    }
}

impl Writing {
    /// Writes a new sandbox as given; what comes back is what its columns have made of it.
    pub async fn sandbox_insert(&mut self, cells: Vec<Cell>) -> Result<Sandbox, StoreError> {
        self.insert_cells("create a sandbox", cells).await
    }

    /// Notes that a sandbox is no longer needed. Says whether there is one.
    pub async fn sandbox_retire(&mut self, id: &str, now: Stamp) -> Result<bool, StoreError> {
        let sql = "UPDATE agent_sandbox_configs SET is_active = FALSE, updated_at = ? WHERE id = ?";
        Ok(self.run("clean up a sandbox", sql, vec![cell(&now), id.into()]).await? > 0)
    }
}
