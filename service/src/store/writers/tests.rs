//! What shares a transaction, what of it lasts, and who is told when.

use std::future::Future;
use std::path::Path;

use futures::future::join_all;

use super::*;
use crate::store::open::{Location, Place};
use crate::store::{Store, Writing};
use crate::testing::{TestApp, until};

/// Writes a lease whose duty has this name.
async fn note(writing: &mut Writing, name: &str) {
    let sql = format!("INSERT INTO agent_service_leases (duty) VALUES ('{name}')");
    writing.statement(&sql).await.unwrap();
}

/// Writes a lease and commits it.
async fn put(store: Store, name: String) {
    let mut writing = store.write().await.unwrap();
    note(&mut writing, &name).await;
    writing.commit().await.unwrap();
}

/// The names that were written, sorted, as another process sees them.
async fn noted(database: &Location) -> Vec<String> {
    let store = Store::open(database).await.unwrap();
    let sql = "SELECT duty FROM agent_service_leases ORDER BY duty";
    let rows = store.figures("list leases", sql, Vec::new()).await.unwrap();
    store.close().await;
    rows.into_iter().flatten().map(|cell| cell.text().unwrap()).collect()
}

fn file_of(test: &TestApp) -> &Path {
    let Place::File { path, .. } = &test.app.config.database.place else { panic!("is a server") };
    path
}

/// How many transactions have changed the file: a number in its header (sqlite.org/fileformat.html, 1.3.6).
fn changes(path: &Path) -> u32 {
    let file = std::fs::read(path).unwrap();
    u32::from_be_bytes(file[24..28].try_into().unwrap())
}

/// Begins, in a task, what waits for its turn; returns once it queues.
async fn queue<T: Send + 'static>(
    test: &TestApp,
    task: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    let queued = Arc::strong_count(&test.app.store.writers.front);
    let task = tokio::spawn(task);
    // Whoever queues has a handle of the queue.
    until("the next one queues", || async {
        Arc::strong_count(&test.app.store.writers.front) > queued
    })
    .await;
    task
}

#[tokio::test]
async fn those_that_queue_are_committed_together() {
    let test = TestApp::on_file().await;
    let store = &test.app.store;
    let first = store.write().await.unwrap();
    let mut queued = Vec::new();
    for number in 0..10 {
        queued.push(queue(&test, put(store.clone(), format!("n{number}"))).await);
    }
    let before = changes(file_of(&test));
    drop(first);
    for task in queued {
        task.await.unwrap();
    }
    assert_eq!(noted(&test.app.config.database).await.len(), 10);
    let transactions = changes(file_of(&test)) - before;
    // Few, and not one: those that took longer than a transaction may go on share the next.
    assert!((1..10).contains(&transactions), "{transactions}");
}

#[tokio::test]
async fn one_that_fails_takes_back_its_own_writes_only() {
    const WRITERS: usize = 5;
    for failing in 0..WRITERS {
        let test = TestApp::new().await;
        let store = &test.app.store;
        let first = store.write().await.unwrap();
        let mut queued = Vec::new();
        for number in 0..WRITERS {
            let store = store.clone();
            let task = async move {
                let mut writing = store.write().await.unwrap();
                note(&mut writing, &format!("n{number}")).await;
                note(&mut writing, &format!("n{number}, too")).await;
                if number != failing {
                    writing.commit().await.unwrap();
                }
            };
            queued.push(queue(&test, task).await);
        }
        drop(first);
        for task in queued {
            task.await.unwrap();
        }
        let expected: Vec<String> = (0..WRITERS)
            .filter(|number| *number != failing)
            .flat_map(|number| [format!("n{number}"), format!("n{number}, too")])
            .collect();
        assert_eq!(noted(&test.app.config.database).await, expected, "{failing} failed");
    }
}

#[tokio::test]
async fn nobody_is_told_and_nothing_lasts_before_the_commit() {
    let test = TestApp::on_file().await;
    let store = test.app.store.clone();
    let path = file_of(&test);
    let first = store.write().await.unwrap();
    let next = queue(&test, put(store.clone(), "one".to_owned())).await;
    let after = {
        let store = store.clone();
        queue(&test, async move { store.write().await.unwrap() }).await
    };
    drop(first);
    let other = after.await.unwrap();
    // What a crash would leave now: the file, and the journal by which the next to open it rolls back.
    let crashed = tempfile::tempdir().unwrap();
    let copy = crashed.path().join("c.db");
    std::fs::copy(path, &copy).unwrap();
    let journal = |path: &Path| format!("{}-journal", path.display());
    if Path::new(&journal(path)).exists() {
        std::fs::copy(journal(path), journal(&copy)).unwrap();
    }
    let told = next.is_finished();
    drop(other);
    next.await.unwrap();
    let place = Place::File { path: copy, create: false };
    let left = Location { place, ..test.app.config.database.clone() };
    let lasting = noted(&left).await;
    assert_eq!(told, lasting == ["one"], "told: {told}, lasting: {lasting:?}");
    assert_eq!(noted(&test.app.config.database).await, ["one"]);
}

#[tokio::test]
async fn who_goes_away_leaves_the_others_alone() {
    let test = TestApp::new().await;
    let store = &test.app.store;
    let first = store.write().await.unwrap();
    let mut queued = Vec::new();
    for number in 0..9 {
        queued.push(queue(&test, put(store.clone(), format!("n{number}"))).await);
    }
    // Some while they queue, some at whatever they do then.
    queued[0].abort();
    queued[4].abort();
    drop(first);
    queued[7].abort();
    let ended = join_all(queued).await;
    let good = ended.iter().zip(0..).filter(|(ended, _)| ended.is_ok());
    let good: Vec<String> = good.map(|(_, number)| format!("n{number}")).collect();
    put(store.clone(), "last".to_owned()).await;
    let noted = noted(&test.app.config.database).await;
    assert!(good.iter().all(|name| noted.contains(name)), "{good:?} {noted:?}");
    assert!(noted.contains(&"last".to_owned()));
}

#[tokio::test]
async fn a_full_disk_is_told_to_all_and_leaves_no_broken_connection() {
    let test = TestApp::on_file().await;
    let store = &test.app.store;
    for number in 0..20 {
        let first = store.write().await.unwrap();
        let name = format!("n{number:02}");
        let one = {
            let (store, name) = (store.clone(), name.clone());
            queue(&test, async move {
                let mut writing = store.write().await.unwrap();
                note(&mut writing, &name).await;
                writing.commit().await
            })
            .await
        };
        let greedy = {
            let store = store.clone();
            queue(&test, async move {
                let mut writing = store.write().await.unwrap();
                writing.statement("PRAGMA max_page_count = 1").await.unwrap();
                let sql = "INSERT INTO agent_service_leases (duty) VALUES (hex(zeroblob(1000000)))";
                let error = writing.statement(sql).await.unwrap_err();
                writing.statement("PRAGMA max_page_count = 1000000").await.unwrap();
                error.to_string()
            })
            .await
        };
        drop(first);
        let told = one.await.unwrap();
        assert_eq!(greedy.await.unwrap(), "could not run a statement");
        let lasts = noted(&test.app.config.database).await.contains(&name);
        assert_eq!(told.is_ok(), lasts, "{told:?}");
    }
    put(store.clone(), "last".to_owned()).await;
}

#[tokio::test]
async fn a_rehearsal_waits_for_the_commit_and_shares_nothing() {
    let lock = ("REHEARSAL_LOCK_TIMEOUT_MS", "1000");
    let test = TestApp::with(&[lock, ("REHEARSAL_TRANSACTION_TIMEOUT_MS", "1000")]).await;
    let store = test.app.store.clone();
    let first = store.write().await.unwrap();
    let one = queue(&test, put(store.clone(), "one".to_owned())).await;
    let rehearsal = store.rehearse();
    let rehearsed = rehearsal.store();
    let rehearsing = queue(&test, async move {
        let done = rehearsal.run(async {
            let mut writing = rehearsed.write().await.unwrap();
            note(&mut writing, "rehearsed").await;
            writing.commit().await.unwrap();
        });
        done.await
    })
    .await;
    let two = queue(&test, put(store.clone(), "two".to_owned())).await;
    drop(first);
    one.await.unwrap();
    assert_eq!(rehearsing.await.unwrap(), Ok(()));
    two.await.unwrap();
    assert_eq!(noted(&test.app.config.database).await, ["one", "two"]);
}

#[tokio::test]
async fn who_comes_too_late_begins_another_transaction() {
    let test = TestApp::new().await;
    let store = test.app.store.clone();
    let first = store.write().await.unwrap();
    let one = queue(&test, put(store.clone(), "one".to_owned())).await;
    let slow = {
        let store = store.clone();
        queue(&test, async move {
            let _writing = store.write().await.unwrap();
            sleep(LONGEST).await;
        })
        .await
    };
    let late = queue(&test, async move { store.write().await.unwrap() }).await;
    drop(first);
    slow.await.unwrap();
    let late = late.await.unwrap();
    // What was written before is committed, though the last one has not finished.
    until("the first is told", || async { one.is_finished() }).await;
    assert_eq!(noted(&test.app.config.database).await, ["one"]);
    drop(late);
}
