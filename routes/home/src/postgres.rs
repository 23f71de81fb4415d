//! A table in PostgreSQL, in the schema `strangler_routes`: what can be asked of it without changing it.
//!
//! The lock is a session's advisory lock, so that it ends with whoever held it. Whoever holds it writes through that same session
//! ([`session`]): with the connection goes the right to write. Every change tells the channel that [`follow`] listens to.

mod address;
mod worker;
mod session;
mod import;
mod follow;
mod sql;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use routes::journal::{Journal, MAX_BYTES};
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::error::HomeError;
use worker::Worker;

pub(crate) use address::Address;
pub(crate) use follow::Follower;
pub use import::Imported;
pub(crate) use session::Session;

/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);
/// Longest wait for an answer, the connection included.
const LIMIT: Duration = Duration::from_secs(8);
/// The same where the whole journal comes or goes.
const LONG_LIMIT: Duration = Duration::from_secs(40);
/// Time between two attempts to take the lock.
const LOCK_RETRY: Duration = Duration::from_millis(20);
/// Most connections at a time, besides those of a lock and of the follower.
const MAX_CONNECTIONS: u32 = 2;
/// A connection that nobody uses is closed.
const IDLE: Duration = Duration::from_secs(30);

/// One table of one database. No connection is made before it is asked something.
#[derive(Debug)]
pub struct Database {
    address: Address,
    pool: PgPool,
    // The pool goes first.
    worker: Worker,
}

impl Database {
    pub(crate) fn new(address: Address) -> Result<Arc<Self>, HomeError> {
        let worker = Worker::start().map_err(HomeError::Thread)?;
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(CONNECT_LIMIT)
            .idle_timeout(IDLE);
        let pool = worker.within(|| pool.connect_lazy_with(address.options.clone()));
        Ok(Arc::new(Self { address, pool, worker }))
    }

    /// The URL without password and with the table's name.
    pub(crate) fn place(&self) -> &Path {
        &self.address.place
    }

    /// The text as it stands.
    pub(crate) fn read(&self) -> Result<String, HomeError> {
        let (pool, name) = (self.pool.clone(), self.address.name.clone());
        let text = self.ask("read", LIMIT, async move { sql::text(&pool, &name).await })?;
        text.ok_or_else(|| self.missing())
    }

    /// The whole journal, checked.
    pub(crate) fn journal(&self) -> Result<Journal, HomeError> {
        Ok(Journal::parse(&self.journal_bytes()?))
    }

    /// The journal as the file beside a table would hold it.
    ///
    /// # Errors
    /// It can't be read.
    pub fn journal_bytes(&self) -> Result<Vec<u8>, HomeError> {
        let (pool, name) = (self.pool.clone(), self.address.name.clone());
        let bytes = self.ask("read the journal of", LONG_LIMIT, async move {
            sql::journal(&pool, &name, MAX_BYTES).await
        })?;
        bytes.ok_or_else(|| HomeError::TooLong { place: self.place().to_owned(), limit: MAX_BYTES })
    }

    /// The entries in the last `bytes` of the journal.
    pub(crate) fn journal_end(&self, bytes: u64) -> Result<Journal, HomeError> {
        let (pool, name) = (self.pool.clone(), self.address.name.clone());
        let end = self.ask("read the journal of", LIMIT, async move {
            sql::journal_end(&pool, &name, bytes).await
        })?;
        Ok(Journal { findings: Vec::new(), ..Journal::parse(&end) })
    }

    /// Number of the journal's last line.
    pub(crate) fn journal_lines(&self) -> Result<Option<i64>, HomeError> {
        let (pool, name) = (self.pool.clone(), self.address.name.clone());
        self.ask("look at the journal of", LIMIT, async move { sql::lines(&pool, &name).await })
    }

    /// Takes the lock, waiting up to `patience`.
    pub(crate) fn lock(
        self: &Arc<Self>,
        holder: &str,
        patience: Duration,
    ) -> Result<Session, HomeError> {
        let (pool, name) = (self.pool.clone(), self.address.name.clone());
        let holder = holder.to_owned();
        let taken = self.ask("lock", LIMIT + patience, async move {
            let mut connection = pool.acquire().await?.detach();
            let deadline = Instant::now() + patience;
            while !sql::try_lock(&mut connection, &name).await? {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(Err(sql::holder(&mut connection, &name).await?));
                }
                tokio::time::sleep(LOCK_RETRY.min(left)).await;
            }
            sql::note_holder(&mut connection, &name, &holder).await?;
            Ok(Ok(connection))
        })?;
        match taken {
            Ok(connection) => Ok(Session::new(Arc::clone(self), connection)),
            Err(holder) => Err(HomeError::Locked { place: self.place().to_owned(), holder }),
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        limit: Duration,
        question: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    ) -> Result<T, HomeError> {
        match self.worker.wait(limit, question) {
            Ok(answer) => answer.map_err(|error| self.address.failed(doing, error)),
            Err(_late) => Err(HomeError::Late { doing, place: self.place().to_owned() }),
        }
    }

    fn missing(&self) -> HomeError {
        HomeError::Missing { place: self.place().to_owned() }
    }
}

impl Address {
    /// What an error of the database means for the table.
    fn failed(&self, doing: &'static str, error: sqlx::Error) -> HomeError {
        let place = self.place.clone();
        if sql::is_missing(&error) {
            return HomeError::Missing { place };
        }
        if sql::is_unreachable(&error) {
            return HomeError::Unreachable { doing, place, source: cause(error) };
        }
        HomeError::Database { doing, place, source: cause(error) }
    }
}

/// What is behind an error; what is around it would only say so twice.
fn cause(error: sqlx::Error) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        sqlx::Error::Io(error) => Box::new(error),
        sqlx::Error::Database(error) => error.into_error(),
        sqlx::Error::Tls(error) | sqlx::Error::Configuration(error) => error,
        error => Box::new(error),
    }
}

#[cfg(test)]
mod tests;
