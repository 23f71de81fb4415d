//! How the database has the tables at present.

use super::engine::Connection;
use super::{Store, StoreError};
use crate::schema::{Schema, postgres, sqlite};

const DOING: &str = "look at the tables";

impl Store {
    /// The tables that the database has.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let read = async {
            let mut lent = self.pool.acquire().await?;
            match lent.connection() {
                Connection::Sqlite(connection) => sqlite::read(connection).await,
                Connection::Postgres(connection, _) => postgres::read(connection).await,
            }
        };
        read.await.map_err(|source| StoreError::query(DOING, source))
    }
}
