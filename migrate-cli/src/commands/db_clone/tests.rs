//! Clones of real files, with real writers beside them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use crate::exit_code::Exit;
use crate::testing::Folder;

/// A database of some megabytes with two tables that grow together.
fn source(path: &Path, mode: &str) -> Connection {
    let database = Connection::open(path).unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    database
        .execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE a (id TEXT PRIMARY KEY, text TEXT); CREATE TABLE b (a TEXT);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO a SELECT 'old-' || i, hex(randomblob(400)) FROM n;
             INSERT INTO b SELECT id FROM a;"
        ))
        .unwrap();
    database
}

fn count(path: &Path, sql: &str) -> i64 {
    Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn urls(folder: &Folder) -> (std::path::PathBuf, std::path::PathBuf, Vec<String>) {
    let place = folder.path().parent().unwrap().to_owned();
    let (from, to) = (place.join("shared.db"), place.join("twin.db"));
    let words = ["db", "clone", "--from"].map(str::to_owned).into_iter();
    let words = words.chain([
        format!("sqlite://{}", from.display()),
        "--to".to_owned(),
        format!("sqlite://{}", to.display()),
    ]);
    (from, to, words.collect())
}

fn with<'a>(words: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    words.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

/// Names of everything in the folder but the table and its companions.
fn files(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("routes.toml"));
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_is_consistent_while_the_source_is_written_and_no_write_fails() {
    for mode in ["wal", "delete"] {
        let folder = Folder::with_proxies(&[]);
        let (from, to, words) = urls(&folder);
        drop(source(&from, mode));
        let (stop, writes) = (AtomicBool::new(false), AtomicU64::new(0));
        let write = || {
            let mut writer = Connection::open(&from).unwrap();
            writer.busy_timeout(Duration::from_secs(5)).unwrap();
            while !stop.load(Ordering::Relaxed) {
                let number = writes.fetch_add(1, Ordering::Relaxed);
                let transaction = writer.transaction().unwrap();
                let id = format!("new-{number}");
                transaction.execute("INSERT INTO a VALUES (?1, 'x')", [&id]).unwrap();
                transaction.execute("INSERT INTO b VALUES (?1)", [&id]).unwrap();
                transaction.commit().unwrap();
                // Leaves the file to others, as any program does between two writes.
                std::thread::park_timeout(Duration::from_millis(1));
            }
        };
        let (exit, report) = std::thread::scope(|scope| {
            let writing = scope.spawn(write);
            while writes.load(Ordering::Relaxed) < 5 {
                std::thread::yield_now();
            }
            let ran = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(folder.json(&with(&words, &[])))
            });
            stop.store(true, Ordering::Relaxed);
            writing.join().unwrap();
            ran
        });
        assert_eq!(exit, Exit::Done, "{mode}: {report}");
        assert_eq!(
            (&report["result"], &report["method"]),
            (&"done".into(), &"sqlite-backup".into())
        );
        assert_eq!(
            count(&to, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
            0
        );
        let rows = count(&to, "SELECT count(*) FROM a");
        assert_eq!(rows, count(&to, "SELECT count(*) FROM b"), "{mode}: half a transaction");
        assert!(rows >= 3004, "{mode}: {rows}");
        let staleness = &report["staleness"];
        assert_eq!(staleness["tables"], 2, "{report}");
        if let Some(found) = staleness["differing"].as_array().unwrap().first() {
            assert_eq!((&found["table"], &found["clone"]), (&"a".into(), &rows.into()));
            assert_eq!(staleness["source_changed"], true);
        }
    }
}

#[tokio::test]
async fn a_quiet_source_is_said_to_be_quiet() {
    let folder = Folder::with_proxies(&[]);
    let (from, _, words) = urls(&folder);
    drop(source(&from, "delete"));
    let ran = folder.run(&with(&words, &[])).await;
    assert!(ran.out.contains("cloned:") && ran.out.contains("snapshot of "), "{}", ran.out);
    assert!(ran.out.contains("nothing was written to the source"), "{}", ran.out);
    assert_eq!(files(&from), ["shared.db", "twin.db"]);
}

#[tokio::test]
async fn what_is_there_is_replaced_only_when_forced_and_unused() {
    let folder = Folder::with_proxies(&[]);
    let (from, to, words) = urls(&folder);
    drop(source(&from, "delete"));
    let planned = folder.json(&with(&words, &["--dry-run"])).await;
    assert_eq!((planned.0, &planned.1["replaces"]), (Exit::Done, &false.into()));
    assert!(!to.exists());

    let other = Connection::open(&to).unwrap();
    other
        .execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE other (id); INSERT INTO other VALUES (1);",
        )
        .unwrap();
    let refused = folder.run(&with(&words, &[])).await;
    assert_eq!(refused.exit, Exit::Refused);
    assert!(
        refused.err.contains("exists already") && refused.err.contains("--force"),
        "{}",
        refused.err
    );
    let in_use = folder.run(&with(&words, &["--force"])).await;
    assert_eq!(in_use.exit, Exit::Refused, "{}", in_use.err);
    assert!(
        in_use.err.contains("is in use") && in_use.err.contains("stop the new backend"),
        "{}",
        in_use.err
    );
    assert_eq!(count(&to, "SELECT count(*) FROM other"), 1);
    drop(other);

    let (exit, report) = folder.json(&with(&words, &["--force"])).await;
    assert_eq!(exit, Exit::Done, "{report}");
    assert_eq!(count(&to, "SELECT count(*) FROM a"), 3000);
    assert_eq!(files(&from), ["shared.db", "twin.db"]);
}

#[tokio::test]
async fn what_a_killed_command_left_goes_at_the_next_run() {
    let folder = Folder::with_proxies(&[]);
    let (from, to, words) = urls(&folder);
    drop(source(&from, "delete"));
    // No process can have the highest number that the kernel never gives.
    let leftovers = [".twin.db.cloning-2147483647", ".twin.db.cloning-2147483647-journal"];
    for leftover in leftovers {
        std::fs::write(to.with_file_name(leftover), "half").unwrap();
    }
    let mine = format!(".other.db.cloning-{}", std::process::id());
    std::fs::write(to.with_file_name(&mine), "not this clone's").unwrap();
    assert_eq!(folder.run(&with(&words, &[])).await.exit, Exit::Done);
    assert_eq!(files(&from), [mine.as_str(), "shared.db", "twin.db"]);
}

#[tokio::test]
async fn what_can_not_be_cloned_is_refused_by_name() {
    let folder = Folder::with_proxies(&[]);
    let (from, to, words) = urls(&folder);
    let none = folder.run(&with(&words, &[])).await;
    assert_eq!(none.exit, Exit::Usage);
    assert!(none.err.contains("there is no database"), "{}", none.err);
    std::fs::write(&from, "no database at all, but long enough to be looked at by anybody")
        .unwrap();
    let text = folder.run(&with(&words, &[])).await;
    assert_eq!(text.exit, Exit::Failed);
    assert!(text.err.contains("could not be copied: file is not a database"), "{}", text.err);
    assert!(!to.exists());
    assert_eq!(files(&from), ["shared.db"]);
    let same =
        folder.run(&["db", "clone", "--from", words[3].as_str(), "--to", words[3].as_str()]).await;
    assert!(same.err.contains("onto itself"), "{}", same.err);
    let mixed =
        folder.run(&["db", "clone", "--from", words[3].as_str(), "--to", "postgres://a@b/c"]).await;
    assert!(mixed.err.contains("same kind"), "{}", mixed.err);
}
