//! Copies an SQLite file by the backup API, so that the old backend is never locked out.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::Utc;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::stale::{MAX_COUNTED, Staleness, TableCount};
use super::{Copied, Method, Stop};
use crate::failure::Failure;
use crate::output::Progress;

/// Pages of the first steps: 1 MiB at the usual size, some milliseconds of a shared lock.
const FIRST_STEP: i32 = 256;
/// Between two steps the source belongs to its writers.
const PAUSE: Duration = Duration::from_millis(5);
/// Longest wait for a source that others hold locked.
const PATIENCE: Duration = Duration::from_secs(30);

/// Refuses what can't be copied; whether there is something at the clone's path.
pub(super) fn check(from: &Path, to: &Path) -> Result<bool, Failure> {
    let usage = |message: String, help: &str| Failure::Usage { message, help: help.to_owned() };
    if !from.is_file() {
        let message = format!("there is no database {}", from.display());
        return Err(usage(message, "give the file that the old backend writes"));
    }
    let same = to.canonicalize().ok().zip(from.canonicalize().ok());
    if same.is_some_and(|(to, from)| to == from) {
        return Err(usage(
            "a database can't be cloned onto itself".to_owned(),
            "name another file",
        ));
    }
    if !folder_of(to).is_dir() {
        let message = format!("there is no folder {}", folder_of(to).display());
        return Err(usage(message, "create it, or name another place for the clone"));
    }
    if to.is_dir() {
        let message = format!("{} is a folder", to.display());
        return Err(usage(message, "name the file inside it"));
    }
    Ok(to.exists())
}

/// Copies `from` to `to`.
pub(super) fn copy(
    from: &Path,
    to: &Path,
    replaces: bool,
    progress: &Progress,
    stop: &Stop,
) -> Result<Copied, Failure> {
    remove_leftovers(to);
    let temporary = temporary_name(to, std::process::id());
    let copied = copy_to(from, &temporary, progress, stop)
        .map_err(|problem| stop.check().err().unwrap_or_else(|| failed(from, &problem)))
        .and_then(|copied| {
            stop.check()?;
            put_in_place(&temporary, to, replaces)?;
            Ok(copied)
        });
    if copied.is_err() {
        remove_with_companions(&temporary);
    }
    copied
}

fn copy_to(
    from: &Path,
    temporary: &Path,
    progress: &Progress,
    stop: &Stop,
) -> Result<Copied, rusqlite::Error> {
    let source = open_source(from)?;
    let monitor = open_source(from)?;
    let mode: String = source.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    let page_size = pragma(&source, "page_size")?;
    let mut clone = Connection::open(temporary)?;
    if mode == "wal" {
        // One snapshot for the whole copy: writers go on beside it.
        source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")?;
    }
    let mut snapshot_at = Utc::now();
    let mut version = data_version(&monitor)?;
    let mut restarts = 0;
    {
        let backup = Backup::new(&source, &mut clone)?;
        let (mut pages, mut remaining) = (FIRST_STEP, i32::MAX);
        let mut patience = Instant::now();
        loop {
            if stop.is_asked() {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT),
                    None,
                ));
            }
            if mode != "wal" {
                (snapshot_at, version) = (Utc::now(), data_version(&monitor)?);
            }
            let step = backup.step(pages)?;
            let now = backup.progress();
            match step {
                StepResult::Done => break,
                StepResult::More => {
                    if now.remaining >= remaining {
                        // A write came in between. Longer steps, so that the copy ends however busy the source is.
                        restarts += 1;
                        pages = pages.saturating_mul(4);
                    }
                    remaining = now.remaining;
                    patience = Instant::now();
                }
                _ if patience.elapsed() > PATIENCE => return Err(busy()),
                _ => {}
            }
            let bytes = |pages: i32| u64::from(pages.max(0).unsigned_abs()) * page_size;
            progress.at(bytes(now.pagecount.saturating_sub(now.remaining)), bytes(now.pagecount));
            std::thread::sleep(PAUSE);
        }
    }
    let (pages, size): (u64, u64) = (pragma(&clone, "page_count")?, pragma(&clone, "page_size")?);
    if mode == "wal" {
        source.execute_batch("COMMIT")?;
    }
    let changed = data_version(&monitor)? != version;
    let staleness = Staleness::new(snapshot_at, Some(changed), counts(&monitor, &clone)?);
    Ok(Copied {
        method: Method::SqliteBackup,
        bytes: pages.saturating_mul(size),
        restarts,
        snapshot_at,
        staleness,
    })
}

fn open_source(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(path, flags)?;
    source.busy_timeout(Duration::from_secs(2))?;
    Ok(source)
}

/// Another number after any other connection's commit.
fn data_version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0))
}

fn pragma(connection: &Connection, name: &str) -> Result<u64, rusqlite::Error> {
    connection
        .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
}

fn busy() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    rusqlite::Error::SqliteFailure(code, Some("it is locked all the time".to_owned()))
}

fn counts(source: &Connection, clone: &Connection) -> Result<Vec<TableCount>, rusqlite::Error> {
    let mut tables = clone.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let tables = tables.query_map([], |row| row.get::<_, String>(0))?;
    tables
        .map(|table| {
            let table = table?;
            let quoted = table.replace('"', "\"\"");
            let limit = MAX_COUNTED + 1;
            let sql = format!("SELECT count(*) FROM (SELECT 1 FROM \"{quoted}\" LIMIT {limit})");
            // A table that is gone by now has no rows.
            let count = |connection: &Connection| {
                connection
                    .query_row(&sql, [], |row| row.get::<_, i64>(0))
                    .map_or(0, i64::unsigned_abs)
            };
            Ok(TableCount { source: count(source), clone: count(clone), table })
        })
        .collect()
}

/// Renames the whole copy to its name, durably.
fn put_in_place(temporary: &Path, to: &Path, replaces: bool) -> Result<(), Failure> {
    let io = |doing: &str, problem: std::io::Error| Failure::Other {
        message: format!("the clone {} could not be {doing}: {problem}", to.display()),
        help: "see that this user may write there, then run the command again".to_owned(),
    };
    File::open(temporary)
        .and_then(|file| file.sync_all())
        .map_err(|problem| io("written out", problem))?;
    if replaces {
        retire(to)?;
        fs::rename(temporary, to).map_err(|problem| io("replaced", problem))?;
    } else {
        // A link refuses where a rename would replace what came meanwhile.
        fs::hard_link(temporary, to).map_err(|problem| io("put in place", problem))?;
        fs::remove_file(temporary).map_err(|problem| io("put in place", problem))?;
    }
    remove_companions(temporary);
    File::open(folder_of(to))
        .and_then(|folder| folder.sync_all())
        .map_err(|problem| io("put in place", problem))
}

/// Makes sure that nobody uses the clone that goes, and that no journal of it stays beside the new one.
fn retire(to: &Path) -> Result<(), Failure> {
    let closed = Connection::open(to).and_then(|old| {
        old.busy_timeout(Duration::from_secs(1))?;
        old.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; COMMIT;")
    });
    match closed {
        Err(rusqlite::Error::SqliteFailure(error, _))
            if matches!(
                error.code,
                rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked
            ) =>
        {
            Err(Failure::Refused {
                message: format!("the clone {} is in use; it was not replaced", to.display()),
                help: "stop the new backend, then run the command again".to_owned(),
            })
        }
        // What is no database any more may be replaced as well.
        _ => {
            remove_companions(to);
            Ok(())
        }
    }
}

fn failed(from: &Path, problem: &rusqlite::Error) -> Failure {
    Failure::Other {
        message: format!("{} could not be copied: {problem}", from.display()),
        help: "see that it is an SQLite database that this user may read, and that the clone's disk has room for it"
            .to_owned(),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// `.twin.db.cloning-4711` beside `twin.db`.
fn temporary_name(to: &Path, pid: u32) -> PathBuf {
    to.with_file_name(format!("{}{pid}", temporary_prefix(to)))
}

fn temporary_prefix(to: &Path) -> String {
    format!(".{}.cloning-", to.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what commands that died have left.
fn remove_leftovers(to: &Path) {
    let prefix = temporary_prefix(to);
    let Ok(entries) = fs::read_dir(folder_of(to)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(&prefix)) else {
            continue;
        };
        let pid = rest.split('-').next().and_then(|pid| pid.parse().ok());
        let pid = pid.and_then(rustix::process::Pid::from_raw);
        let is_alive = pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok());
        if !is_alive {
            // Another command may be removing it as well.
            let _gone_anyway = fs::remove_file(entry.path());
        }
    }
}

fn remove_with_companions(path: &Path) {
    let _may_not_exist = fs::remove_file(path);
    remove_companions(path);
}

fn remove_companions(path: &Path) {
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let _may_not_exist = fs::remove_file(name);
    }
}
