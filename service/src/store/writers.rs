//! Writers of this process take turns, and those that queue share a transaction: the disk syncs once for all of them, and other
//! processes are asked for the lock once.
//!
//! Each writes behind a savepoint, so that one that fails takes back only what it wrote itself, and each is told of its success
//! after the commit. What begins, goes on with and ends a transaction runs in tasks of its own: a client that goes away in
//! between leaves none of it half done.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, oneshot};
use tokio::time::{Instant, sleep};

use super::StoreError;
use super::engine::{Connection, Lent, Pool};
use crate::tables::Engine;

/// The most writers that share a transaction.
const MOST: usize = 64;

/// How long a transaction takes in further writers. With what the last of them does, the longest that another process waits for
/// them.
const LONGEST: Duration = Duration::from_millis(5);

/// After a transaction the lock of a file stays free for this share of the time for which it was held. A writer of another process
/// does not queue for SQLite's lock but tries it now and then; so one of five tries succeeds, however busy this process is.
const REST: u32 = 4;

/// The shortest rest that a timer can give. Shorter ones are added up.
const TICK: Duration = Duration::from_millis(1);

/// The queue of the process's writers. Clones are of the same queue.
#[derive(Debug, Clone)]
pub(super) struct Writers {
    pool: Pool,
    front: Arc<Mutex<Front>>,
}

/// Where the queue ends: whoever has it is the only one of the process that writes.
#[derive(Debug)]
pub(super) struct Front {
    /// The transaction that goes on.
    open: Option<Group>,
    /// When the last transaction ended, and for how long the lock was to stay free then.
    freed: Instant,
    owed: Duration,
}

/// The end of the queue, with no transaction of others behind it.
pub(super) type Turn = OwnedMutexGuard<Front>;

/// A transaction and those who wrote in it.
#[derive(Debug)]
struct Group {
    connection: Lent,
    began: Instant,
    /// Those who have written and wait for the commit.
    waiting: Vec<oneshot::Sender<Result<(), Arc<StoreError>>>>,
    /// Whether what was written behind the savepoint is to be taken back: its writer has not finished.
    is_unfinished: bool,
}

/// One writer's part of a transaction. Dropped without [`Member::keep`], it leaves nothing.
#[derive(Debug)]
pub(super) struct Member(OwnedMappedMutexGuard<Front, Group>);

impl Writers {
    pub(super) fn new(pool: Pool) -> Self {
        let front = Front { open: None, freed: Instant::now(), owed: Duration::ZERO };
        Self { pool, front: Arc::new(Mutex::new(front)) }
    }

    /// A turn to write: in the transaction that goes on, or in a new one.
    pub(super) async fn join(&self) -> Result<Member, StoreError> {
        let writers = self.clone();
        to_its_end(async move {
            let mut front = Arc::clone(&writers.front).lock_owned().await;
            let goes_on = match &mut front.open {
                Some(group) => group.takes_more() && group.go_on().await.is_ok(),
                None => false,
            };
            if !goes_on {
                front.end().await;
                front.begin(&writers.pool).await?;
                // Its turn comes after everybody's who queues now: those share the transaction.
                tokio::spawn(async move { writers.front.lock().await.end().await });
            }
            let member = OwnedMutexGuard::try_map(front, |front| front.open.as_mut());
            member.map(Member).map_err(|_none| lost())
        })
        .await
    }

    /// A turn for somebody who has a transaction of their own.
    pub(super) async fn alone(&self) -> Result<Turn, StoreError> {
        let front = Arc::clone(&self.front);
        to_its_end(async move {
            let mut turn = front.lock_owned().await;
            turn.end().await;
            Ok(turn)
        })
        .await
    }
}

impl Front {
    async fn begin(&mut self, pool: &Pool) -> Result<(), StoreError> {
        let failed = |source| StoreError::query("begin a write", source);
        self.owed = self.owed.saturating_sub(self.freed.elapsed());
        if self.owed >= TICK {
            sleep(std::mem::take(&mut self.owed)).await;
        }
        let mut connection = pool.acquire().await.map_err(failed)?;
        if let Err(error) = begin(&mut connection).await {
            connection.close_on_drop();
            return Err(failed(error));
        }
        let began = Instant::now();
        self.open = Some(Group { connection, began, waiting: Vec::new(), is_unfinished: true });
        Ok(())
    }

    /// Ends the transaction that goes on, and tells those who wrote in it how.
    async fn end(&mut self) {
        let Some(mut group) = self.open.take() else { return };
        let ended = group.end().await;
        if ended.is_err() && execute(&mut group.connection, "ROLLBACK").await.is_err() {
            // SQLite has rolled back by itself, or will where the connection is closed.
            group.connection.close_on_drop();
        }
        self.freed = Instant::now();
        if group.connection.engine() == Engine::Sqlite {
            self.owed += (self.freed - group.began) / REST;
        }
        let told = ended.map_err(|source| Arc::new(StoreError::query("commit", source)));
        for waiting in group.waiting {
            // Who has gone away does not want to know.
            let _gone = waiting.send(told.clone());
        }
    }
}

impl Group {
    fn takes_more(&self) -> bool {
        self.waiting.len() < MOST && self.began.elapsed() < LONGEST
    }

    /// Sets the savepoint for the next writer, where what the one before did not finish is taken back.
    async fn go_on(&mut self) -> Result<(), sqlx::Error> {
        let was_unfinished = std::mem::replace(&mut self.is_unfinished, true);
        let next =
            if was_unfinished { "ROLLBACK TO member" } else { "RELEASE member; SAVEPOINT member" };
        execute(&mut self.connection, next).await
    }

    async fn end(&mut self) -> Result<(), sqlx::Error> {
        if self.waiting.is_empty() {
            return execute(&mut self.connection, "ROLLBACK").await;
        }
        if self.is_unfinished {
            execute(&mut self.connection, "ROLLBACK TO member").await?;
        }
        execute(&mut self.connection, "COMMIT").await
    }
}

impl Member {
    /// The connection to write on.
    pub(super) fn connection(&mut self) -> Connection<'_> {
        self.0.connection.connection()
    }

    /// Lets the next one write, and waits until what this one wrote is committed. Who does not wait changes nothing.
    pub(super) async fn keep(mut self) -> Result<(), StoreError> {
        let (tell, told) = oneshot::channel();
        self.0.is_unfinished = false;
        self.0.waiting.push(tell);
        drop(self);
        told.await.map_err(|_untold| lost())?.map_err(StoreError::Shared)
    }
}

/// Does something to its end, whoever waits for it.
async fn to_its_end<T: Send + 'static>(
    task: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(task).await.unwrap_or_else(|_panicked| Err(lost()))
}

fn lost() -> StoreError {
    StoreError::query("write", sqlx::Error::WorkerCrashed)
}

async fn begin(connection: &mut Lent) -> Result<(), sqlx::Error> {
    connection.connection().write().await?;
    execute(connection, "SAVEPOINT member").await
}

async fn execute(connection: &mut Lent, sql: &'static str) -> Result<(), sqlx::Error> {
    connection.connection().order(sql).await
}

#[cfg(test)]
mod tests;
