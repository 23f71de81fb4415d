//! Writes that are tried on the new backend first, and rolled back there: what clients and the old backend see of it.

mod proof;

use std::time::Duration;

use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};
use routes::admin::RouteEvidence;
use serde_json::json;

use crate::{NEW, OLD, stack};

const APPLIED: (&str, &str) = ("preference-applied", "tx=rollback");

/// A route at stage `shadow` whose every write is rehearsed, and `lines` of its own.
async fn rehearsed(lines: &[&str]) -> Stack {
    let route = RouteSpec::new("w", "/w/{*rest}").stage("shadow").with("mirror.rehearse = 1.0");
    let route = lines.iter().fold(route, |route, line| route.with(line));
    stack().each_backend("mirror_writes = \"dry-run\"").route(route).start().await
}

async fn post(stack: &Stack, body: &str) -> reqwest::Response {
    let request =
        stack.client.post(stack.url("/w/1?x=1")).header("content-type", "application/json");
    let request = request.header("prefer", "wait=5, tx=rollback").body(body.to_owned());
    request.send().await.unwrap()
}

/// The evidence of the route, once it is as wanted.
async fn evidence(
    stack: &Stack,
    what: &str,
    wanted: impl Fn(&RouteEvidence) -> bool,
) -> RouteEvidence {
    wait::until(what, LIMIT, async || stack.evidence().await.routes.pop().filter(&wanted)).await
}

#[tokio::test]
async fn a_write_is_rehearsed_first_and_then_sent_whole() {
    let mut stack = rehearsed(&["mirror.before_budget = \"5s\""]).await;
    let answer = Answer::json(r#"{"id": 1}"#);
    stack.new.fake().answer(answer.clone().header(APPLIED.0, APPLIED.1));
    stack.old.fake().answer(answer);
    // The longest that is rehearsed, and one that is longer.
    let bodies = [json!({"n": 1}).to_string(), "x".repeat(64 << 10), "x".repeat((64 << 10) + 1)];
    for body in &bodies {
        let answer = post(&stack, body).await;
        assert_eq!(answer.headers()["x-test-backend"], OLD);
        assert!(!answer.headers().contains_key(APPLIED.0));
    }
    let seen = stack.old.fake().seen();
    assert_eq!(seen.len(), 3);
    for (seen, body) in seen.iter().zip(&bodies) {
        assert_eq!((seen.target.as_str(), &seen.body[..]), ("/w/1?x=1", body.as_bytes()));
        // A client can't wish its write away: the other backend would write.
        assert_eq!((seen.header("prefer"), seen.header("x-strangler-mirror")), ("wait=5", ""));
    }
    let seen = stack.new.fake().seen();
    assert_eq!(seen.len(), 2);
    for (seen, body) in seen.iter().zip(&bodies) {
        assert_eq!((seen.target.as_str(), &seen.body[..]), ("/w/1?x=1", body.as_bytes()));
        assert_eq!(seen.header("x-strangler-mirror").len(), 32);
        let wishes: Vec<_> = seen.headers.get_all("prefer").iter().collect();
        assert_eq!(wishes, ["wait=5", "tx=rollback"]);
    }
    let found = evidence(&stack, "two comparisons", |route| {
        route.operations.first().is_some_and(|operation| operation.matched == 2)
    });
    let found = found.await;
    assert_eq!(found.operations[0].operation, "POST /w/{id}");
    assert_eq!(found.dropped.get("request_body"), Some(&1));
    assert_eq!(found.writes_off, None);
}

#[tokio::test]
async fn a_backend_that_does_not_roll_back_gets_no_second_write() {
    let mut stack = rehearsed(&["mirror.before_budget = \"5s\""]).await;
    for _ in 0..4 {
        assert_eq!(post(&stack, "{}").await.headers()["x-test-backend"], OLD);
    }
    assert_eq!((stack.old.fake().count(), stack.new.fake().count()), (4, 1));
    let found = evidence(&stack, "writes to be off", |route| route.writes_off.is_some()).await;
    assert!(found.writes_off.unwrap().contains("Preference-Applied: tx=rollback"));
    let dropped = ["not_rolled_back", "writes_off"].map(|reason| found.dropped[reason]);
    assert_eq!(dropped, [1, 3]);
    let label = "reason=\"not_rolled_back\"";
    assert!(stack.metric("strangler_mirrored_requests_total", &[label]).await >= 1.0);
    let log = stack.proxy().output();
    assert!(log.contains("may have written for real"), "{log}");
    // Reads go on.
    stack.get("/w/1").await;
    evidence(&stack, "a read to be compared", |route| {
        route.operations.iter().any(|operation| operation.operation == "GET /w/{id}")
    })
    .await;
}

#[tokio::test]
async fn a_hung_backend_does_not_keep_writes() {
    let mut stack = rehearsed(&["mirror.before_budget = \"50ms\""]).await;
    stack.new.fake().answer(Answer::status(200).after(Duration::from_mins(1)));
    for _ in 0..10 {
        assert_eq!(post(&stack, "{}").await.headers()["x-test-backend"], OLD);
    }
    assert_eq!(stack.old.fake().count(), 10);
    let found = evidence(&stack, "drops", |route| !route.dropped.is_empty()).await;
    // Until the first has proved that it rolls back, no other goes out beside it.
    assert_eq!(found.dropped["late"], 1, "{:?}", found.dropped);
    assert_eq!(found.dropped["in_flight"], 9, "{:?}", found.dropped);
}

#[tokio::test]
async fn nothing_is_rehearsed_unless_the_backend_is_said_to_be_able_to() {
    let route = RouteSpec::new("w", "/w/{*rest}").stage("shadow").with("mirror.rehearse = 1.0");
    let mut stack = stack().route(route).start().await;
    post(&stack, "{}").await;
    assert_eq!((stack.old.fake().count(), stack.new.fake().count()), (1, 0), "{NEW} got a write");
}
