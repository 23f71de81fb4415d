//! Copies a PostgreSQL database: as a template where nobody is connected to it, else by a dump of one snapshot.

use std::io::Read as _;
use std::process::Stdio;

use chrono::Utc;

use super::place::Server;
use super::stale::{MAX_COUNTED, Staleness, TableCount};
use super::tools::{last_words, literal, missing, psql, quoted, tool};
use super::{Copied, Method};
use crate::failure::Failure;
use crate::output::Progress;

/// Every server has it; databases are made and renamed from there.
const MAINTENANCE: &str = "postgres";

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
) -> Result<Copied, Failure> {
    remove_leftovers(to)?;
    let temporary = format!("{}{}", temporary_prefix(to), std::process::id());
    let copied = fill(from, to, &temporary, progress).and_then(|(method, snapshot_at)| {
        let counts = counts(from, to, &temporary)?;
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
    copied
}

fn fill(
    from: &Server,
    to: &Server,
    temporary: &str,
    progress: &Progress,
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
    }
    progress.say("cloning: pg_dump into pg_restore");
    let create = format!("CREATE DATABASE {} TEMPLATE template0", quoted(temporary));
    psql(to, MAINTENANCE, &[&create])?;
    let snapshot_at = Utc::now();
    pipe(from, to, temporary)?;
    Ok((Method::PostgresDump, snapshot_at))
}

/// `pg_dump` into `pg_restore`. One dump is one snapshot, however long it takes, and locks out no writer.
fn pipe(from: &Server, to: &Server, temporary: &str) -> Result<(), Failure> {
    let mut dump = tool("pg_dump", from, &from.database);
    dump.args(["--format=custom", "--no-owner", "--no-privileges", "--compress=0"]);
    let mut dump = dump
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|problem| missing("pg_dump", &problem))?;
    let mut restore = tool("pg_restore", to, temporary);
    restore.args(["--no-owner", "--no-privileges", "--exit-on-error"]);
    if let Some(dumped) = dump.stdout.take() {
        restore.stdin(dumped);
    }
    let restored = restore.output();
    let mut words = Vec::new();
    if let Some(mut stderr) = dump.stderr.take() {
        // What can't be read is not shown; the exit status decides.
        let _shorter = stderr.read_to_end(&mut words);
    }
    let dumped = dump.wait().map_err(|problem| missing("pg_dump", &problem))?;
    let restored = restored.map_err(|problem| missing("pg_restore", &problem))?;
    let help = "the tools must be of the server's version or newer; nothing was left of the clone";
    let said = |who: &str, words: &[u8]| Failure::Other {
        message: format!("{who} failed: {}", last_words(words)),
        help: help.to_owned(),
    };
    if !dumped.success() && !words.is_empty() {
        return Err(said("pg_dump", &words));
    }
    if !restored.status.success() || !dumped.success() {
        return Err(said("pg_restore", &restored.stderr));
    }
    Ok(())
}

fn counts(from: &Server, to: &Server, clone: &str) -> Result<Vec<TableCount>, Failure> {
    let list = "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables \
                WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";
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
