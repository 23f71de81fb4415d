//! Tries the inserts of both programs, so that what no comparison shows is found as well: conditions, triggers, domains.
//!
//! On a server each table is tried in a short transaction that is rolled back. A file is not touched: its tables are made anew in
//! memory. What is tried is a copy of a row that is there under another key, so that it is what a condition asks for.

use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection};

use super::database::LookError;
use super::findings::{Broken, Finding, Operation, Program, severity};
use super::inserts::{Insert, Material, Values};
use super::shape::{Schema, Table};
use super::{Database, needed};
use crate::clock::Ids;
use crate::store::visit;
use crate::tables::{self, Cell};

/// The longest wait for a lock, and the longest that a statement takes.
const LOCK: Duration = Duration::from_millis(200);
const STATEMENT: Duration = Duration::from_secs(1);

/// Tables that refer to each other are tried to this depth.
const DEPTH: usize = 5;

/// What a file is made of, in an order in which it can be made again.
const FILE: &str = "SELECT tbl_name, sql FROM sqlite_schema \
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
    ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'view' THEN 1 WHEN 'index' THEN 2 ELSE 3 END";

/// What is known of a database before anything is tried.
struct Trial<'t> {
    found: &'t Schema,
    service: Schema,
    /// What the monolith's source declares, where it is known.
    monolith: Option<&'t Schema>,
    fresh: String,
}

/// A finding for each insert that a shared table refuses. Nothing of what is tried stays.
///
/// # Errors
///
/// Something could not be tried: the connection is lost, or another program holds a table locked.
pub async fn prove(
    database: &mut Database,
    found: &Schema,
    monolith: Option<&Schema>,
    ids: &dyn Ids,
) -> Result<Vec<Finding>, LookError> {
    let trial = Trial { found, service: needed::schema(), monolith, fresh: ids.hex() };
    let mut copy = match database {
        Database::Sqlite(file) => Some(Database::Sqlite(in_memory(file).await?)),
        Database::Postgres(_) => None,
    };
    let mut all = Vec::new();
    for table in tables::ALL.iter().filter(|table| table.is_shared()) {
        let Some(there) = found.tables.get(table.name) else { continue };
        let known = trial.stored(database, table.name, there).await;
        let refused = match &mut copy {
            Some(copy) => trial.try_in_file(copy, table.name, known).await,
            None => trial.try_on_server(database, table.name, known).await,
        };
        let doing = || format!("try an insert into {}; run the command again", table.name);
        all.extend(refused.map_err(|source| LookError::new(doing(), source))?);
    }
    Ok(all)
}

impl Trial<'_> {
    fn of_monolith(&self, table: &str) -> Option<&Table> {
        let declared = self.monolith.map(|monolith| monolith.tables.get(table));
        declared.unwrap_or_else(|| self.service.tables.get(table))
    }

    fn inserts(&self, table: &str, known: &Values) -> Vec<Insert> {
        let (Some(service), Some(found), Some(engine)) =
            (self.service.tables.get(table), self.found.tables.get(table), self.found.engine)
        else {
            return Vec::new();
        };
        let material = Material { name: table, found, engine, known, fresh: &self.fresh };
        material.inserts(service, self.of_monolith(table).unwrap_or(service))
    }

    /// The values of a row that is there; nothing where there is none, or none that the service could read.
    async fn stored(&self, database: &mut Database, table: &str, there: &Table) -> Values {
        let declared = [self.service.tables.get(table), self.of_monolith(table)];
        let columns = declared.into_iter().flatten().flat_map(|table| &table.columns);
        let mut names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| there.column(name).is_some());
        let sql = format!("SELECT {} FROM {table} LIMIT 1", names.join(", "));
        let rows = visit::fetch(database, sql).await.unwrap_or_default();
        let row = rows.into_iter().next().unwrap_or_default();
        names.into_iter().map(str::to_owned).zip(row).collect()
    }

    async fn try_in_file(
        &self,
        copy: &mut Database,
        table: &str,
        known: Values,
    ) -> Result<Vec<Finding>, sqlx::Error> {
        let mut all = Vec::new();
        for insert in self.inserts(table, &known) {
            visit::order(copy, "BEGIN").await?;
            let tried = visit::run(copy, insert.sql.clone(), insert.values.clone()).await;
            visit::order(copy, "ROLLBACK").await?;
            all.extend(refusal(table, &insert, tried)?);
        }
        Ok(all)
    }

    async fn try_on_server(
        &self,
        server: &mut Database,
        table: &str,
        mut known: Values,
    ) -> Result<Vec<Finding>, sqlx::Error> {
        let begin = format!(
            "BEGIN READ WRITE; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}",
            LOCK.as_millis(),
            STATEMENT.as_millis()
        );
        visit::order(server, &begin).await?;
        let tried = async {
            if known.is_empty() {
                known = self.parents(server, table, DEPTH).await?;
            }
            let mut all = Vec::new();
            for insert in self.inserts(table, &known) {
                let tried = attempt(server, &insert, false).await?;
                all.extend(refusal(table, &insert, tried)?);
            }
            Ok(all)
        };
        let tried = tried.await;
        visit::order(server, "ROLLBACK").await?;
        tried
    }

    /// The keys of rows that a row of a table can refer to. Where another table has none, one is made for the rest of the transaction.
    async fn parents(
        &self,
        server: &mut Database,
        table: &str,
        depth: usize,
    ) -> Result<Values, sqlx::Error> {
        let mut known = Values::new();
        let Some(there) = self.found.tables.get(table) else { return Ok(known) };
        for reference in &there.references {
            let (Some(column), Some(to)) = (reference.columns.first(), reference.to.first()) else {
                continue;
            };
            let other = reference.table.as_str();
            let mut key = key_of(server, other, to).await?;
            if key.is_none() && depth > 0 && self.service.tables.contains_key(other) {
                let theirs = Box::pin(self.parents(server, other, depth - 1)).await?;
                if let Some(insert) = self.inserts(other, &theirs).into_iter().next() {
                    // What is refused here is told where that table is tried itself.
                    let _refused = attempt(server, &insert, true).await?;
                    key = key_of(server, other, to).await?;
                }
            }
            known.extend(key.map(|key| (column.clone(), key)));
        }
        Ok(known)
    }
}

async fn key_of(
    server: &mut Database,
    table: &str,
    column: &str,
) -> Result<Option<Cell>, sqlx::Error> {
    let rows = visit::fetch(server, format!("SELECT {column} FROM {table} LIMIT 1")).await?;
    Ok(rows.into_iter().flatten().next())
}

/// An insert behind a savepoint, with what is looked at only at the end of a transaction. The outer error is that of the connection.
async fn attempt(
    server: &mut Database,
    insert: &Insert,
    stays: bool,
) -> Result<Result<u64, sqlx::Error>, sqlx::Error> {
    visit::order(server, "SAVEPOINT tried").await?;
    let mut tried = visit::run(server, insert.sql.clone(), insert.values.clone()).await;
    if tried.is_ok()
        && let Err(late) = visit::order(server, "SET CONSTRAINTS ALL IMMEDIATE").await
    {
        tried = Err(late);
    }
    let end = if stays && tried.is_ok() { "RELEASE tried" } else { "ROLLBACK TO tried" };
    visit::order(server, end).await?;
    Ok(tried)
}

/// What a refused insert comes to. An error is one that says nothing about the insert.
fn refusal(
    table: &str,
    insert: &Insert,
    tried: Result<u64, sqlx::Error>,
) -> Result<Option<Finding>, sqlx::Error> {
    let problem = match tried {
        Ok(_) => return Ok(None),
        Err(sqlx::Error::Database(error)) if !is_of_the_moment(error.code().as_deref()) => {
            error.message().to_owned()
        }
        // A value that the column's type has no place for.
        Err(sqlx::Error::Encode(error)) => error.to_string(),
        Err(error) => return Err(error),
    };
    let breaks =
        insert.programs.iter().map(|&program| Broken { program, operation: Operation::Insert });
    let breaks = breaks.collect();
    let whose = match (insert.programs.contains(&Program::Service), insert.programs.len()) {
        (_, 2) => "both programs make",
        (true, _) => "the service makes",
        (false, _) => "the monolith makes",
    };
    let of = if insert.is_sparse { "a row without what may be absent" } else { "a row" };
    let problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Some(Finding {
        table: table.to_owned(),
        column: None,
        severity: severity(&breaks),
        breaks,
        message: format!("{table} refuses {of} that {whose}: {problem}; tried: {}", insert.sql),
        remedy: Some(
            "see which condition, trigger or type refuses it, and who made that".to_owned(),
        ),
    }))
}

/// Another program's lock, a limit of time, a server that goes down: another try may find something else.
fn is_of_the_moment(code: Option<&str>) -> bool {
    let classes = ["55P03", "57", "53", "40", "08"];
    code.is_some_and(|code| code.len() == 5 && classes.iter().any(|class| code.starts_with(class)))
}

/// The tables of a file without their rows, with everything that belongs to them.
async fn in_memory(file: &mut SqliteConnection) -> Result<SqliteConnection, LookError> {
    let failed = |source| LookError::new("make the tables anew in memory", source);
    // As both programs: nothing is enforced that they do not ask for.
    let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(false);
    let mut copy = options.disable_statement_logging().connect().await.map_err(failed)?;
    for row in sqlx::query(FILE).fetch_all(file).await.map_err(failed)? {
        let (table, sql): (String, String) =
            (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
        let made = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut copy).await;
        // Other tables may need what only their program brings.
        if tables::ALL.iter().any(|ours| ours.name == table) {
            made.map_err(failed)?;
        }
    }
    Ok(copy)
}

#[cfg(test)]
mod tests;
