//! How the database has the tables at present.

use super::{Store, StoreError};
use crate::schema::{Schema, sqlite};

const DOING: &str = "look at the tables";

impl Store {
    /// The tables that the database has.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let failed = |source| StoreError::query(DOING, source);
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        sqlite::read(&mut connection).await.map_err(failed)
    }
}
