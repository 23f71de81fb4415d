//! What a rehearsal sees, leaves behind, and does to others.

use std::future::pending;

use super::*;
use crate::store::open::Place;
use crate::tables::agents::Workflow;
use crate::testing::TestApp;

const INSERT: &str = "INSERT INTO ai_agent_workflows SELECT * FROM (SELECT 'agent_new' AS id, one.* FROM \
    (SELECT owner_id, name, description, steps, dependencies, max_execution_time, max_cost_budget, \
    requires_verification, verification_level, tags, version, is_public, created_at, updated_at \
    FROM ai_agent_workflows LIMIT 1) AS one) AS new";

const FOR_EVER: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
    UPDATE ai_agent_workflows SET name = (SELECT CAST(max(i) AS VARCHAR) FROM n)";

async fn patient(transaction: &str) -> TestApp {
    let lock = ("REHEARSAL_LOCK_TIMEOUT_MS", "1000");
    let test = TestApp::with(&[lock, ("REHEARSAL_TRANSACTION_TIMEOUT_MS", transaction)]).await;
    test.workflow(&[]).await;
    test
}

/// With a second for both.
async fn patient_on_file() -> TestApp {
    let lock = ("REHEARSAL_LOCK_TIMEOUT_MS", "1000");
    let test = TestApp::on_file_with(&[lock, ("REHEARSAL_TRANSACTION_TIMEOUT_MS", "1000")]).await;
    test.workflow(&[]).await;
    test
}

async fn find(store: &Store, id: &str) -> Option<Workflow> {
    store.workflow_find(id).await.unwrap()
}

/// Another process could write at once.
async fn nobody_waits(test: &TestApp) {
    let other = Store::open(&test.app.config.database).await.unwrap();
    other.write().await.unwrap().commit().await.unwrap();
    other.close().await;
}

#[tokio::test]
async fn what_it_wrote_it_sees_until_its_end_and_nobody_else_ever_does() {
    let test = patient("1000").await;
    let before = test.app.store.dump().await;
    let rehearsal = test.app.store.rehearse();
    let store = rehearsal.store();
    let kept = store.clone();
    let real = &test.app.store;
    let seen = rehearsal.run(async {
        let mut writing = store.write().await.unwrap();
        writing.statement(INSERT).await.unwrap();
        // Not committed yet: reads go past it, as ever.
        assert!(find(&store, "agent_new").await.is_none());
        writing.commit().await.unwrap();
        assert!(find(real, "agent_new").await.is_none());
        find(&store, "agent_new").await.map(|workflow| workflow.id)
    });
    assert_eq!(seen.await, Ok(Some("agent_new".to_owned())));
    assert_eq!(test.app.store.dump().await, before);
    // Whoever kept the store can do no harm with it.
    assert_eq!(kept.write().await.unwrap_err().given_up(), Some(GivenUp::Over));
    assert!(find(&kept, "agent_new").await.is_none());
    nobody_waits(&test).await;
}

#[tokio::test]
async fn what_is_not_committed_in_it_is_not_seen_by_the_rest_of_it() {
    let test = patient("1000").await;
    let before = test.app.store.dump().await;
    let rehearsal = test.app.store.rehearse();
    let store = rehearsal.store();
    let done = rehearsal.run(async {
        let mut first = store.write().await.unwrap();
        first.statement("UPDATE ai_agent_workflows SET name = 'first'").await.unwrap();
        first.commit().await.unwrap();
        let mut second = store.write().await.unwrap();
        second.statement(INSERT).await.unwrap();
        drop(second);
        assert!(find(&store, "agent_new").await.is_none());
        let mut third = store.write().await.unwrap();
        assert_eq!(
            third.statement("DELETE FROM ai_agent_workflows WHERE name = 'first'").await.unwrap(),
            1
        );
    });
    assert_eq!(done.await, Ok(()));
    assert_eq!(test.app.store.dump().await, before);
    nobody_waits(&test).await;
}

#[tokio::test]
async fn who_idles_in_it_is_cut_off() {
    let test = patient("20").await;
    let before = test.app.store.dump().await;
    let rehearsal = test.app.store.rehearse();
    let store = rehearsal.store();
    let done = rehearsal.run(async {
        let mut writing = store.write().await.unwrap();
        writing.statement(INSERT).await.unwrap();
        pending::<()>().await;
    });
    assert_eq!(done.await, Err(GivenUp::TooLong));
    nobody_waits(&test).await;
    assert_eq!(test.app.store.dump().await, before);
}

#[tokio::test]
async fn a_statement_without_end_is_cut_off_and_the_next_rehearsal_works() {
    let test = patient("20").await;
    let before = test.app.store.dump().await;
    for sql in [FOR_EVER, INSERT] {
        let rehearsal = test.app.store.rehearse();
        let store = rehearsal.store();
        let done = rehearsal.run(async {
            let mut writing = store.write().await.unwrap();
            writing.statement(sql).await.map_err(|error| error.given_up())
        });
        let done = done.await.map_err(Some).flatten();
        let expected = if sql == INSERT { Ok(1) } else { Err(Some(GivenUp::TooLong)) };
        assert_eq!(done, expected);
        nobody_waits(&test).await;
    }
    assert_eq!(test.app.store.dump().await, before);
}

#[tokio::test]
async fn a_rehearsal_that_is_dropped_leaves_nothing() {
    let test = patient("1000").await;
    let before = test.app.store.dump().await;
    let rehearsal = test.app.store.rehearse();
    let store = rehearsal.store();
    let mut running = Box::pin(rehearsal.run(async {
        let mut writing = store.write().await.unwrap();
        writing.statement(INSERT).await.unwrap();
        pending::<()>().await;
    }));
    let impatient = timeout(Duration::from_millis(200), &mut running);
    assert!(impatient.await.is_err());
    drop(running);
    nobody_waits(&test).await;
    assert_eq!(test.app.store.dump().await, before);
}

#[tokio::test]
async fn after_a_rehearsal_the_lock_stays_free_for_three_times_as_long() {
    const HELD: Duration = Duration::from_millis(20);
    let test = patient("1000").await;
    let rehearsal = test.app.store.rehearse();
    let store = rehearsal.store();
    let began = Instant::now();
    let done = rehearsal.run(async {
        let _writing = store.write().await.unwrap();
        sleep(HELD).await;
    });
    done.await.unwrap();
    let next = *test.app.store.rehearsals.next.lock().await;
    assert!(next - began >= HELD * (1 + REST), "{:?}", next - began);
}

#[tokio::test]
async fn rehearsals_that_only_read_take_no_lock() {
    let test = patient("1000").await;
    let other = Store::open(&test.app.config.database).await.unwrap();
    let writing = other.write().await.unwrap();
    let rehearsal = test.app.store.rehearse();
    let store = rehearsal.store();
    assert_eq!(rehearsal.run(async { find(&store, "none").await.is_none() }).await, Ok(true));
    drop(writing);
    other.close().await;
}

#[tokio::test]
async fn it_makes_no_file_and_leaves_the_journal_mode_alone() {
    for mode in ["delete", "wal"] {
        let test = patient_on_file().await;
        let pragma = async |sql: String| {
            test.app.store.figures("set or look", sql, Vec::new()).await.unwrap()
        };
        assert_eq!(pragma(format!("PRAGMA journal_mode = {mode}")).await, [[mode.into()]]);
        let before = test.app.store.dump().await;
        let rehearsal = test.app.store.rehearse();
        let store = rehearsal.store();
        let Place::File { path, .. } = &test.app.config.database.place else { panic!() };
        let mut journal = path.clone().into_os_string();
        journal.push("-journal");
        let done = rehearsal.run(async {
            let mut writing = store.write().await.unwrap();
            writing.statement(INSERT).await.unwrap();
            writing.commit().await.unwrap();
            std::path::Path::new(&journal).exists()
        });
        assert_eq!(done.await, Ok(false), "{mode}");
        assert_eq!(test.app.store.dump().await, before, "{mode}");
        assert_eq!(pragma("PRAGMA journal_mode".to_owned()).await, [[mode.into()]]);
        nobody_waits(&test).await;
    }
}
