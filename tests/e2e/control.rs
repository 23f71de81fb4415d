//! Control requests: what the old backend does not know of itself is held against nobody.

use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};
use routes::admin::OperationEvidence;

use crate::stack;

async fn controlled(pairs: u64, old: Answer, new: Answer) -> (OperationEvidence, Stack) {
    let route = RouteSpec::new("w", "/w/{*rest}")
        .stage("shadow")
        .with("mirror.control = 1.0")
        .with("old_path = \"/before/{rest}\"");
    let mut stack = stack().route(route).start().await;
    stack.old.fake().answer(old);
    stack.new.fake().answer(new);
    for number in 1..=pairs {
        stack.get("/w/1?q=2").await;
        // One after the other: a control request comes before the next client's.
        wait::until("the exchange is settled", LIMIT, async || {
            let operation = stack.evidence().await.routes.pop()?.operations.pop()?;
            (operation.compared == number).then_some(())
        })
        .await;
    }
    let operation = stack.evidence().await.routes.remove(0).operations.remove(0);
    (operation, stack)
}

#[tokio::test]
async fn a_field_that_changes_by_itself_is_noise_and_the_old_backend_is_asked_twice() {
    let (operation, mut stack) = controlled(
        3,
        Answer::numbered(r#"{"name": "a", "asked": #}"#),
        Answer::json(r#"{"name": "a", "asked": 0}"#),
    )
    .await;
    assert_eq!((operation.inconclusive, operation.mismatched), (3, 0), "{operation:?}");
    assert_eq!(operation.controlled, 3);
    let seen = stack.old.fake().seen();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|seen| seen.target == "/before/1?q=2"), "{seen:?}");
    let marked = seen.iter().filter(|seen| !seen.header("x-strangler-mirror").is_empty());
    assert_eq!(marked.count(), 3);
    let controls = "strangler_mirror_control_requests_total";
    assert!(stack.metric(controls, &["route=\"w\"", "outcome=\"differed\""]).await > 2.0);
}

#[tokio::test]
async fn what_the_old_backend_always_says_is_a_mismatch_all_the_same() {
    let (operation, _stack) = controlled(
        2,
        Answer::numbered(r#"{"name": "a", "asked": #}"#),
        Answer::json(r#"{"name": "b", "asked": 0}"#),
    )
    .await;
    assert_eq!((operation.inconclusive, operation.mismatched), (0, 2), "{operation:?}");
    let mismatches: Vec<_> = operation.differences.iter().filter(|group| group.count > 0).collect();
    assert_eq!(mismatches.len(), 1);
    assert_eq!(mismatches[0].path, "$.name");
}
