//! A PostgreSQL server: its connections, its lock among writers, and queries whose values take the types of their columns.

mod value;

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::TryStreamExt as _;
use lru::LruCache;
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow, Postgres,
};
use sqlx::{
    Arguments as _, AssertSqlSafe, Either, Executor as _, Row as _, SqlSafeStr as _, SqlStr,
    Statement as _,
};

use crate::tables::Cell;
pub(in crate::store) use value::Unfit;
use value::{Kind, Parameter};

/// Begins a transaction and waits for the lock that writers of the service take among themselves, in whatever process:
/// "agentsvc". It belongs to one database.
const WRITE: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(7018690069354739299)";

/// Texts of queries whose types are remembered, and statements that a connection keeps prepared. There are fewer.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(499);

/// A transaction in which nothing is asked for longer is ended: its locks keep others waiting.
const IDLE: Duration = Duration::from_secs(20);

/// How long a session waits.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Patience {
    /// For a lock.
    pub(in crate::store) lock: Duration,
    /// For the end of a statement.
    pub(in crate::store) statement: Duration,
    /// For a connection.
    pub(in crate::store) connection: Duration,
}

/// Connections to a server.
#[derive(Debug, Clone)]
pub(in crate::store) struct PostgresPool {
    pool: PgPool,
    learnt: Learnt,
}

/// What the server has said about the places of queries: their types follow from what stands around them. Clones share it.
#[derive(Debug, Clone)]
pub(in crate::store) struct Learnt(Arc<Mutex<LruCache<String, Arc<[Kind]>>>>);

impl Default for Learnt {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(REMEMBERED))))
    }
}

impl PostgresPool {
    /// Opens nothing yet.
    pub(in crate::store) fn new(
        options: PgConnectOptions,
        patience: Patience,
        connections: RangeInclusive<u32>,
    ) -> Self {
        let millis = |time: Duration| format!("{}ms", time.as_millis());
        let options = options.statement_cache_capacity(REMEMBERED.get()).options([
            ("lock_timeout", millis(patience.lock)),
            ("statement_timeout", millis(patience.statement)),
            ("idle_in_transaction_session_timeout", millis(IDLE)),
            ("client_min_messages", "warning".to_owned()),
        ]);
        let pool = PgPoolOptions::new()
            .min_connections(*connections.start())
            .max_connections(*connections.end())
            .acquire_timeout(patience.connection)
            .connect_lazy_with(options);
        Self { pool, learnt: Learnt::default() }
    }

    pub(super) async fn acquire(
        &self,
    ) -> Result<sqlx::pool::PoolConnection<Postgres>, sqlx::Error> {
        self.pool.acquire().await
    }

    pub(super) fn learnt(&self) -> Learnt {
        self.learnt.clone()
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Begins a transaction that has the writers' lock. Each of its statements sees what was committed before it: under any other
/// isolation, all would be seen as it was before the lock was there.
pub(super) async fn write(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(WRITE).execute(connection).await.map(drop)
}

/// The same for a transaction that will be rolled back, whose statements are limited once the lock is there.
pub(super) async fn rehearse(
    connection: &mut PgConnection,
    statement: Duration,
) -> Result<(), sqlx::Error> {
    write(connection).await?;
    let limit = format!("SET LOCAL statement_timeout = {}", statement.as_millis().max(1));
    sqlx::raw_sql(AssertSqlSafe(limit)).execute(connection).await.map(drop)
}

pub(super) async fn fetch(
    connection: &mut PgConnection,
    learnt: &Learnt,
    sql: String,
    binds: Vec<Cell>,
) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
    let arguments = learnt.arguments(connection, &sql, binds).await?;
    let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(connection).await?;
    rows.iter().map(cells).collect()
}

pub(super) async fn for_each(
    connection: &mut PgConnection,
    sql: String,
    mut each: impl FnMut(Vec<Cell>) + Send,
) -> Result<(), sqlx::Error> {
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        each(cells(&row)?);
    }
    Ok(())
}

pub(super) async fn run(
    connection: &mut PgConnection,
    learnt: &Learnt,
    sql: String,
    binds: Vec<Cell>,
) -> Result<u64, sqlx::Error> {
    let arguments = learnt.arguments(connection, &sql, binds).await?;
    let done = sqlx::query_with(AssertSqlSafe(sql), arguments).execute(connection).await?;
    Ok(done.rows_affected())
}

fn cells(row: &PgRow) -> Result<Vec<Cell>, sqlx::Error> {
    (0..row.len()).map(|i| value::found(&row.try_get_raw(i)?)).collect()
}

impl Learnt {
    /// The values in the forms that the places of the query have.
    async fn arguments(
        &self,
        connection: &mut PgConnection,
        sql: &str,
        binds: Vec<Cell>,
    ) -> Result<PgArguments, sqlx::Error> {
        let mut arguments = PgArguments::default();
        if binds.is_empty() {
            return Ok(arguments);
        }
        let kinds = self.kinds(connection, sql).await?;
        for (index, cell) in binds.into_iter().enumerate() {
            let kind = kinds.get(index).copied().unwrap_or(Kind::Text);
            arguments.add(Parameter { cell, kind }).map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }

    async fn kinds(
        &self,
        connection: &mut PgConnection,
        sql: &str,
    ) -> Result<Arc<[Kind]>, sqlx::Error> {
        if let Some(kinds) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(sql) {
            return Ok(Arc::clone(kinds));
        }
        // The connection keeps it prepared, so that asking for the types costs a round trip once.
        let text: SqlStr = AssertSqlSafe(sql.to_owned()).into_sql_str();
        let statement = connection.prepare_with(text, &[]).await?;
        let types = match statement.parameters() {
            Some(Either::Left(types)) => types,
            Some(Either::Right(_)) | None => &[],
        };
        let kinds: Arc<[Kind]> = types.iter().map(Kind::of).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.put(sql.to_owned(), Arc::clone(&kinds));
        Ok(kinds)
    }
}

/// Which limit cut a statement off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutOff {
    /// That of waiting for a lock.
    Lock,
    /// That of the whole statement.
    Statement,
}

/// Whether a limit of the session was what a statement failed of.
pub(super) fn cut_off(error: &sqlx::Error) -> Option<CutOff> {
    match error.as_database_error()?.code()?.as_ref() {
        "55P03" => Some(CutOff::Lock),
        "57014" => Some(CutOff::Statement),
        _ => None,
    }
}
