//! Evidence that lasts: over restarts and crashes, damaged files and lost databases, on one proxy and on several.

use std::path::PathBuf;

use e2e::postgres::Postgres;
use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};
use routes::admin::{EvidenceReport, Timeline};

use crate::{OLD, stack};

fn shadow() -> e2e::stack::StackBuilder {
    stack().route(RouteSpec::new("w", "/w/{*rest}").stage("shadow"))
}

fn compared(report: &EvidenceReport) -> u64 {
    report.routes.iter().flat_map(|route| &route.operations).map(|found| found.compared).sum()
}

/// The evidence, once this many pairs of answers are in it and it is as wanted.
async fn until(
    stack: &Stack,
    pairs: u64,
    wanted: impl Fn(&EvidenceReport) -> bool,
) -> EvidenceReport {
    wait::until(&format!("{pairs} pairs are compared, and more"), LIMIT, async || {
        let report = stack.evidence().await;
        (compared(&report) >= pairs && wanted(&report)).then_some(report)
    })
    .await
}

fn is_stored(report: &EvidenceReport) -> bool {
    report.store.pending == 0 && report.store.degraded.is_none()
}

/// Mirrored reads, each answered by the old backend whatever becomes of evidence.
async fn reads(stack: &Stack, count: usize) {
    for _ in 0..count {
        assert_eq!(stack.who_answers("/w/1").await, OLD);
    }
}

fn file(stack: &Stack) -> PathBuf {
    stack.folder().join("evidence.db")
}

#[tokio::test]
async fn a_restart_keeps_evidence() {
    let mut stack = shadow().start().await;
    reads(&stack, 5).await;
    let before = until(&stack, 5, |_| true).await;
    stack.proxy().stop(LIMIT).await;
    stack.start_proxy().await;
    let after = stack.evidence().await;
    assert_eq!(after.routes, before.routes, "what was still to be written at the stop as well");
    assert_eq!(after.since, before.routes[0].basis.as_ref().unwrap().since);
    reads(&stack, 3).await;
    let both = until(&stack, 8, is_stored).await;
    assert_eq!(compared(&both), 8);
    assert!(both.store.url.starts_with("sqlite://") && both.store.url.ends_with("/evidence.db"));
    assert_eq!(both.routes[0].basis, before.routes[0].basis);
    let url = format!("{}/api/timeline?route=w&minutes=10", stack.admin_url());
    let timeline = stack.client.get(url).send().await.unwrap().text().await.unwrap();
    let timeline: Timeline = serde_json::from_str(&timeline).unwrap();
    assert_eq!(timeline.minutes.iter().map(|minute| minute.compared).sum::<u64>(), 8);
    for (target, status) in
        [("?minutes=5", 400), ("?route=w&minutes=1441", 400), ("?route=none", 404)]
    {
        let url = format!("{}/api/timeline{target}", stack.admin_url());
        assert_eq!(stack.client.get(url).send().await.unwrap().status(), status, "{target}");
    }
}

#[tokio::test]
async fn a_crash_costs_only_what_was_not_written_yet() {
    let mut stack = shadow().start().await;
    reads(&stack, 5).await;
    until(&stack, 5, is_stored).await;
    reads(&stack, 5).await;
    stack.proxy().kill();
    stack.start_proxy().await;
    let found = compared(&stack.evidence().await);
    assert!((5..=10).contains(&found), "{found}");
    reads(&stack, 1).await;
    assert_eq!(compared(&until(&stack, found + 1, is_stored).await), found + 1);
}

#[tokio::test]
async fn a_damaged_file_is_put_aside() {
    let mut stack = shadow().start().await;
    reads(&stack, 2).await;
    until(&stack, 2, |_| true).await;
    stack.proxy().stop(LIMIT).await;
    let garbage = "no database, but something that is long enough".repeat(500);
    std::fs::write(file(&stack), &garbage).unwrap();
    stack.start_proxy().await;
    reads(&stack, 3).await;
    assert_eq!(compared(&until(&stack, 3, is_stored).await), 3);
    let names = std::fs::read_dir(stack.folder()).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> =
        names.filter(|path| path.to_string_lossy().contains("evidence.db.damaged-")).collect();
    assert_eq!(std::fs::read_to_string(&aside[0]).unwrap(), garbage, "{aside:?}");
    assert!(stack.proxy().output().contains("it was put aside"), "{}", stack.proxy().tail());
}

#[tokio::test]
async fn a_store_that_does_not_work_harms_no_request() {
    let section = "[evidence]\nurl = \"sqlite://missing/evidence.db\"\n";
    let mut stack = shadow().section(section).start().await;
    reads(&stack, 5).await;
    let report = until(&stack, 5, |report| report.store.degraded.is_some()).await;
    assert_eq!((report.store.pending, report.store.lost), (5, 0));
    assert_eq!(stack.metric("strangler_evidence_store_degraded", &[]).await.to_string(), "1");
    assert_eq!(stack.metric("strangler_evidence_outcomes_pending", &[]).await.to_string(), "5");
    std::fs::create_dir(stack.folder().join("missing")).unwrap();
    assert_eq!(compared(&until(&stack, 5, is_stored).await), 5);
    assert_eq!(stack.metric("strangler_evidence_store_degraded", &[]).await.to_string(), "0");
    let said = stack.proxy().output().matches("evidence is kept in memory only").count();
    assert_eq!(said, 1, "once: {}", stack.proxy().tail());
}

#[tokio::test]
async fn where_nothing_is_mirrored_there_is_no_file() {
    let mut stack = stack().route(RouteSpec::new("w", "/w/{*rest}")).start().await;
    reads(&stack, 3).await;
    assert_eq!(compared(&stack.evidence().await), 0);
    stack.proxy().stop(LIMIT).await;
    assert!(!file(&stack).exists());
}

#[tokio::test]
async fn another_url_in_the_table_takes_effect_at_once() {
    let mut stack = shadow().start().await;
    reads(&stack, 2).await;
    until(&stack, 2, is_stored).await;
    let elsewhere = "[evidence]\nurl = \"sqlite://elsewhere.db\"\n\n[backends.monolith]";
    stack.write_routes(&stack.read_routes().replace("[backends.monolith]", elsewhere));
    wait::until("the other store is in use", LIMIT, async || {
        stack.evidence().await.store.url.ends_with("elsewhere.db").then_some(())
    })
    .await;
    reads(&stack, 3).await;
    assert_eq!(compared(&until(&stack, 3, is_stored).await), 3);
    assert!(stack.folder().join("elsewhere.db").exists());
    stack.proxy().stop(LIMIT).await;
}

#[tokio::test]
async fn no_secret_reaches_the_file() {
    let mut stack = shadow().start().await;
    stack.old.fake().answer(Answer::json(r#"{"token": "planted-1", "name": "seen-old"}"#));
    stack.new.fake().answer(Answer::json(r#"{"token": "planted-2", "name": "seen-new"}"#));
    let request = stack.client.get(stack.url("/w/1?api_key=planted-3&page=7"));
    let request = request.header("x-api-key", "planted-4").header("cookie", "session=planted-5");
    request.header("authorization", "Bearer planted-6").send().await.unwrap();
    until(&stack, 1, is_stored).await;
    let mut bytes = Vec::new();
    for name in ["evidence.db", "evidence.db-wal"] {
        bytes.extend(std::fs::read(stack.folder().join(name)).unwrap_or_default());
    }
    let has = |text: &str| bytes.windows(text.len()).any(|found| found == text.as_bytes());
    assert!(has("seen-old") && has("seen-new") && has("api_key=***&page=7"));
    assert!(!has("planted"));
    stack.proxy().stop(LIMIT).await;
}

#[tokio::test]
async fn several_proxies_add_up_in_postgresql() {
    let postgres = Postgres::start().await;
    let section = format!("[evidence]\nurl = \"{}\"\n", postgres.url("postgres"));
    let mut one = shadow().section(&section).start().await;
    let mut two = shadow().section(&section).start().await;
    two.new.fake().answer(Answer::json(r#"{"other": true}"#));
    reads(&one, 3).await;
    reads(&two, 4).await;
    let all = |report: &EvidenceReport| compared(report) == 7;
    let (first, second) = (until(&one, 7, all).await, until(&two, 7, all).await);
    assert_eq!(first.routes[0].operations, second.routes[0].operations);
    let operation = &first.routes[0].operations[0];
    assert!(operation.mismatched >= 4 && !operation.differences.is_empty(), "{operation:?}");
    assert_eq!(operation.new_latency.count, 7);
    let writers = "SELECT count(DISTINCT proxy) FROM strangler_evidence.tallies";
    assert_eq!(postgres.query("postgres", writers).await, "2");
    one.proxy().stop(LIMIT).await;
    reads(&two, 1).await;
    assert_eq!(compared(&until(&two, 8, is_stored).await), 8, "those of the stopped one stay");
    two.proxy().stop(LIMIT).await;
}

#[tokio::test]
async fn a_lost_database_harms_no_request_and_no_evidence() {
    let mut postgres = Postgres::start().await;
    let section = format!("[evidence]\nurl = \"{}\"\n", postgres.url("postgres"));
    let mut stack = shadow().section(&section).start().await;
    reads(&stack, 2).await;
    until(&stack, 2, is_stored).await;
    postgres.kill();
    reads(&stack, 3).await;
    let away = until(&stack, 3, |report| report.store.degraded.is_some()).await;
    assert_eq!((away.store.pending, away.store.lost), (3, 0));
    postgres.begin().await;
    let back = until(&stack, 5, is_stored).await;
    assert_eq!((compared(&back), back.store.lost), (5, 0));
    stack.proxy().stop(LIMIT).await;
}
