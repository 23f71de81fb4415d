//! `kill -9` again and again while two hundred executions run: each ends once, with every step's effects once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use e2e::stack::Player;
use e2e::{RouteSpec, Stack, wait};
use serde_json::{Map, Value, json};

use crate::stack;

const EXECUTIONS: usize = 200;
/// A silent worker keeps its executions for six seconds, and a debug build on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// One worker while executions are recorded, however long that takes: so they all begin at once, with the next start.
const SETTINGS: [(&str, &str); 2] = [("EXECUTION_WORKERS", "1"), ("EXECUTION_LEASE_SECONDS", "6")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_kills_while_two_hundred_run() {
    killed(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes three minutes; `make kill-proof` runs it"]
async fn ten_kills_while_two_hundred_run() {
    killed(10).await;
}

async fn killed(times: usize) {
    let settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let mut stack = stack()
        .new_backend(Player::Service(settings))
        .route(RouteSpec::new("agents", "/api/v1/agents/{*rest}").stage("service"))
        .start()
        .await;
    // Even if some executions got all of the time and others none, fewer than half would have ended at the last kill.
    let steps = 2 * times + 2;
    let workflow = workflow(&stack, steps).await;
    let mut executions = BTreeSet::new();
    for _ in 0..EXECUTIONS {
        executions.insert(execute(&stack, &workflow).await);
    }
    let service = stack.new.program();
    service.process().kill();
    // All executions are held at once, so each kill from now on cuts every one of them off.
    service.set("EXECUTION_WORKERS", &EXECUTIONS.to_string());
    service.restart().await;
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    for kill in 1..=times {
        let so_far = kill * EXECUTIONS;
        wait::until(&format!("{so_far} steps are done"), PATIENCE, async || {
            (count(&stack, "agent_step_executions WHERE status = 'COMPLETED'").await >= so_far)
                .then_some(())
        })
        .await;
        stack.new.program().process().kill();
        let running = count(&stack, "agent_executions WHERE status = 'RUNNING'").await;
        let cut_off = count(&stack, "agent_step_executions WHERE status = 'RUNNING'").await;
        eprintln!("kill {kill}: {running} executions were running, {cut_off} steps are cut off");
        assert!(running * 2 > EXECUTIONS && cut_off > 0, "kill {kill} came late");
        let done = finished_steps(&stack).await;
        for (row, was) in &seen {
            assert_eq!(done.get(row), Some(was), "a finished step was touched again");
        }
        seen = done;
        stack.new.program().restart().await;
    }
    wait::until("every execution has ended", PATIENCE, async || {
        (count(&stack, "agent_executions WHERE status = 'RUNNING'").await == 0).then_some(())
    })
    .await;
    check(&mut stack, &executions, steps, &seen).await;
}

async fn check(
    stack: &mut Stack,
    executions: &BTreeSet<String>,
    steps: usize,
    seen: &BTreeMap<String, Value>,
) {
    let done = finished_steps(stack).await;
    assert!(seen.iter().all(|(row, was)| done.get(row) == Some(was)), "what was finished stayed");
    let sql = "SELECT e.id, e.status, e.completed_steps, count(s.id), count(DISTINCT s.step_id), \
               sum(s.status = 'COMPLETED'), count(DISTINCT p.step_execution_id), r.finished_at IS NOT NULL \
               FROM agent_executions e JOIN agent_service_runs r ON r.execution_id = e.id \
               JOIN agent_step_executions s ON s.execution_id = e.id \
               LEFT JOIN agent_service_step_proofs p ON p.step_execution_id = s.id GROUP BY e.id";
    let rows = stack.database.query(sql, &[]).await;
    let found: BTreeSet<String> =
        rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
    assert_eq!(&found, executions);
    for row in rows {
        let once = json!([row[0], "COMPLETED", steps, steps, steps, steps, steps, 1]);
        assert_eq!(Value::Array(row), once, "id, status, and every step, row and proof once");
    }
    // The workers' own words: nobody ended an execution that had ended. A word is lost where a kill comes before it.
    let log = stack.new.program().process().output();
    let ended: Vec<&str> = log.lines().filter(|line| line.contains("\"completed\"")).collect();
    for execution in executions {
        let times = ended.iter().filter(|line| line.contains(execution.as_str())).count();
        assert!(times <= 1, "{execution} ended {times} times");
    }
    assert!(ended.len() > EXECUTIONS / 2, "only {} ends are in the log", ended.len());
    let repeated = count(stack, "agent_step_executions WHERE retry_count > 0").await;
    eprintln!("{} executions ended once; {repeated} steps were begun again", executions.len());
}

async fn workflow(stack: &Stack, steps: usize) -> String {
    let ids: Vec<String> = (0..steps).map(|n| format!("step_{n:02}")).collect();
    let dependencies: Map<_, _> =
        ids.windows(2).map(|pair| (pair[1].clone(), json!([pair[0]]))).collect();
    let body = json!({"name": "long", "steps": {"a": {}}, "dependencies": dependencies});
    let made = post(stack, "/api/v1/agents/workflows", body).await;
    let workflow = made["id"].as_str().unwrap().to_owned();
    for (order, id) in ids.iter().enumerate() {
        // Each takes half a second; the first is proven without being shown.
        let level = if order == 0 { "ZERO_KNOWLEDGE" } else { "FULL" };
        let sql = "INSERT INTO agent_steps (id, workflow_id, step_order, name, step_type, model_requirements, \
                   input_mappings, output_mappings, timeout_seconds, retry_policy, max_retries, requires_proof, \
                   verification_level, depends_on, created_at, updated_at) VALUES (?, ?, CAST(? AS INTEGER), 'n', \
                   'TRAINING', '{}', '{}', '{}', 300, '{}', 3, 1, ?, '', '2026-01-01 00:00:00.000000', \
                   '2026-01-01 00:00:00.000000')";
        stack.database.query(sql, &[id, &workflow, &order.to_string(), level]).await;
    }
    workflow
}

async fn execute(stack: &Stack, workflow: &str) -> String {
    let body = json!({"workflow_id": workflow, "inputs": {"seed": 7}});
    let path = format!("/api/v1/agents/workflows/{workflow}/execute");
    let begun = post(stack, &path, body).await;
    begun["execution_id"].as_str().unwrap().to_owned()
}

async fn post(stack: &Stack, path: &str, body: Value) -> Value {
    let request = stack.client.post(stack.url(path)).header("x-api-key", "alice");
    let request = request.header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn count(stack: &Stack, of: &str) -> usize {
    let rows = stack.database.query(&format!("SELECT count(*) FROM {of}"), &[]).await;
    usize::try_from(rows[0][0].as_u64().unwrap()).unwrap()
}

/// The rows of finished steps: what they brought, and when.
async fn finished_steps(stack: &Stack) -> BTreeMap<String, Value> {
    let sql = "SELECT id, step_id, execution_id, output_data, execution_time, completed_at, retry_count \
               FROM agent_step_executions WHERE status = 'COMPLETED'";
    let rows = stack.database.query(sql, &[]).await;
    rows.into_iter().map(|row| (row[0].as_str().unwrap().to_owned(), Value::Array(row))).collect()
}
