//! What one backend writes, the other reads back identically: that is what makes a flip harmless.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use e2e::stack::Player;
use e2e::{RouteSpec, Stack};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::stack;

const WORKFLOWS: &str = "/api/v1/agents/workflows";

async fn real() -> Stack {
    stack()
        .old(Player::Monolith)
        .new_backend(Player::Service(Vec::new()))
        .route(RouteSpec::new("workflows", "/api/v1/agents/workflows/{*rest}"))
        .start()
        .await
}

async fn call(stack: &Stack, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let method = method.parse().unwrap();
    let mut request = stack.client.request(method, stack.url(path)).header("x-api-key", "alice");
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// A workflow with something in every column.
pub(crate) fn workflow(name: &str) -> Value {
    json!({
        "name": name, "description": "żółć ✓", "steps": {"ü": {"k": "✓", "n": 1e-7, "big": 12_345_678_901_234_i64}},
        "dependencies": {"b": ["a"]}, "max_cost_budget": 12.5, "verification_level": "zero-knowledge",
        "tags": ["a", "✓"], "is_public": true,
    })
}

#[tokio::test]
async fn rows_of_either_side_read_the_same_on_the_other() {
    let stack = real().await;
    let (status, by_monolith) =
        call(&stack, "POST", WORKFLOWS, Some(workflow("by the monolith"))).await;
    assert_eq!(status, 200, "{by_monolith}");
    stack.cut_over(&["workflows", "--to", "service"]).await;
    let (status, by_service) =
        call(&stack, "POST", WORKFLOWS, Some(workflow("by the service"))).await;
    assert_eq!(status, 200, "{by_service}");
    let paths: Vec<String> = [&by_monolith, &by_service]
        .iter()
        .map(|made| format!("{WORKFLOWS}/{}", made["id"].as_str().unwrap()))
        .chain([WORKFLOWS.to_owned(), format!("{WORKFLOWS}?tags=a&is_public=true")])
        .collect();
    let mut from_service = Vec::new();
    for path in &paths {
        from_service.push(call(&stack, "GET", path, None).await);
    }
    assert_eq!(from_service[0].1, by_monolith, "the service reads the monolith's row");
    stack.migrate_ok(&["rollback", "workflows"]).await;
    for (path, expected) in paths.iter().zip(&from_service) {
        assert_eq!(&call(&stack, "GET", path, None).await, expected, "{path}");
    }
}

#[tokio::test]
async fn errors_of_both_sides_look_the_same() {
    let stack = real().await;
    let requests = [
        ("POST", WORKFLOWS.to_owned(), Some(json!({"name": 5, "tags": "a"}))),
        ("POST", WORKFLOWS.to_owned(), Some(json!([1]))),
        ("GET", format!("{WORKFLOWS}/agent_missing"), None),
        ("PATCH", format!("{WORKFLOWS}/x"), Some(json!({}))),
        ("GET", format!("{WORKFLOWS}?is_public=maybe"), None),
    ];
    let mut answers = Vec::new();
    for side in ["monolith", "service"] {
        if side == "service" {
            stack.cut_over(&["workflows", "--to", "service"]).await;
        }
        let mut of_side = Vec::new();
        for (method, path, body) in &requests {
            let (status, mut body) = call(&stack, method, path, body.clone()).await;
            // The instant and the id of the request are its own.
            for own in ["timestamp", "request_id"] {
                body.as_object_mut().unwrap().remove(own);
            }
            of_side.push((status, body));
        }
        answers.push(of_side);
    }
    assert_eq!(answers[0], answers[1]);
}

/// Each side writes what it was asked to write, and nothing that the other has written meanwhile.
#[tokio::test]
async fn both_sides_change_one_workflow_at_once_and_no_change_is_lost() {
    const ROUNDS: u32 = 25;
    let stack = real().await;
    let (_, made) = call(&stack, "POST", WORKFLOWS, Some(workflow("w"))).await;
    let path = format!("{WORKFLOWS}/{}", made["id"].as_str().unwrap());
    let put = async |backend: &str, change: Value| {
        let request = stack.client.put(format!("{backend}{path}")).header("x-api-key", "alice");
        let request = request.header("content-type", "application/json").body(change.to_string());
        request.send().await.unwrap().status().as_u16()
    };
    let (old, new) = (stack.old.url(), stack.new.url());
    for round in 0..ROUNDS {
        let (description, name) =
            (format!("of the monolith {round}"), format!("of the service {round}"));
        let statuses = tokio::join!(
            put(&old, json!({"description": description, "max_execution_time": round})),
            put(&new, json!({"name": name, "tags": [name]})),
        );
        assert_eq!(statuses, (200, 200), "round {round}");
        let (_, found) = call(&stack, "GET", &path, None).await;
        assert_eq!((&found["description"], &found["name"]), (&json!(description), &json!(name)));
        assert_eq!(found["max_execution_time"], round);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_write_for_five_seconds_and_no_write_is_lost() {
    both_write_for(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute; `make write-proof` runs it"]
async fn both_sides_write_for_a_minute_and_no_write_is_lost() {
    both_write_for(Duration::from_mins(1)).await;
}

/// Clients of either side write as fast as they are answered: every answer is a row, and nobody is told of a lock.
async fn both_write_for(time: Duration) {
    const CLIENTS: usize = 4;
    let stack = &real().await;
    let mode = stack.database.query("PRAGMA journal_mode", &[]).await;
    let end = Instant::now() + time;
    let write = async |backend: String, client: usize| {
        let mut ids = Vec::new();
        while Instant::now() < end {
            let name = format!("{client}-{}", ids.len());
            let request = stack.client.post(format!("{backend}{WORKFLOWS}"));
            let request =
                request.header("x-api-key", "alice").header("content-type", "application/json");
            let body = json!({"name": name, "steps": {}});
            let answer = request.body(body.to_string()).send().await.unwrap();
            let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
            assert_eq!(status, 200, "{backend}: {text}");
            let made: Value = serde_json::from_str(&text).unwrap();
            ids.push(made["id"].as_str().unwrap().to_owned());
        }
        ids
    };
    let clients = (0..CLIENTS).flat_map(|n| [write(stack.old.url(), n), write(stack.new.url(), n)]);
    let answered = join_all(clients).await;
    let [old, new] =
        [0, 1].map(|side| answered.iter().skip(side).step_by(2).map(Vec::len).sum::<usize>());
    eprintln!("{time:?}: {old} rows by the monolith, {new} by the service");
    assert!(old > 0 && new > 0);
    let answered: BTreeSet<String> = answered.into_iter().flatten().collect();
    let rows = stack.database.query("SELECT id FROM ai_agent_workflows", &[]).await;
    let stored: BTreeSet<String> =
        rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
    assert_eq!((stored.len(), &stored), (rows.len(), &answered));
    assert_eq!(stack.database.query("PRAGMA journal_mode", &[]).await, mode, "left as found");
}

/// The whole point of the stage `shadow`, on the real pair.
#[tokio::test]
async fn mirrored_reads_of_the_real_pair_match_and_a_planted_difference_is_found() {
    let stack = real().await;
    for name in ["one", "two", "three"] {
        call(&stack, "POST", WORKFLOWS, Some(workflow(name))).await;
    }
    stack.migrate_ok(&["cutover", "workflows", "--to", "shadow"]).await;
    for _ in 0..10 {
        call(&stack, "GET", WORKFLOWS, None).await;
    }
    let evidence = evidence_after(&stack, 10).await;
    assert_eq!(evidence.0, evidence.1, "all matched: {:?}", stack.evidence().await);

    let switch = format!("{}/__switch", stack.old.url());
    let planted = r#"{"alter": [{"path": "$[*].version", "value": "9.9.9"}]}"#;
    stack.client.put(&switch).body(planted).send().await.unwrap().error_for_status().unwrap();
    call(&stack, "GET", WORKFLOWS, None).await;
    evidence_after(&stack, 11).await;
    let found = stack.evidence().await.routes.pop().unwrap();
    let paths: Vec<_> =
        found.operations.iter().flat_map(|o| &o.differences).map(|d| d.path.as_str()).collect();
    assert_eq!(paths, ["$[*].version"]);
}

/// Compared and matched pairs, once there are `pairs` of them.
async fn evidence_after(stack: &Stack, pairs: u64) -> (u64, u64) {
    e2e::wait::until(&format!("{pairs} pairs are compared"), e2e::LIMIT, async || {
        let route = stack.evidence().await.routes.pop()?;
        let compared = route.operations.iter().map(|o| o.compared).sum::<u64>();
        let matched = route.operations.iter().map(|o| o.matched).sum::<u64>();
        (compared >= pairs).then_some((compared, matched))
    })
    .await
}
