//! An execution outlives the process that runs it, and no finished step runs twice.

use e2e::stack::Player;
use e2e::{LIMIT, RouteSpec, Stack, wait};
use serde_json::{Value, json};

use crate::stack;

const WORKFLOWS: &str = "/api/v1/agents/workflows";
/// Each step of the type `TRAINING` takes half a second, so a kill finds the execution in the middle.
const STEPS: usize = 4;

async fn service() -> Stack {
    stack()
        .new_backend(Player::Service(Vec::new()))
        .route(RouteSpec::new("agents", "/api/v1/agents/{*rest}").stage("service"))
        .start()
        .await
}

async fn post(stack: &Stack, path: &str, body: Value) -> Value {
    let request = stack.client.post(stack.url(path)).header("x-api-key", "alice");
    let request = request.header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn status(stack: &Stack, execution: &str) -> Option<Value> {
    let path = format!("/api/v1/agents/executions/{execution}/status");
    let answer =
        stack.client.get(stack.url(&path)).header("x-api-key", "alice").send().await.ok()?;
    answer.status().is_success().then_some(())?;
    serde_json::from_str(&answer.text().await.ok()?).ok()
}

/// A workflow whose steps follow one another. No endpoint makes steps, so they are written as rows.
async fn workflow_with_steps(stack: &Stack) -> String {
    let ids: Vec<String> = (0..STEPS).map(|n| format!("step_{n}")).collect();
    let dependencies: serde_json::Map<_, _> =
        ids.windows(2).map(|pair| (pair[1].clone(), json!([pair[0]]))).collect();
    let body = json!({"name": "long", "steps": {"a": {}}, "dependencies": dependencies});
    let made = post(stack, WORKFLOWS, body).await;
    let workflow = made["id"].as_str().unwrap().to_owned();
    for (order, id) in ids.iter().enumerate() {
        let sql = "INSERT INTO agent_steps (id, workflow_id, step_order, name, step_type, model_requirements, \
                   input_mappings, output_mappings, timeout_seconds, retry_policy, max_retries, requires_proof, \
                   verification_level, depends_on, created_at, updated_at) VALUES (?, ?, CAST(? AS INTEGER), 'n', \
                   'TRAINING', '{}', '{}', '{}', 300, '{}', 3, 0, 'BASIC', '', '2026-01-01 00:00:00.000000', \
                   '2026-01-01 00:00:00.000000')";
        stack.database.query(sql, &[id, &workflow, &order.to_string()]).await;
    }
    workflow
}

async fn execute(stack: &Stack, workflow: &str) -> String {
    let body = json!({"workflow_id": workflow, "inputs": {"seed": 7}});
    let begun = post(stack, &format!("{WORKFLOWS}/{workflow}/execute"), body).await;
    begun["execution_id"].as_str().unwrap().to_owned()
}

async fn until_step(stack: &Stack, execution: &str, step: u64) {
    wait::until(&format!("step {step} is done"), LIMIT, async || {
        (status(stack, execution).await?["current_step"].as_u64()? >= step).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_it_goes_on_and_repeats_no_finished_step() {
    let mut stack = service().await;
    let workflow = workflow_with_steps(&stack).await;
    let execution = execute(&stack, &workflow).await;
    until_step(&stack, &execution, 1).await;
    stack.new.program().process().kill();
    let sql = "SELECT step_id, id FROM agent_step_executions WHERE execution_id = ? AND status = 'COMPLETED'";
    let finished = stack.database.query(sql, &[&execution]).await;
    assert!((1..STEPS).contains(&finished.len()), "killed in the middle: {finished:?}");

    stack.new.program().restart().await;
    let ended = wait::until("the execution has ended", LIMIT * 3, async || {
        let status = status(&stack, &execution).await?;
        (status["status"] != "running").then_some(status)
    })
    .await;
    assert_eq!(ended["status"], "completed", "{ended:#}");
    assert_eq!(ended["current_step"], STEPS);
    let done = stack.database.query(sql, &[&execution]).await;
    let mut steps: Vec<&str> = done.iter().map(|row| row[0].as_str().unwrap()).collect();
    steps.sort_unstable();
    assert_eq!(steps, ["step_0", "step_1", "step_2", "step_3"], "each finished once");
    assert!(finished.iter().all(|row| done.contains(row)), "what was finished stayed");
}

#[tokio::test]
async fn a_cancelled_execution_stays_cancelled() {
    let stack = service().await;
    let workflow = workflow_with_steps(&stack).await;
    let execution = execute(&stack, &workflow).await;
    until_step(&stack, &execution, 1).await;
    post(&stack, &format!("/api/v1/agents/executions/{execution}/cancel"), json!({})).await;
    let sql =
        "SELECT count(*) FROM agent_step_executions WHERE execution_id = ? AND status = 'RUNNING'";
    wait::until("the step that ran has ended", LIMIT, async || {
        (stack.database.query(sql, &[&execution]).await[0][0] == 0).then_some(())
    })
    .await;
    let after = status(&stack, &execution).await.unwrap();
    assert_eq!(after["status"], "cancelled", "{after:#}");
    assert!(after["current_step"].as_u64().unwrap() < STEPS as u64);
}

#[tokio::test]
async fn what_the_monolith_runs_is_not_taken_over() {
    let mut stack = service().await;
    let workflow = workflow_with_steps(&stack).await;
    let sql = "INSERT INTO agent_executions (id, workflow_id, client_id, status, current_step, step_states, final_result, \
               execution_receipt, verification_proof, total_cost, total_steps, completed_steps, started_at, created_at, \
               updated_at) VALUES ('exec_0123456789', ?, 'alice', 'RUNNING', 0, '{}', 'null', 'null', 'null', 0.0, 1, 0, \
               '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')";
    stack.database.query(sql, &[&workflow]).await;
    stack.new.program().process().kill();
    stack.new.program().restart().await;
    wait::until("the proxy knows that the service is back", LIMIT, async || {
        status(&stack, "exec_0123456789").await.map(drop)
    })
    .await;
    // An execution of the service's own, begun later, ends: whoever takes over what was left would have done so by then.
    let own = execute(&stack, &workflow).await;
    wait::until("the service's own execution has ended", LIMIT, async || {
        (status(&stack, &own).await?["status"] == "completed").then_some(())
    })
    .await;
    let left = status(&stack, "exec_0123456789").await.unwrap();
    assert_eq!(
        (left["status"].as_str(), left["current_step"].as_u64()),
        (Some("running"), Some(0))
    );
}
