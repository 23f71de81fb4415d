//! Mirrored reads: compared, and never felt by the client.

use std::time::Duration;

use e2e::load::Load;
use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};
use routes::admin::{DifferenceKind, OperationEvidence};

use crate::{OLD, stack};

async fn shadow(lines: &[&str], sections: &[&str]) -> Stack {
    let route = RouteSpec::new("w", "/w/{*rest}").stage("shadow");
    let route = lines.iter().fold(route, |route, line| route.with(line));
    let builder = sections.iter().fold(stack(), |builder, section| builder.section(section));
    builder.route(route).start().await
}

/// The evidence of the only operation, once this many pairs of answers have been compared.
async fn compared(stack: &Stack, pairs: u64) -> OperationEvidence {
    wait::until(&format!("{pairs} pairs are compared"), LIMIT, async || {
        let mut evidence = stack.evidence().await;
        let operation = evidence.routes.pop()?.operations.pop()?;
        (operation.compared >= pairs).then_some(operation)
    })
    .await
}

#[tokio::test]
async fn equal_answers_match_whatever_their_order_of_keys_and_their_encoding() {
    let mut stack = shadow(&[], &[]).await;
    let (old, new) = stack.fakes();
    old.answer(Answer::json(r#"{"a": 1, "b": [1, 2]}"#));
    new.answer(Answer::json(r#"{"b":[1,2],"a":1}"#).gzip());
    for _ in 0..5 {
        assert_eq!(stack.who_answers("/w/1?x=1").await, OLD);
    }
    let evidence = compared(&stack, 5).await;
    assert_eq!((evidence.matched, evidence.differences.len()), (5, 0), "{evidence:?}");
    let seen = stack.new.fake().seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/w/1?x=1"));
}

#[tokio::test]
async fn each_difference_has_a_kind_and_a_place() {
    let mut stack = shadow(&[], &[]).await;
    let (old, new) = stack.fakes();
    old.answer(Answer::json(
        r#"[{"id": 1, "tags": "a", "gone": true}, {"id": 2, "tags": "b", "gone": true}]"#,
    ));
    new.answer(Answer::json(r#"[{"id": 1, "tags": ["a"]}, {"id": 2, "tags": ["b"]}]"#));
    stack.get("/w/").await;
    let evidence = compared(&stack, 1).await;
    let mut found: Vec<_> =
        evidence.differences.iter().map(|d| (d.kind, d.path.as_str())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [(DifferenceKind::Missing, "$[*].gone"), (DifferenceKind::Type, "$[*].tags")]
    );
    let report = stack.migrate_ok(&["mirror", "report", "w"]).await;
    assert!(
        report.stdout.contains("$[*].tags") && report.stdout.contains("$[*].gone"),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_different_status_is_a_difference() {
    let mut stack = shadow(&[], &[]).await;
    stack.new.fake().answer(Answer::json("{}").with_status(404));
    stack.get("/w/1").await;
    let evidence = compared(&stack, 1).await;
    assert!(evidence.differences.iter().any(|d| d.kind == DifferenceKind::Status), "{evidence:?}");
    assert_eq!(evidence.matched, 0);
}

#[tokio::test]
async fn what_the_table_excuses_is_no_difference() {
    let mut stack = shadow(
        &[
            r#"compare.ignore = ["$[*].id"]"#,
            r#"compare.timestamp = ["$..at"]"#,
            r#"compare.unordered = { "$" = "name" }"#,
            r"compare.tolerance = 0.001",
        ],
        &[],
    )
    .await;
    let (old, new) = stack.fakes();
    old.answer(Answer::json(
        r#"[{"id": 1, "name": "a", "at": "2026-01-01T00:00:00", "n": 1.0}, {"id": 2, "name": "b", "n": 5}]"#,
    ));
    new.answer(Answer::json(
        r#"[{"id": 9, "name": "b", "n": 5}, {"id": 8, "name": "a", "at": "2026-01-02T03:04:05", "n": 1.0001}]"#,
    ));
    stack.get("/w").await;
    let evidence = compared(&stack, 1).await;
    assert_eq!(evidence.matched, 1, "{evidence:?}");
}

#[tokio::test]
async fn writes_are_not_mirrored() {
    let mut stack = shadow(&[], &[]).await;
    for _ in 0..5 {
        stack.client.post(stack.url("/w/1")).body("{}").send().await.unwrap();
        stack.client.delete(stack.url("/w/1")).send().await.unwrap();
    }
    stack.get("/w/1").await;
    compared(&stack, 1).await;
    assert_eq!(stack.new.fake().count(), 1, "the read and nothing else");
}

/// Whatever the other backend does, the client is answered by the primary, in the primary's time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_never_feels_the_other_backend() {
    let bounds = "[mirroring]\nmax_in_flight = 8\ntimeout = \"2s\"\n";
    let mut stack = shadow(&[], &[bounds]).await;
    let well = Answer::json("{}");
    let faults = [
        ("well", well.clone()),
        ("slow", well.clone().after(Duration::from_millis(300))),
        ("hung", well.after(Duration::from_mins(2))),
        ("cutting", Answer::cut()),
        ("cutting in the middle", Answer::cut_after("{\"half\":")),
        ("endless", Answer::endless(Duration::from_millis(1))),
    ];
    for (name, fault) in faults {
        stack.new.fake().answer(fault);
        let load = Load::get("/w/1").pause(Duration::from_millis(1)).start(stack.table.http);
        load.more(400).await;
        let report = load.stop().await;
        report.assert_all_answered(200);
        assert_eq!(report.answered_by(OLD), report.exchanges.len());
        let (p50, p99) = (report.latency(0.5), report.latency(0.99));
        eprintln!("other backend {name}: p50 {p50:?}, p99 {p99:?}");
        assert!(p50 < Duration::from_millis(100), "{name}: the client waited {p50:?}");
    }
    // Where every core is taken, copies that fail are few; they are never none.
    stack.new.fake().answer(Answer::cut());
    let found = wait::until("a copy that failed is told", LIMIT, async || {
        stack.get("/w/1").await;
        let found = stack.evidence().await.routes.pop()?;
        found.operations.iter().any(|o| !o.failed.is_empty()).then_some(found)
    })
    .await;
    let dropped: u64 = found.dropped.values().sum();
    assert!(dropped > 0, "with 8 in flight and a hung backend something does not fit");
    stack.new.fake().vanish().await;
    let load = Load::get("/w/1").start(stack.table.http);
    load.more(400).await;
    load.stop().await.assert_all_answered(200);
}

#[tokio::test]
async fn a_body_past_the_limit_is_never_half_compared() {
    let bounds = "[mirroring]\nmax_body_bytes = 1000\n";
    let mut stack = shadow(&[], &[bounds]).await;
    let (old, new) = stack.fakes();
    old.answer(Answer::json(&format!(r#"{{"x": "{}", "y": 1}}"#, "x".repeat(2000))));
    new.answer(Answer::json(&format!(r#"{{"x": "{}", "y": 2}}"#, "x".repeat(2000))));
    stack.get("/w/1").await;
    let dropped = wait::until("the exchange is counted", LIMIT, async || {
        let dropped = stack.evidence().await.routes.pop()?.dropped;
        (!dropped.is_empty()).then_some(dropped)
    })
    .await;
    assert_eq!(dropped.into_iter().collect::<Vec<_>>(), [("too_large".to_owned(), 1)]);
    let operations = stack.evidence().await.routes.pop().unwrap().operations;
    assert!(operations.iter().all(|o| o.compared == 0), "{operations:?}");
}

#[tokio::test]
async fn secrets_stay_out_of_the_evidence() {
    let mut stack = shadow(&[], &[]).await;
    stack.new.fake().answer(Answer::json(r#"{"backend": "other"}"#));
    let request = stack.client.get(stack.url("/w/1")).header("x-api-key", "s3cr3t-key");
    let request =
        request.header("cookie", "session=s3cr3t").header("authorization", "Bearer s3cr3t");
    request.send().await.unwrap();
    compared(&stack, 1).await;
    let seen = stack.new.fake().seen().pop().unwrap();
    assert_eq!(seen.header("x-api-key"), "s3cr3t-key", "the other backend needs it to answer");
    let url = format!("{}/api/evidence", stack.admin_url());
    let text = stack.client.get(url).send().await.unwrap().text().await.unwrap();
    assert!(!text.contains("s3cr3t"), "{text}");
    assert!(!stack.proxy().output().contains("s3cr3t"), "{}", stack.proxy().tail());
}
