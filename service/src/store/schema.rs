//! How the database has the tables at present.

use super::engine::Connection;
use super::{Store, StoreError, Writing};
use crate::schema::{Schema, postgres, sqlite};

const DOING: &str = "look at the tables";

impl Store {
    /// The tables that the database has.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let found = async { read(self.pool.acquire().await?.connection()).await };
        found.await.map_err(|source| StoreError::query(DOING, source))
    }
}

impl Writing {
    /// The tables that the database has, as this transaction sees them.
    pub(super) async fn schema(&mut self) -> Result<Schema, StoreError> {
        let found = read(self.connection().await?).await;
        found.map_err(|source| self.failed(DOING, source))
    }
}

async fn read(connection: Connection<'_>) -> Result<Schema, sqlx::Error> {
    match connection {
        Connection::Sqlite(connection) => sqlite::read(connection).await,
        Connection::Postgres(connection, _) => postgres::read(connection).await,
    }
}
