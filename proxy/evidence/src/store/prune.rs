//! Keeps the store within its bounds: what is too old goes, then what is oldest, in small steps.

use chrono::{DateTime, Utc};

use super::sql::Cell::{self, Int};
use super::sql::Connection;
use super::{Store, StoreError};
use crate::slot::minute;

/// Bounds of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// What was last seen before is deleted.
    pub(crate) oldest: DateTime<Utc>,
    /// Largest size, bytes.
    pub(crate) bytes: u64,
}

/// Rows deleted in one step; with ties, a little more.
const STEP: i64 = 500;
/// Most steps of one call: the rest waits for the next.
const MAX_STEPS: usize = 20;
/// Pages given back to the system in one step.
const GIVE_BACK: &str = "PRAGMA incremental_vacuum(1000)";

const OLDEST_MINUTES: &str = "\
    DELETE FROM tallies WHERE minute > 0 AND minute <= (SELECT max(minute) FROM \
    (SELECT minute FROM tallies WHERE minute > 0 AND minute < $1 ORDER BY minute LIMIT $2) AS oldest)";

const OLDEST_EXAMPLES: &str = "\
    DELETE FROM examples WHERE seen_at <= (SELECT max(seen_at) FROM \
    (SELECT seen_at FROM examples WHERE seen_at < $1 ORDER BY seen_at LIMIT $2) AS oldest)";

/// A basis that was not seen for long.
const OLD_BASIS: &str = "SELECT basis FROM bases WHERE last_seen < $1 ORDER BY last_seen LIMIT 1";

/// A basis that is not its route's current one.
const SUPERSEDED_BASIS: &str = "\
    SELECT basis FROM bases WHERE EXISTS (SELECT 1 FROM bases AS newer WHERE newer.route = bases.route \
    AND newer.last_seen > bases.last_seen) ORDER BY last_seen LIMIT 1";

const OF_BASIS: [&str; 5] = [
    "DELETE FROM tallies WHERE basis = $1",
    "DELETE FROM fingerprints WHERE basis = $1",
    "DELETE FROM examples WHERE basis = $1",
    "DELETE FROM states WHERE basis = $1",
    "DELETE FROM bases WHERE basis = $1",
];

const OLD_STATES: &str = "DELETE FROM states WHERE saved_at < $1";
const OLD_PROXIES: &str = "DELETE FROM proxies WHERE seen_at < $1";

/// Of pages in use, in a file.
const SQLITE_BYTES: &str = "\
    SELECT (page_count - freelist_count) * page_size \
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

/// Of rows that live: what was deleted is used again, but the tables never shrink by themselves.
const POSTGRES_BYTES: &str = "\
    SELECT CAST(COALESCE((SELECT sum(pg_column_size(t.*)) FROM tallies AS t), 0) \
    + COALESCE((SELECT sum(pg_column_size(e.*)) FROM examples AS e), 0) \
    + COALESCE((SELECT sum(pg_column_size(f.*)) FROM fingerprints AS f), 0) AS BIGINT)";

impl Store {
    /// Deletes what is beyond the limits, up to some steps; `true` when there is nothing more to delete.
    pub(crate) async fn prune(&mut self, limits: Limits) -> Result<bool, StoreError> {
        for step in 0..MAX_STEPS {
            if !self.prune_old(limits.oldest, step == 0).await? {
                break;
            }
        }
        for _ in 0..MAX_STEPS {
            // Below by a tenth, so that not every write has to make room again.
            if self.bytes().await? <= limits.bytes / 10 * 9 {
                return Ok(true);
            }
            if !self.prune_oldest().await? {
                tracing::warn!(
                    "the evidence store is larger than [evidence] max_bytes, and only current totals are left"
                );
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// About how large the store is, bytes.
    pub(crate) async fn bytes(&mut self) -> Result<u64, StoreError> {
        let sql = match self.connection {
            Connection::Sqlite(_) => SQLITE_BYTES,
            Connection::Postgres(_) => POSTGRES_BYTES,
        };
        let bytes = self.connection.number("measure the store", sql, []).await?;
        Ok(bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default())
    }

    /// One step by time; whether it deleted anything.
    async fn prune_old(
        &mut self,
        oldest: DateTime<Utc>,
        is_first: bool,
    ) -> Result<bool, StoreError> {
        let time = Int(oldest.timestamp_micros());
        self.connection.begin().await?;
        let mut gone = self.delete(OLDEST_MINUTES, [Int(minute(oldest)), Int(STEP)]).await?;
        gone += self.delete(OLDEST_EXAMPLES, [time.clone(), Int(STEP)]).await?;
        gone += self.delete_basis(OLD_BASIS, [time.clone()]).await?;
        if is_first {
            self.delete(OLD_STATES, [time.clone()]).await?;
            self.delete(OLD_PROXIES, [time]).await?;
        }
        self.connection.commit().await?;
        self.give_back(gone).await?;
        Ok(gone > 0)
    }

    /// One step by size; whether it deleted anything.
    async fn prune_oldest(&mut self) -> Result<bool, StoreError> {
        self.connection.begin().await?;
        let mut gone = self.delete(OLDEST_MINUTES, [Int(i64::MAX), Int(STEP)]).await?;
        gone += self.delete(OLDEST_EXAMPLES, [Int(i64::MAX), Int(STEP / 10)]).await?;
        if gone == 0 {
            gone = self.delete_basis(SUPERSEDED_BASIS, []).await?;
        }
        self.connection.commit().await?;
        self.give_back(gone).await?;
        Ok(gone > 0)
    }

    async fn delete(
        &mut self,
        sql: &'static str,
        cells: impl IntoIterator<Item = Cell> + Send,
    ) -> Result<u64, StoreError> {
        self.connection.run("delete what is old", sql, cells).await
    }

    /// Deletes the basis that a query finds.
    async fn delete_basis(
        &mut self,
        query: &'static str,
        cells: impl IntoIterator<Item = Cell> + Send,
    ) -> Result<u64, StoreError> {
        let found = self.connection.number("find an old basis", query, cells).await?;
        let Some(basis) = found else { return Ok(0) };
        for sql in OF_BASIS {
            self.delete(sql, [Int(basis)]).await?;
        }
        Ok(1)
    }

    async fn give_back(&mut self, gone: u64) -> Result<(), StoreError> {
        if gone > 0 && matches!(self.connection, Connection::Sqlite(_)) {
            self.connection.rows("give pages back", GIVE_BACK, []).await?;
        }
        Ok(())
    }
}
