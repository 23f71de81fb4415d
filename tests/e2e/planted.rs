//! Planted differences, each of them found and named by its path; none reported for an identical backend.

use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};
use routes::admin::{DifferenceKind, RouteEvidence};

use crate::stack;

/// What the monolith answers.
const OLD: &str = r#"{"id": "wf_1", "name": "ann", "tags": ["a", "b", "c"], "steps": [{"n": 1}, {"n": 2}],
    "cost": 1234.5678, "created_at": "2026-01-01T00:00:00", "limit": 500}"#;

async fn shadow() -> Stack {
    let route = RouteSpec::new("w", "/w/{*rest}")
        .stage("shadow")
        .with(r#"compare.headers = ["cache-control"]"#);
    stack().route(route).start().await
}

fn old() -> Answer {
    Answer::json(OLD).header("cache-control", "no-store")
}

/// Reads until one more pair has been compared: a copy may be shed where the machine is busy. Returns the evidence of the
/// only route.
async fn compare_one(stack: &Stack, before: u64) -> RouteEvidence {
    for _ in 0..50 {
        let dropped = stack.evidence().await.routes.pop().map(|route| route.dropped);
        stack.get("/w/1").await;
        let settled = wait::until("the exchange is compared or dropped", LIMIT, async || {
            let route = stack.evidence().await.routes.pop()?;
            let is_dropped = dropped.as_ref() != Some(&route.dropped);
            (is_dropped || compared(&route) > before).then_some(route)
        })
        .await;
        if compared(&settled) > before {
            return settled;
        }
    }
    panic!("fifty copies in a row were dropped");
}

fn compared(route: &RouteEvidence) -> u64 {
    route.operations.iter().map(|operation| operation.compared).sum()
}

/// Kind and path of everything that differs.
fn found(route: &RouteEvidence) -> Vec<(DifferenceKind, String)> {
    let groups = route.operations.iter().flat_map(|operation| &operation.differences);
    let mut found: Vec<_> = groups.map(|group| (group.kind, group.path.clone())).collect();
    found.sort_unstable();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_difference_is_named_by_its_path() {
    use DifferenceKind::{Extra, Header, Missing, Order, Status, Value};
    let same = old();
    let planted = [
        (
            "a field renamed",
            Answer::json(&OLD.replace("\"name\"", "\"title\"")).header("cache-control", "no-store"),
            vec![(Missing, "$.name"), (Extra, "$.title")],
        ),
        ("a status", same.clone().with_status(202), vec![(Status, "status")]),
        ("a header missing", Answer::json(OLD), vec![(Header, "cache-control")]),
        (
            "an array reordered",
            Answer::json(&OLD.replace(r#"["a", "b", "c"]"#, r#"["a", "c", "b"]"#))
                .header("cache-control", "no-store"),
            vec![(Order, "$.tags")],
        ),
        (
            "a float in the 7th digit",
            Answer::json(&OLD.replace("1234.5678", "1234.567")).header("cache-control", "no-store"),
            vec![(Value, "$.cost")],
        ),
        (
            "a timestamp in another form",
            Answer::json(&OLD.replace("00:00:00\"", "00:00:00Z\""))
                .header("cache-control", "no-store"),
            vec![(Value, "$.created_at")],
        ),
    ];
    for (what, new, expected) in planted {
        let mut stack = shadow().await;
        stack.old.fake().answer(old());
        stack.new.fake().answer(new);
        let route = compare_one(&stack, 0).await;
        let mut expected: Vec<_> =
            expected.into_iter().map(|(kind, path)| (kind, path.to_owned())).collect();
        expected.sort_unstable();
        assert_eq!(found(&route), expected, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_value_off_by_one_among_five_hundred_answers_is_found() {
    let mut stack = shadow().await;
    stack.old.fake().answer(old());
    stack.new.fake().answer(old());
    for number in 0..500 {
        if number == 321 {
            let off = OLD.replace("\"limit\": 500", "\"limit\": 501");
            stack.new.fake().answer(Answer::json(&off).header("cache-control", "no-store"));
            compare_one(&stack, number).await;
            stack.new.fake().answer(old());
        } else {
            compare_one(&stack, number).await;
        }
    }
    let route = stack.evidence().await.routes.pop().unwrap();
    assert_eq!(found(&route), [(DifferenceKind::Value, "$.limit".to_owned())]);
    let operation = &route.operations[0];
    assert_eq!((operation.compared, operation.mismatched), (500, 1), "{operation:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_reported_for_an_identical_backend() {
    let mut stack = shadow().await;
    stack.old.fake().answer(old());
    stack.new.fake().answer(old());
    for number in 0..200 {
        compare_one(&stack, number).await;
    }
    let route = stack.evidence().await.routes.pop().unwrap();
    assert_eq!(found(&route), []);
    assert_eq!(route.operations.iter().map(|operation| operation.matched).sum::<u64>(), 200);
}
