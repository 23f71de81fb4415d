//! After the flip: reads are verified against the old backend, and what it answered in an emergency is not.

use e2e::fake_backend::MARK;
use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};

use crate::{NEW, OLD, stack};

async fn verified() -> Stack {
    let route = RouteSpec::new("w", "/w/{*rest}")
        .stage("service")
        .with("verify = 1.0")
        .with("old_path = \"/before/{rest}\"");
    stack().route(route).start().await
}

#[tokio::test]
async fn a_read_at_stage_service_is_compared_with_the_old_backend() {
    let mut stack = verified().await;
    let (old, new) = stack.fakes();
    old.answer(Answer::json(r#"{"name": "a", "n": 1}"#));
    new.answer(Answer::json(r#"{"name": "a", "n": 2}"#));
    assert_eq!(stack.who_answers("/w/1?q=2").await, NEW);
    let operation = wait::until("the answers are compared", LIMIT, async || {
        let operation = stack.evidence().await.routes.pop()?.operations.pop()?;
        (operation.compared == 1).then_some(operation)
    })
    .await;
    let example = &operation.differences[0].examples[0];
    assert_eq!(
        (operation.differences[0].path.as_str(), &*example.old, &*example.new),
        ("$.n", "1", "2")
    );
    let seen = stack.old.fake().seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].target, "/before/1?q=2");
    assert!(!seen[0].header("x-strangler-mirror").is_empty());
}

#[tokio::test]
async fn an_answer_of_the_backend_that_stood_in_is_not_compared_with_itself() {
    let mut stack = verified().await;
    stack.new.fake().answer(Answer::cut());
    for _ in 0..5 {
        let answer = stack.get("/w/1").await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()[MARK]),
            (200, &OLD.parse().unwrap())
        );
    }
    let dropped = wait::until("every failed-over read is counted", LIMIT, async || {
        let dropped = stack.evidence().await.routes.pop()?.dropped;
        (dropped.get("client_gone") == Some(&5)).then_some(dropped)
    })
    .await;
    assert_eq!(dropped.len(), 1);
    assert_eq!(stack.old.fake().count(), 5, "the clients' requests and no copies");
}
