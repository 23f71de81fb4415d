//! A store that does not work: evidence goes on in memory, says so, and is written when the store is back.

use std::path::Path;

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use super::store::{started, started_with};
use super::*;

fn outcome(second: i64) -> Outcome {
    compared(exchange("/a", second), vec![difference("$.x")])
}

async fn compared_so_far(evidence: &Evidence) -> u64 {
    let report = evidence.report(&["workflows"]).await;
    report.routes[0].operations.iter().map(|operation| operation.compared).sum()
}

/// What the report says is wrong.
async fn trouble(evidence: &Evidence) -> String {
    evidence.report(&["workflows"]).await.store.degraded.expect("it says that it is degraded")
}

/// As if the pause after a failure were over.
async fn try_again(evidence: &Evidence) {
    evidence.link.lock().await.retry_at = None;
    evidence.flush().await;
}

/// On the connection of the evidence itself.
async fn run_inside(evidence: &Evidence, sql: &'static str) {
    let mut link = evidence.link.lock().await;
    let (_, store) = link.store.as_mut().unwrap();
    store.connection.rows("test", sql, []).await.unwrap();
}

async fn somebody_else(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.join("evidence.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// One outcome stored, the next one meets the trouble, and after it is over all of them are stored.
async fn goes_on(evidence: &Evidence, folder: &Path, says: &str) {
    evidence.record(outcome(2));
    evidence.flush().await;
    assert!(evidence.is_degraded());
    let why = trouble(evidence).await;
    assert!(why.contains(says), "{why}");
    evidence.record(outcome(3));
    assert_eq!((evidence.pending(), evidence.lost()), (2, 0));
    assert!(compared_so_far(evidence).await >= 2, "memory answers");
    // The connection that was broken is gone, and a new one works.
    try_again(evidence).await;
    assert!(!evidence.is_degraded(), "{}", trouble(evidence).await);
    assert_eq!((evidence.pending(), compared_so_far(evidence).await), (0, 3));
    assert_eq!(compared_so_far(&started(folder)).await, 3, "for the next proxy as well");
}

async fn with_one_stored(folder: &Path) -> Evidence {
    let evidence = started(folder);
    evidence.record(outcome(1));
    evidence.flush().await;
    assert!(!evidence.is_degraded(), "{}", trouble(&evidence).await);
    evidence
}

#[tokio::test]
async fn a_full_disk() {
    let folder = TempDir::new().unwrap();
    let evidence = with_one_stored(folder.path()).await;
    // No page more than there are.
    run_inside(&evidence, "PRAGMA max_page_count = 1").await;
    let mut large = outcome(2);
    let Verdict::Compared(found) = &mut large.verdict else { unreachable!() };
    found.bodies = Some(Bodies { old: "x".repeat(50_000), new: String::new() });
    evidence.record(large);
    evidence.flush().await;
    let why = trouble(&evidence).await;
    assert!(why.starts_with("the disk is full"), "{why}");
    assert_eq!(evidence.pending(), 1);
    try_again(&evidence).await;
    assert_eq!((evidence.pending(), compared_so_far(&evidence).await), (0, 2));
}

#[tokio::test]
async fn a_file_that_may_not_be_written() {
    let folder = TempDir::new().unwrap();
    let evidence = with_one_stored(folder.path()).await;
    run_inside(&evidence, "PRAGMA query_only = 1").await;
    goes_on(&evidence, folder.path(), "the store can't be written").await;
}

#[tokio::test]
async fn a_lock_that_somebody_holds() {
    let folder = TempDir::new().unwrap();
    let evidence = with_one_stored(folder.path()).await;
    let mut other = somebody_else(folder.path()).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    evidence.record(outcome(2));
    evidence.flush().await;
    let why = trouble(&evidence).await;
    assert!(why.contains("locked"), "{why}");
    try_again(&evidence).await;
    assert_eq!(evidence.pending(), 1, "still locked");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    evidence.record(outcome(3));
    try_again(&evidence).await;
    assert!(!evidence.is_degraded());
    assert_eq!((evidence.pending(), compared_so_far(&evidence).await), (0, 3));
}

#[tokio::test]
async fn a_damaged_file_is_put_aside() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("evidence.db");
    let garbage = b"this is no database at all, and it is long enough to be looked at".repeat(300);
    with_one_stored(folder.path()).await.stop().await;
    std::fs::write(&file, &garbage).unwrap();

    let evidence = started(folder.path());
    evidence.record(outcome(2));
    assert_eq!(compared_so_far(&evidence).await, 1);
    evidence.flush().await;
    assert!(!evidence.is_degraded(), "{}", trouble(&evidence).await);
    assert_eq!((evidence.pending(), compared_so_far(&evidence).await), (0, 1));
    let aside: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("evidence.db.damaged-"))
        .collect();
    let kept = aside.iter().any(|path| std::fs::read(path).unwrap() == garbage);
    assert!(kept, "nothing is deleted: {aside:?}");
}

#[tokio::test]
async fn a_file_that_is_damaged_in_its_middle() {
    let folder = TempDir::new().unwrap();
    with_one_stored(folder.path()).await.stop().await;
    let file = folder.path().join("evidence.db");
    let size = usize::try_from(std::fs::metadata(&file).unwrap().len()).unwrap();
    let open = std::fs::File::options().write(true).open(&file).unwrap();
    // The first page stays: it looks like our file until it is read.
    let garbage = vec![0x5a; size - 4096];
    std::os::unix::fs::FileExt::write_all_at(&open, &garbage, 4096).unwrap();
    let evidence = started(folder.path());
    for second in 2..5 {
        evidence.record(outcome(second));
        try_again(&evidence).await;
    }
    try_again(&evidence).await;
    assert!(!evidence.is_degraded(), "{}", trouble(&evidence).await);
    assert_eq!((evidence.pending(), compared_so_far(&evidence).await), (0, 3));
}

#[tokio::test]
async fn a_folder_that_is_missing() {
    let folder = TempDir::new().unwrap();
    let later = folder.path().join("later");
    let evidence = started(&later);
    evidence.record(outcome(1));
    evidence.flush().await;
    let why = trouble(&evidence).await;
    assert!(why.contains("can't be reached"), "{why}");
    std::fs::create_dir(&later).unwrap();
    try_again(&evidence).await;
    assert_eq!((evidence.is_degraded(), evidence.pending()), (false, 0));
}

#[tokio::test]
async fn a_file_of_another_program_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("evidence.db"))
        .create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("CREATE TABLE songs (id INTEGER)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(folder.path().join("evidence.db")).unwrap();
    let evidence = started(folder.path());
    evidence.record(outcome(1));
    evidence.flush().await;
    assert!(trouble(&evidence).await.contains("belongs to another program"));
    assert_eq!(compared_so_far(&evidence).await, 1);
    assert_eq!(std::fs::read(folder.path().join("evidence.db")).unwrap(), before);
}

#[tokio::test]
async fn tables_of_a_newer_program_are_left_alone() {
    let folder = TempDir::new().unwrap();
    with_one_stored(folder.path()).await.stop().await;
    let mut other = somebody_else(folder.path()).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99, 'newer', TRUE, x'00', 0)",
    )
    .execute(&mut other)
    .await
    .unwrap();
    other.close().await.unwrap();
    let evidence = started(folder.path());
    evidence.record(outcome(2));
    evidence.flush().await;
    let why = trouble(&evidence).await;
    assert!(why.contains("version 99") && why.contains("does not know"), "{why}");
    assert_eq!((evidence.pending(), compared_so_far(&evidence).await), (1, 1));
}

#[tokio::test]
async fn another_url_is_another_store() {
    let folder = TempDir::new().unwrap();
    let evidence = with_one_stored(folder.path()).await;
    let settings =
        EvidenceSettings { url: "sqlite://other.db".to_owned(), ..EvidenceSettings::default() };
    evidence.configure(&settings, folder.path(), "here");
    evidence.record(outcome(2));
    evidence.flush().await;
    assert_eq!(compared_so_far(&evidence).await, 1);
    assert!(evidence.report(&[]).await.store.url.ends_with("other.db"));
    assert_eq!(compared_so_far(&started_with(folder.path(), &settings)).await, 1);
    assert_eq!(compared_so_far(&started(folder.path())).await, 1, "the first store has its own");
}

#[tokio::test]
async fn a_database_that_is_not_there() {
    let folder = TempDir::new().unwrap();
    let url =
        format!("postgres:///evidence?user=ann&password=planted&host={}", folder.path().display());
    let evidence = started_with(folder.path(), &EvidenceSettings { url, ..Default::default() });
    evidence.record(outcome(1));
    evidence.flush().await;
    let report = evidence.report(&["workflows"]).await;
    let text = serde_json::to_string(&report).unwrap();
    assert!(text.contains("can't be reached") && !text.contains("planted"), "{text}");
    assert_eq!(report.routes[0].operations[0].compared, 1);
}
