//! Noise: learned from control requests, proposed as rules, and silenced by them.

use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};
use routes::admin::{Likely, NoiseReport, OperationEvidence, RouteNoise};

use crate::stack;

/// How many control requests it may take until a random field is learned.
const CONTROLS: u64 = 200;

async fn noise(stack: &Stack) -> RouteNoise {
    let url = format!("{}/api/noise?route=w", stack.admin_url());
    let mut report: NoiseReport = stack.client.get(url).send().await.unwrap().json().await.unwrap();
    report.routes.pop().unwrap()
}

/// Makes one exchange, which is the one of this number, and gives back the evidence of the route's only operation.
async fn exchanged(stack: &Stack, number: u64) -> OperationEvidence {
    stack.get("/w/1").await;
    // To the very number: evidence of other rules, which has more, does not count.
    wait::until("the exchange is settled", LIMIT, async || {
        let operation = stack.evidence().await.routes.pop()?.operations.pop()?;
        (operation.compared == number).then_some(operation)
    })
    .await
}

#[tokio::test]
async fn a_field_that_is_random_on_both_sides_is_learned_and_a_rule_silences_it() {
    let route = RouteSpec::new("w", "/w/{*rest}")
        .stage("shadow")
        .with("mirror.control = 1.0 # every one")
        .with("gate = { min_samples = 10, min_match = 0.5, max_latency_ratio = 1000000 }");
    let mut stack = stack().route(route).start().await;
    let (old, new) = stack.fakes();
    let body = r#"{"name": "a", "trace": "req_#"}"#;
    old.answer(Answer::random(body));
    new.answer(Answer::random(body));

    let mut learned = None;
    for controls in 1..=CONTROLS {
        let evidence = exchanged(&stack, controls).await;
        assert_eq!((evidence.matched, evidence.mismatched), (0, 0), "{evidence:?}");
        let noise = noise(&stack).await;
        if !noise.proposals.is_empty() {
            learned = Some(noise);
            break;
        }
    }
    let learned = learned.expect("the field is learned in time");
    let [volatile] = learned.volatile.as_slice() else { panic!("{learned:?}") };
    eprintln!("learned after {} control requests", volatile.controls);
    assert_eq!((volatile.path.as_str(), volatile.likely), ("$.trace", Likely::Identifier));
    let refused = stack.migrate(&["gate", "w"]).await;
    assert_eq!(refused.code, Some(3));
    assert!(refused.stdout.contains("migrate mirror suggest w"), "{}", refused.stdout);

    let before = stack.read_routes();
    let shown = stack.migrate_ok(&["mirror", "suggest", "w"]).await;
    assert!(shown.stdout.contains("+compare.identifier = [\"$.trace\"]"), "{}", shown.stdout);
    assert_eq!(stack.read_routes(), before);
    stack.migrate_ok(&["mirror", "suggest", "w", "--apply"]).await;
    let after = stack.read_routes();
    assert!(after.contains("compare.identifier = [\"$.trace\"]\n"), "{after}");
    assert!(after.contains("# noise: GET /w/{id}: ") && after.contains("# every one"), "{after}");

    // With the rule evidence starts anew, and the same answers match.
    for number in 1..=10 {
        let evidence = exchanged(&stack, number).await;
        assert_eq!(evidence.matched, number, "{evidence:?}");
    }
    stack.migrate_ok(&["gate", "w"]).await;
    let again = stack.migrate_ok(&["mirror", "suggest", "w", "--apply"]).await;
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    assert_eq!(stack.read_routes(), after);
}
