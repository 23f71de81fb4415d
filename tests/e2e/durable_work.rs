//! Trainings and plans outlive the process that dies in the middle of them.

use std::time::Duration;

use e2e::stack::Player;
use e2e::{LIMIT, RouteSpec, Stack, wait};
use serde_json::{Value, json};

use crate::stack;

/// A trainer that has died keeps its training for six seconds, and a debug build on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(90);

async fn service(settings: &[(&str, &str)]) -> Stack {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    stack()
        .new_backend(Player::Service(settings.collect()))
        .route(RouteSpec::new("agents", "/api/v1/agents/{*rest}"))
        .start_without_proxy()
        .await
}

async fn kill_and_restart(stack: &mut Stack) {
    stack.new.program().process().kill();
    stack.new.program().restart().await;
}

async fn get(stack: &Stack, path: &str) -> Value {
    let url = format!("{}/api/v1/agents{path}", stack.new.url());
    let answer = stack.client.get(url).header("x-api-key", "alice").send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn post(stack: &Stack, path: &str, body: Value) -> Value {
    let url = format!("{}/api/v1/agents{path}", stack.new.url());
    let request = stack.client.post(url).header("x-api-key", "alice");
    let request = request.header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

/// Begins to train somebody for some seconds, the same in all but the name; the ids of learner and training.
async fn begin_training(stack: &Stack, name: &str) -> (String, String) {
    let settings = json!({"max_episodes": 640, "hidden_size": 64});
    let body = json!({"agent_id": name, "algorithm": "ppo", "settings": settings});
    let learner = id(&post(stack, "/learning/agents", body).await);
    let path = format!("/learning/agents/{learner}/train");
    let training = id(&post(stack, &path, json!({"seed": 7})).await);
    (learner, training)
}

async fn completed(stack: &Stack, training: &str) -> Value {
    wait::until("the training is completed", PATIENCE, async || {
        let seen = get(stack, &format!("/learning/trainings/{training}")).await;
        (seen["status"] == "completed").then_some(seen)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_training_that_is_cut_off_comes_to_the_end_that_it_would_have_come_to() {
    let mut stack = service(&[("EXECUTION_LEASE_SECONDS", "6")]).await;
    let (learner, training) = begin_training(&stack, "killed").await;
    wait::until("the training is under way", LIMIT, async || {
        let seen = get(&stack, &format!("/learning/trainings/{training}")).await;
        (seen["episodes_done"].as_u64()? > 0).then_some(())
    })
    .await;
    stack.new.program().process().kill();
    let sql = "SELECT status, episodes_done < episodes FROM agent_service_rl_jobs";
    let rows = stack.database.query(sql, &[]).await;
    assert_eq!(rows, [[json!("RUNNING"), json!(1)]], "killed in the middle");

    stack.new.program().restart().await;
    let ended = completed(&stack, &training).await;
    assert_eq!(ended["attempts"], 2);
    let (undisturbed, training) = begin_training(&stack, "undisturbed").await;
    let whole = completed(&stack, &training).await;
    assert_eq!(whole["attempts"], 1);
    assert_eq!(ended["reward_history"], whole["reward_history"]);
    let model = async |learner: &str| {
        let shown = get(&stack, &format!("/learning/agents/{learner}")).await;
        let model = &shown["model"];
        assert_eq!(model["evaluation"]["beats_random"], true, "{model:#}");
        (model["checksum"].clone(), model["evaluation"].clone())
    };
    assert_eq!(model(&learner).await, model(&undisturbed).await);
}

/// A task of which one part waits for another, and a third for nobody.
fn task() -> Value {
    let part = |name: &str, needs: &[&str]| {
        json!({"sub_task_id": name, "dependencies": needs, "requirements": {
            "task_type": "text_processing", "gpu_tier": "mid_range_gpu",
            "estimated_duration": 1, "memory_requirement": 4,
        }})
    };
    let parts = [part("a", &[]), part("b", &["a"]), part("c", &[])];
    json!({"task_id": "t", "decomposition": {"confidence_score": 0.8, "sub_tasks": parts}})
}

/// The assignments of a plan of [`task`]: `a`, `b` and `c`.
fn assignments(plan: &Value) -> [&Value; 3] {
    let all = plan["agent_assignments"].as_array().unwrap();
    ["a", "b", "c"].map(|name| all.iter().find(|a| a["sub_task_id"] == name).unwrap())
}

/// Their statuses.
fn statuses(plan: &Value) -> [&str; 3] {
    assignments(plan).map(|assignment| assignment["status"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_goes_on_where_it_was_and_is_watched_by_the_next_process() {
    let mut stack = service(&[
        ("ORCHESTRATION_MONITORING_SECONDS", "1"),
        ("ORCHESTRATION_ASSIGNMENT_TIMEOUT_SECONDS", "10"),
    ])
    .await;
    let made = post(&stack, "/orchestration/plans", task()).await;
    let path = format!("/orchestration/plans/{}", id(&made));
    let report = async |stack: &Stack, assignment: &Value, what: &str| {
        let path = format!("/orchestration/assignments/{}/{what}", id(assignment));
        post(stack, &path, json!({})).await
    };
    let [first, second, _] = assignments(&made);
    report(&stack, first, "start").await;
    kill_and_restart(&mut stack).await;

    let plan = get(&stack, &path).await;
    assert_eq!(statuses(&plan)[..2], ["in_progress", "assigned"]);
    let failed = wait::until("nobody has begun the third part", PATIENCE, async || {
        let plan = get(&stack, &path).await;
        (statuses(&plan) == ["in_progress", "assigned", "failed"]).then_some(plan)
    })
    .await;
    let error = &assignments(&failed)[2]["error_message"];
    assert_eq!(error, "The agent did not begin within 10 s");
    let retried = post(&stack, &format!("{path}/retry"), json!({})).await;
    assert_eq!(retried["retried"], json!(["c"]));
    let again = assignments(&retried["plan"])[2];
    report(&stack, again, "start").await;
    kill_and_restart(&mut stack).await;

    report(&stack, again, "complete").await;
    report(&stack, first, "complete").await;
    for what in ["start", "complete"] {
        report(&stack, second, what).await;
    }
    let ended = get(&stack, &path).await;
    assert_eq!((&ended["status"], statuses(&ended)), (&json!("completed"), ["completed"; 3]));
    let figures = get(&stack, "/orchestration/metrics").await;
    kill_and_restart(&mut stack).await;
    assert_eq!(get(&stack, "/orchestration/metrics").await, figures);
    assert_eq!(figures["metrics"]["successful_tasks"], 1);
    assert_eq!(figures["metrics"]["agent_utilization"], 0.0);
    // A GPU and memory for each of four tries, each given back.
    let ledger = get(&stack, &format!("{path}/allocations")).await;
    let ledger = ledger.as_array().unwrap();
    assert_eq!(ledger.len(), 8);
    assert!(ledger.iter().all(|line| line["released_at"].is_string()), "{ledger:#?}");
}
