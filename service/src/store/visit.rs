//! Statements on a connection that is not the service's, said and bound as the service does it.

use super::engine::{Connection, Learnt, Query};
use crate::schema::Database;
use crate::tables::Cell;

/// The rows that a query answers there, as the service would get them.
pub(crate) async fn fetch(
    database: &mut Database,
    sql: String,
) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
    let learnt = Learnt::default();
    connection(database, &learnt).fetch(Query::plain(sql), Vec::new()).await
}

/// Runs a statement there with these values.
pub(crate) async fn run(
    database: &mut Database,
    sql: String,
    binds: Vec<Cell>,
) -> Result<u64, sqlx::Error> {
    let learnt = Learnt::default();
    connection(database, &learnt).run(Query::plain(sql), binds).await
}

/// Runs statements there that nothing is bound to.
pub(crate) async fn order(database: &mut Database, sql: &str) -> Result<(), sqlx::Error> {
    let learnt = Learnt::default();
    connection(database, &learnt).order(sql).await
}

const fn connection<'c>(database: &'c mut Database, learnt: &'c Learnt) -> Connection<'c> {
    match database {
        Database::Sqlite(connection) => Connection::Sqlite(connection),
        Database::Postgres(connection) => Connection::Postgres(connection, learnt),
    }
}
