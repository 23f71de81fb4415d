//! Copies a PostgreSQL database: as a template where nobody is connected to it, else by a dump of one snapshot.

use chrono::Utc;
use routes::twin_log;

use super::pipe::pipe;
use super::stale::{MAX_COUNTED, Staleness, TableCount};
use super::{Copied, Method, Stop};
use crate::commands::db::place::Server;
use crate::commands::db::tools::{literal, psql, quoted};
use crate::failure::Failure;
use crate::output::Progress;

/// Every server has it; databases are made and renamed from there.
const MAINTENANCE: &str = "postgres";

/// About as many bytes as a dump has: what it leaves out of the tables it mostly adds by being text. As the statistics have
/// it, because to measure a table is to wait for whoever has it locked.
const EXPECTED: &str = "SELECT coalesce(nullif(sum(greatest(relpages, 0))::bigint * current_setting('block_size')::bigint, 0), \
    pg_database_size(current_database())) FROM pg_class WHERE relkind IN ('r', 't') AND oid >= 16384";

/// Refuses what can't be copied; whether there is a database of the clone's name.
pub(super) fn check(from: &Server, to: &Server) -> Result<bool, Failure> {
    if from.is_same_server(to) && from.database == to.database {
        return Err(Failure::Usage {
            message: "a database can't be cloned onto itself".to_owned(),
            help: "name another database".to_owned(),
        });
    }
    // An early, clear word about a source that is not there.
    psql(from, &from.database, &["SELECT 1"])?;
    exists(to, &to.database)
}

fn exists(server: &Server, database: &str) -> Result<bool, Failure> {
    let sql = format!("SELECT 1 FROM pg_database WHERE datname = {}", literal(database));
    psql(server, MAINTENANCE, &[&sql]).map(|found| !found.is_empty())
}

/// Copies `from` to `to`.
pub(super) fn copy(
    from: &Server,
    to: &Server,
    replaces: bool,
    progress: &Progress,
    stop: &Stop,
) -> Result<Copied, Failure> {
    remove_leftovers(to)?;
    let temporary = format!("{}{}", temporary_prefix(to), std::process::id());
    let copied = fill(from, to, &temporary, progress, stop).and_then(|(method, snapshot_at)| {
        let counts = counts(from, to, &temporary)?;
        progress.say("cloning: making the log of changes");
        psql(to, &temporary, &[twin_log::INSTALL])?;
        stop.check()?;
        let size = format!("SELECT pg_database_size({})", literal(&temporary));
        let bytes = psql(to, MAINTENANCE, &[&size])?.parse().unwrap_or(0);
        put_in_place(to, &temporary, replaces)?;
        let changed = counts.iter().any(|count| count.source != count.clone).then_some(true);
        let staleness = Staleness::new(snapshot_at, changed, counts);
        Ok(Copied { method, bytes, restarts: 0, snapshot_at, staleness })
    });
    if copied.is_err() {
        drop_database(to, &temporary);
    }
    // A signal of the terminal's reaches the tools as well: what they complain of then is not why.
    copied.map_err(|failure| stop.check().err().unwrap_or(failure))
}

fn fill(
    from: &Server,
    to: &Server,
    temporary: &str,
    progress: &Progress,
    stop: &Stop,
) -> Result<(Method, chrono::DateTime<Utc>), Failure> {
    let snapshot_at = Utc::now();
    if from.is_same_server(to) {
        progress.say("cloning: as a template");
        let sql =
            format!("CREATE DATABASE {} TEMPLATE {}", quoted(temporary), quoted(&from.database));
        // It fails where somebody is connected to the source, which is the usual case: then by a dump.
        if psql(to, MAINTENANCE, &[&sql]).is_ok() {
            return Ok((Method::PostgresTemplate, snapshot_at));
        }
        stop.check()?;
    }
    progress.say("cloning: pg_dump into pg_restore");
    let expected = psql(from, &from.database, &[EXPECTED])?.parse().unwrap_or(0);
    let create = format!("CREATE DATABASE {} TEMPLATE template0", quoted(temporary));
    psql(to, MAINTENANCE, &[&create])?;
    let snapshot_at = Utc::now();
    pipe(from, to, temporary, |done| progress.at(done, expected), stop)?;
    Ok((Method::PostgresDump, snapshot_at))
}

fn counts(from: &Server, to: &Server, clone: &str) -> Result<Vec<TableCount>, Failure> {
    let list = "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables \
                WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'strangler_twin') ORDER BY 1";
    let tables = psql(to, clone, &[list])?;
    let count = |table: &str| {
        format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {}) AS counted", MAX_COUNTED + 1)
    };
    let tables: Vec<&str> = tables.lines().filter(|table| !table.is_empty()).collect();
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<String> = tables.iter().map(|table| count(table)).collect();
    let all = all.join(" UNION ALL ");
    let numbers = |text: String| -> Vec<u64> {
        text.lines().map(|line| line.trim().parse().unwrap_or(0)).collect()
    };
    let clone = numbers(psql(to, clone, &[&all])?);
    // A table that is gone by now makes the whole question fail; then nothing is known of the source.
    let source = psql(from, &from.database, &[&all]).map_or_else(|_gone| clone.clone(), numbers);
    let rows = tables.iter().zip(source).zip(clone);
    Ok(rows
        .map(|((table, source), clone)| TableCount { table: (*table).to_owned(), source, clone })
        .collect())
}

fn put_in_place(to: &Server, temporary: &str, replaces: bool) -> Result<(), Failure> {
    let take = format!("ALTER DATABASE {} RENAME TO {}", quoted(temporary), quoted(&to.database));
    if !replaces {
        return psql(to, MAINTENANCE, &[&take]).map(drop);
    }
    let retired = format!("{}{}-old", temporary_prefix(to), std::process::id());
    let away = format!("ALTER DATABASE {} RENAME TO {}", quoted(&to.database), quoted(&retired));
    psql(to, MAINTENANCE, &[&away, &take]).map_err(|failure| Failure::Refused {
        message: format!("{to} could not be replaced: {failure}"),
        help: "stop the new backend, so that nobody is connected to its database, then run the command again"
            .to_owned(),
    })?;
    drop_database(to, &retired);
    Ok(())
}

fn temporary_prefix(to: &Server) -> String {
    format!("{}-cloning-", to.database)
}

/// Removes what commands that died have left; one that still runs is connected to its own.
fn remove_leftovers(to: &Server) -> Result<(), Failure> {
    let prefix = literal(&temporary_prefix(to));
    let sql = format!(
        "SELECT datname FROM pg_database WHERE starts_with(datname, {prefix}) AND NOT EXISTS \
         (SELECT 1 FROM pg_stat_activity AS used WHERE used.datname = pg_database.datname)"
    );
    for leftover in psql(to, MAINTENANCE, &[&sql])?.lines().filter(|name| !name.is_empty()) {
        drop_database(to, leftover);
    }
    Ok(())
}

fn drop_database(server: &Server, database: &str) {
    let sql = format!("DROP DATABASE IF EXISTS {}", quoted(database));
    // What can't be dropped now is a leftover for the next run.
    let _later = psql(server, MAINTENANCE, &[&sql]);
}
