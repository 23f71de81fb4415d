//! A write without consequences: what one request writes is always rolled back, soon enough that nobody notices.
//!
//! A rehearsal reads as any request does until it writes for the first time. From then on everything it does is one
//! transaction on a connection that serves rehearsals only, and that transaction ends with a rollback or with its
//! connection: there is no way to commit it. What it waits for and what others wait for because of it are bounded by
//! [`Limits`]; on PostgreSQL these are time-outs of its session, on SQLite the engine is interrupted.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use sqlx::SqliteConnection;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tokio::sync::{Mutex, Notify, OwnedMappedMutexGuard, OwnedMutexGuard};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::engine::{self, Connection, Lent, Patience, Pool, PostgresPool};
use super::writers::{Turn, Writers};
use super::{Store, StoreError};

/// After a rehearsal the lock stays free for so many times as long as it was held. A writer of another process does not
/// queue for SQLite's lock but tries it now and then; so most of its tries succeed, however many rehearsals there are.
const REST: u32 = 3;

/// Instructions of SQLite's machine between two looks at the clock: well under a millisecond.
const INSTRUCTIONS: i32 = 1000;

/// How long a rehearsal may wait and be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest that a rehearsal waits: for the one before it, for the service's other writers, and as long again for the lock.
    pub lock: Duration,
    /// Longest from a rehearsal's first lock to its rollback: what anybody else may have to wait for it.
    pub transaction: Duration,
}

impl Default for Limits {
    /// 50 ms, and half of it, so that a busy machine has the other half for the rollback.
    fn default() -> Self {
        Self { lock: Duration::from_millis(50), transaction: Duration::from_millis(25) }
    }
}

/// Why a rehearsal has no outcome. The request itself may be fine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GivenUp {
    /// Somebody else held the database for too long.
    #[error("the database was busy")]
    Busy,
    /// It would have kept others waiting.
    #[error("it took too long")]
    TooLong,
    /// Something of it went on after its end.
    #[error("it was over")]
    Over,
}

/// What all rehearsals of a process share.
#[derive(Debug, Clone)]
pub(super) struct Rehearsals {
    pool: Pool,
    limits: Limits,
    /// One rehearsal writes at a time; the next may from this instant on.
    next: Arc<Mutex<Instant>>,
}

/// One rehearsal. Its [`store`](Self::store) is for who does the work, and works until [`run`](Self::run) has ended.
#[derive(Debug)]
pub struct Rehearsal {
    store: Store,
    stage: Arc<Stage>,
}

/// Where a rehearsal takes place. A store only points to it, so that it ends with the rehearsal, whoever kept a store.
#[derive(Debug)]
pub(super) struct Stage {
    shared: Rehearsals,
    /// The queue of the process's writers.
    writers: Writers,
    /// None until the first write.
    open: Arc<Mutex<Option<Open>>>,
    /// Told when the lock was taken.
    began: Notify,
}

/// The transaction of a rehearsal.
#[derive(Debug)]
pub(super) struct Open {
    /// None once it was rolled back.
    connection: Option<Lent>,
    /// Since when others wait for it; none before it has the lock.
    held: Option<Instant>,
    /// Longest that they may have to.
    limit: Duration,
    /// A part was neither committed nor undone.
    has_abandoned_part: bool,
    // Given back after the connection, in this order.
    _turn: Turn,
    next: OwnedMutexGuard<Instant>,
}

/// What would be one transaction if it were not rehearsed. Dropped without [`Part::keep`], the rest of the rehearsal
/// does not see what it wrote.
#[derive(Debug)]
pub(super) struct Part {
    open: OwnedMappedMutexGuard<Option<Open>, Open>,
    is_kept: bool,
}

impl Rehearsals {
    /// Opens nothing yet: who never rehearses has no further connection.
    pub(super) fn in_file(options: SqliteConnectOptions, limits: Limits) -> Self {
        let options = options
            .busy_timeout(limits.lock)
            // What is written stays in memory, as the pages of one request can: spilled ones would lock readers out.
            .pragma("cache_spill", "OFF")
            .pragma("temp_store", "MEMORY");
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(limits.lock)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(keep_off_the_disk(connection)))
            .connect_lazy_with(options);
        Self::new(Pool::Sqlite(pool), limits)
    }

    /// The same on a server, where the one connection is opened at once.
    pub(super) fn on_server(options: PgConnectOptions, limits: Limits) -> Self {
        let Limits { lock, .. } = limits;
        // A statement's time goes on while it waits for its lock.
        let patience = Patience { lock, statement: lock * 2, connection: lock };
        // One is kept: a server may take longer to let somebody in than a rehearsal waits.
        Self::new(Pool::Postgres(PostgresPool::new(options, patience, 1..=1)), limits)
    }

    fn new(pool: Pool, limits: Limits) -> Self {
        Self { pool, limits, next: Arc::new(Mutex::new(Instant::now())) }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Store {
    /// Begins a rehearsal, which takes no lock before its first write.
    pub fn rehearse(&self) -> Rehearsal {
        let stage = Arc::new(Stage {
            shared: self.rehearsals.clone(),
            writers: self.writers.clone(),
            open: Arc::default(),
            began: Notify::new(),
        });
        Rehearsal { store: Self { stage: Some(Arc::downgrade(&stage)), ..self.clone() }, stage }
    }
}

impl Rehearsal {
    /// The database as the work sees it: with what the work wrote, and without consequences.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// Lets the work end, or cuts it off where others would have to wait for it, and rolls back what it wrote. Dropped
    /// instead, it leaves nothing either.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> Result<T, GivenUp> {
        let done = tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.stage.overdue() => Err(GivenUp::TooLong),
        };
        let open = self.stage.open.lock().await.take();
        if let Some(open) = open {
            open.roll_back(self.stage.shared.limits.transaction).await;
        }
        done
    }
}

impl Stage {
    /// Returns when the lock has been held for as long as it may be.
    async fn overdue(&self) {
        self.began.notified().await;
        sleep(self.shared.limits.transaction).await;
    }

    /// Begins what would be a transaction; the first takes the lock.
    pub(super) async fn part(stage: &Weak<Self>) -> Result<Part, StoreError> {
        let stage = stage.upgrade().ok_or(StoreError::Rehearsal(GivenUp::Over))?;
        let mut open = Arc::clone(&stage.open).lock_owned().await;
        if open.is_none() {
            *open = Some(stage.begin().await?);
        }
        let mut open = Self::opened(open).ok_or(StoreError::Rehearsal(GivenUp::Over))?;
        execute(open.connection().await?, "SAVEPOINT part").await?;
        Ok(Part { open, is_kept: false })
    }

    /// The transaction, for reading what was written in it; none before the first write. While something is written,
    /// reading goes past it, as it does where nothing is rehearsed.
    pub(super) fn current(stage: &Weak<Self>) -> Option<OwnedMappedMutexGuard<Option<Open>, Open>> {
        let open = Arc::clone(&stage.upgrade()?.open).try_lock_owned().ok()?;
        Self::opened(open)
    }

    fn opened(
        open: OwnedMutexGuard<Option<Open>>,
    ) -> Option<OwnedMappedMutexGuard<Option<Open>, Open>> {
        OwnedMutexGuard::try_map(open, Option::as_mut).ok()
    }

    async fn begin(&self) -> Result<Open, StoreError> {
        let Rehearsals { pool, limits, next } = &self.shared;
        let waiting = async {
            let next = Arc::clone(next).lock_owned().await;
            sleep_until(*next).await;
            let turn = self.writers.alone().await?;
            let connection = pool.acquire().await.map_err(failed)?;
            Ok((next, turn, connection))
        };
        let waited = timeout(limits.lock, waiting).await;
        let (next, turn, connection) =
            waited.map_err(|_elapsed| StoreError::Rehearsal(GivenUp::Busy))??;
        let connection = Some(connection);
        let mut open = Open {
            connection,
            held: None,
            limit: limits.lock,
            has_abandoned_part: false,
            _turn: turn,
            next,
        };
        let deadline = open.set_deadline().await?;
        let begun = open.connection().await?.rehearse(limits.transaction).await;
        begun.map_err(failed)?;
        let held = Instant::now();
        open.held = Some(held);
        // Set once, just here.
        let _first = deadline.set(held + limits.transaction);
        self.began.notify_one();
        Ok(open)
    }
}

impl Open {
    /// The connection, where an abandoned part has left nothing.
    pub(super) async fn connection(&mut self) -> Result<Connection<'_>, StoreError> {
        let over = StoreError::Rehearsal(GivenUp::Over);
        let lent = self.connection.as_mut().ok_or(over)?;
        if std::mem::take(&mut self.has_abandoned_part) {
            execute(lent.connection(), "ROLLBACK TO part; RELEASE part").await?;
        }
        Ok(lent.connection())
    }

    /// Lets SQLite itself interrupt a statement that runs past the instant that is put in here. A server has its own clock.
    async fn set_deadline(&mut self) -> Result<Arc<OnceLock<Instant>>, StoreError> {
        let deadline = Arc::new(OnceLock::new());
        let shared: Arc<OnceLock<Instant>> = Arc::clone(&deadline);
        if let Connection::Sqlite(connection) = self.connection().await? {
            let mut handle = connection.lock_handle().await.map_err(failed)?;
            handle.set_progress_handler(INSTRUCTIONS, move || {
                shared.get().is_none_or(|deadline| Instant::now() < *deadline)
            });
        }
        Ok(deadline)
    }

    /// Ends the transaction. A connection that does not take the rollback in time is closed, which undoes as much.
    async fn roll_back(mut self, limit: Duration) {
        let Some(lent) = self.connection.as_mut() else { return };
        match timeout(limit, execute(lent.connection(), "ROLLBACK")).await {
            Ok(Ok(())) => drop(self.connection.take()),
            Ok(Err(error)) => tracing::debug!(%error, "a rehearsal's connection is closed"),
            Err(_elapsed) => tracing::warn!("a rehearsal took long to be rolled back"),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
        if let Some(held) = self.held.map(|held| held.elapsed()) {
            *self.next = Instant::now() + held * REST;
            if held > self.limit {
                let ms = held.as_secs_f64() * 1000.0;
                tracing::warn!(
                    ms,
                    "a rehearsal kept others waiting for too long: is this machine overloaded?"
                );
            }
        }
    }
}

impl Part {
    /// The connection to write on.
    pub(super) async fn connection(&mut self) -> Result<Connection<'_>, StoreError> {
        self.open.connection().await
    }

    /// Lets the rest of the rehearsal see what this part wrote.
    pub(super) async fn keep(mut self) -> Result<(), StoreError> {
        execute(self.open.connection().await?, "RELEASE part").await?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_kept {
            self.open.has_abandoned_part = true;
        }
    }
}

/// Keeps what is needed to roll back in memory too: making and removing a journal file can take a busy disk longer than
/// anybody may wait. It is needed after a crash only where something was written to the database, which never happens
/// here. In WAL mode there is no such file, and the mode is left alone because it belongs to the database.
async fn keep_off_the_disk(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
    if !mode.eq_ignore_ascii_case("wal") {
        sqlx::query("PRAGMA journal_mode = MEMORY").execute(connection).await?;
    }
    Ok(())
}

async fn execute(connection: Connection<'_>, sql: &str) -> Result<(), StoreError> {
    connection.order(sql.to_owned()).await.map_err(failed)
}

fn failed(source: sqlx::Error) -> StoreError {
    engine::rehearsed("rehearse a write", source)
}

#[cfg(test)]
mod tests;
