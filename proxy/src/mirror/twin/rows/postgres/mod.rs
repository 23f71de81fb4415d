//! The two databases where they are PostgreSQL's. The proxy only ever reads in both: the log of the clone's changes is made
//! by `migrate db clone` or `migrate db watch`.

mod catalog;
mod log;
mod read;

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use routes::policy::TwinSettings;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::sync::{Mutex, OnceCell};

use super::row::Change;
use super::schema::Schema;
use super::sides::Sides;
use super::trouble::{RowsError, Trouble};
use read::Reading;

/// Most connections to each database.
const MAX_CONNECTIONS: u32 = 2;

/// A connection that nobody uses is closed: a new clone can't take the place of one that somebody is connected to.
const IDLE: Duration = Duration::from_secs(5);

/// Longest single look, the wait for a connection included.
const LIMIT: Duration = Duration::from_secs(3);

/// How long it is trusted that the tables are as they were.
const SCHEMA_LIFETIME: Duration = Duration::from_mins(1);

/// The two databases.
#[derive(Debug, Clone)]
pub(in super::super) struct Databases(Arc<Both>);

#[derive(Debug)]
struct Both {
    shared: Side,
    clone: Side,
    known: Mutex<Option<Arc<Known>>>,
    trouble: Trouble,
}

/// One of the two.
#[derive(Debug)]
struct Side {
    /// `shared` or `twin's`.
    which: &'static str,
    /// The URL, password and all: never shown.
    url: String,
    /// Made at first use, which is on the mirror's runtime.
    pool: OnceCell<PgPool>,
}

/// What is known of the tables.
#[derive(Debug)]
struct Known {
    times: Vec<(String, String)>,
    shared: Reading,
    clone: Reading,
    read_at: Instant,
}

impl Databases {
    pub(super) fn new(settings: &TwinSettings) -> Self {
        let side = |which, url: &str| Side { which, url: url.to_owned(), pool: OnceCell::new() };
        Self(Arc::new(Both {
            shared: side("shared", &settings.shared),
            clone: side("twin's", &settings.clone),
            known: Mutex::default(),
            trouble: Trouble::default(),
        }))
    }

    pub(super) async fn mark(&self) -> Option<i64> {
        let clone = &self.0.clone;
        self.reported(clone.ask(log::mark).await).await
    }

    pub(super) async fn changed_since(&self, mark: i64) -> Option<Vec<Change>> {
        let clone = &self.0.clone;
        self.reported(clone.ask(async |pool| log::since(pool, mark).await).await).await
    }

    pub(super) async fn read(&self, old: Vec<String>, new: Vec<String>) -> Option<Sides> {
        let known = self.known().await?;
        let Both { shared, clone, .. } = &*self.0;
        let old = shared.ask(async |pool| known.shared.mentioning(pool, &old).await);
        let new = clone.ask(async |pool| known.clone.mentioning(pool, &new).await);
        let (old, new) = self.reported(tokio::try_join!(old, new)).await?;
        Some(Sides { old, new })
    }

    pub(super) async fn times(&self) -> Option<Vec<(String, String)>> {
        Some(self.known().await?.times.clone())
    }

    async fn known(&self) -> Option<Arc<Known>> {
        let known = self.0.known.lock().await.clone();
        if let Some(known) = known.filter(|known| known.read_at.elapsed() < SCHEMA_LIFETIME) {
            return Some(known);
        }
        let Both { shared, clone, .. } = &*self.0;
        let schemas = tokio::try_join!(shared.ask(catalog::schema), clone.ask(catalog::schema));
        let (shared, clone) = self.reported(schemas).await?;
        let known = Arc::new(Known::new(&shared, &clone));
        *self.0.known.lock().await = Some(Arc::clone(&known));
        Some(known)
    }

    /// What was found; what is wrong is said, and everything is looked at anew at the next attempt.
    async fn reported<T>(&self, found: Result<T, RowsError>) -> Option<T> {
        match found {
            Ok(found) => {
                self.0.trouble.is_over();
                Some(found)
            }
            Err(problem) => {
                *self.0.known.lock().await = None;
                self.0.trouble.report(&problem);
                None
            }
        }
    }
}

impl Known {
    fn new(shared: &Schema, clone: &Schema) -> Self {
        let (of_shared, of_clone) =
            (shared.clone().common_with(clone), clone.clone().common_with(shared));
        Self {
            times: of_clone.times(),
            shared: Reading::new(of_shared),
            clone: Reading::new(of_clone),
            read_at: Instant::now(),
        }
    }
}

impl Side {
    /// Asks the database something, within the limit.
    async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&PgPool) -> Result<T, sqlx::Error>,
    ) -> Result<T, RowsError> {
        let asking = async {
            let pool = self.pool.get_or_try_init(async || open(&self.url)).await?;
            question(pool).await
        };
        match tokio::time::timeout(LIMIT, asking).await {
            Ok(answer) => answer.map_err(|problem| self.problem(problem)),
            Err(_elapsed) => Err(RowsError::TimeOut { which: self.which, place: self.place() }),
        }
    }

    fn problem(&self, source: sqlx::Error) -> RowsError {
        if log::is_missing(&source) {
            return RowsError::NotWatched { place: self.place() };
        }
        RowsError::Unusable { which: self.which, place: self.place(), source: Box::new(source) }
    }

    /// The URL for people: host and database.
    fn place(&self) -> String {
        let url = url::Url::parse(&self.url).ok();
        let shown = url
            .map(|url| format!("postgres://{}{}", url.host_str().unwrap_or_default(), url.path()));
        shown.unwrap_or_else(|| "postgres://…".to_owned())
    }
}

fn open(url: &str) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("strangler-proxy")
        .options([
            ("default_transaction_read_only", "on"),
            ("statement_timeout", "2s"),
            ("lock_timeout", "250ms"),
            ("idle_in_transaction_session_timeout", "5s"),
        ])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(LIMIT)
        .idle_timeout(IDLE);
    Ok(pool.connect_lazy_with(options))
}

#[cfg(test)]
mod tests;
