//! The only place that speaks SQL: reads and writes the rows that `tables` defines.

pub mod error;
pub mod open;
pub mod rows;
pub mod workflows;
pub mod executions;
pub mod step_executions;
pub mod runs;

use std::sync::Arc;

use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use error::StoreError;

/// The database. Cheap to clone; clones share one pool.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    writer: Arc<Mutex<()>>,
}

/// A write transaction. It has SQLite's write lock from its first moment, so nothing it has read can change under
/// it, and the monolith beside it waits no longer than it lasts. Dropped without [`Writing::commit`], it leaves nothing.
#[derive(Debug)]
pub struct Writing {
    transaction: Transaction<'static, Sqlite>,
    // Dropped after the transaction: the next writer of this process starts when the lock is really free.
    _turn: OwnedMutexGuard<()>,
}

impl Store {
    /// Begins to write. Writers of this process queue here, in order; against other processes SQLite's busy
    /// time-out decides.
    pub async fn write(&self) -> Result<Writing, StoreError> {
        let turn = Arc::clone(&self.writer).lock_owned().await;
        let transaction = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(|source| StoreError::query("begin a write", source))?;
        Ok(Writing { transaction, _turn: turn })
    }

    /// Asks the database for nothing, to see that it answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1")
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(|source| StoreError::query("reach the database", source))
    }

    /// Closes every connection and waits for them.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Writing {
    /// Makes everything written so far last.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await.map_err(|source| StoreError::query("commit", source))
    }
}
