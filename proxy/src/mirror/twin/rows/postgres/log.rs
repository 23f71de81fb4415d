//! Reads the log of the clone's changes, which `migrate db watch` makes.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;

use super::super::row::{Change, MAX_CHANGES};

/// The schema that the log is in, alone.
pub(super) const SCHEMA: &str = routes::twin_log::SCHEMA;

/// Where the log stands.
pub(super) async fn mark(pool: &PgPool) -> Result<i64, sqlx::Error> {
    let sql = format!("SELECT coalesce(max(seq), 0) FROM {}", routes::twin_log::TABLE);
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await
}

/// What was noted since, up to a bound. An entry that was begun before and committed after is missed: it is of a
/// transaction that is older than the request.
pub(super) async fn since(pool: &PgPool, mark: i64) -> Result<Vec<Change>, sqlx::Error> {
    let sql = format!(
        "SELECT DISTINCT tbl, key, mentions FROM {} WHERE seq > $1 LIMIT {MAX_CHANGES}",
        routes::twin_log::TABLE
    );
    let entries: Vec<(String, String, Vec<String>)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(mark).fetch_all(pool).await?;
    let changes = entries.into_iter().map(|(table, key, mentions)| Change { table, key, mentions });
    Ok(changes.collect())
}

/// Whether there is no log: `undefined_table`, the only one that is asked for by its name without being looked up before.
pub(super) fn is_missing(problem: &sqlx::Error) -> bool {
    let names_it = |problem: &&(dyn sqlx::error::DatabaseError + 'static)| {
        problem.message().contains(routes::twin_log::TABLE)
    };
    let said = problem.as_database_error().filter(names_it);
    said.and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "42P01")
}
