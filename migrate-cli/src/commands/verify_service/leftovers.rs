//! Rows that still name what a run has made, after it has deleted what the API deletes: executions stay by the contract.

use std::time::Duration;

use serde::Serialize;
use service::store::session::{Patience, Session, SessionError};
use service::tables::{self, Cell, ColumnType, Table};

use crate::commands::db::open;
use crate::commands::db::place::Place;
use crate::failure::Failure;

/// Others write in between.
const PATIENCE: Patience =
    Patience { lock: Duration::from_secs(10), statement: Duration::from_mins(1) };

/// Rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Leftover {
    /// The table.
    pub(super) table: &'static str,
    /// How many of its rows name something that this run has made.
    pub(super) rows: u64,
    /// Whether they were deleted.
    pub(super) removed: bool,
}

/// Looks for rows that name one of these; with `remove`, deletes them, all or none.
pub(super) async fn look(
    place: &Place,
    identifiers: &[String],
    remove: bool,
) -> Result<Vec<Leftover>, Failure> {
    let name = place.to_string();
    let failed = |why: SessionError| Failure::Other {
        message: format!("{name}: {why}: {}", why.cause()),
        help: "see that this is the database of the service, and that this user may read it"
            .to_owned(),
    };
    if identifiers.is_empty() {
        return Ok(Vec::new());
    }
    let mut session = match place {
        Place::Sqlite(path) => Session::open_file(path, false, PATIENCE).await.map_err(failed)?,
        Place::Postgres(server) => {
            Session::connect(open::options(server)?, PATIENCE).await.map_err(failed)?
        }
    };
    let looked = search(&mut session, identifiers, remove).await.map_err(failed)?;
    session.close().await.map_err(failed)?;
    Ok(looked)
}

async fn search(
    session: &mut Session,
    identifiers: &[String],
    remove: bool,
) -> Result<Vec<Leftover>, SessionError> {
    let there = session.schema().await?;
    let mut all = Vec::new();
    // Whatever refers to rows goes before them.
    for table in tables::ALL.iter().rev().filter(|table| there.tables.contains_key(table.name)) {
        let Some((condition, binds)) = names(table, identifiers) else { continue };
        let sql = format!("SELECT count(*) FROM {} WHERE {condition}", table.name);
        let counted = session.fetch("look for rows", sql, binds).await?;
        if let Some(Cell::Integer(rows)) = counted.into_iter().flatten().next()
            && rows > 0
        {
            let rows = u64::try_from(rows).unwrap_or_default();
            all.push((*table, Leftover { table: table.name, rows, removed: false }));
        }
    }
    if remove && !all.is_empty() {
        session.order("begin", "BEGIN").await?;
        for (table, leftover) in &mut all {
            let Some((condition, binds)) = names(table, identifiers) else { continue };
            let sql = format!("DELETE FROM {} WHERE {condition}", table.name);
            session.run("delete rows", sql, binds).await?;
            leftover.removed = true;
        }
        session.order("commit", "COMMIT").await?;
    }
    Ok(all.into_iter().map(|(_, leftover)| leftover).collect())
}

/// The condition that a row names one of these in a column of identifiers, and what is bound for it.
fn names(table: &Table, identifiers: &[String]) -> Option<(String, Vec<Cell>)> {
    let is_text = |kind: ColumnType| matches!(kind, ColumnType::Text(_));
    let columns: Vec<&str> = table
        .columns
        .iter()
        .filter(|column| is_text(column.kind) && (column.key || column.name.ends_with("_id")))
        .map(|column| column.name)
        .collect();
    let places = vec!["?"; identifiers.len()].join(", ");
    let conditions: Vec<String> =
        columns.iter().map(|column| format!("{column} IN ({places})")).collect();
    let values = || identifiers.iter().map(|id| Cell::Text(id.clone()));
    let binds = columns.iter().flat_map(|_| values()).collect();
    (!columns.is_empty()).then(|| (conditions.join(" OR "), binds))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use service::tables::Engine;

    use super::*;

    #[tokio::test]
    async fn rows_of_this_run_are_found_and_removed_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.db");
        let database = Connection::open(&file).unwrap();
        for sql in tables::ALL.iter().flat_map(|table| table.create_statements(Engine::Sqlite)) {
            database.execute_batch(&sql).unwrap();
        }
        let write =
            "INSERT INTO agent_service_meta_trainings VALUES (?1, '2026-01-01 00:00:00.000000')";
        for id in ["ours", "another's"] {
            database.execute(write, [id]).unwrap();
        }
        let place = Place::Sqlite(file);
        let ours = ["ours".to_owned(), "exec".to_owned()];
        let found =
            |rows, removed| vec![Leftover { table: "agent_service_meta_trainings", rows, removed }];
        assert_eq!(look(&place, &[], true).await.unwrap(), []);
        assert_eq!(look(&place, &ours, false).await.unwrap(), found(1, false));
        assert_eq!(look(&place, &ours, true).await.unwrap(), found(1, true));
        assert_eq!(look(&place, &ours, true).await.unwrap(), []);
        let left: i64 = database
            .query_row("SELECT count(*) FROM agent_service_meta_trainings", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 1);
    }
}
