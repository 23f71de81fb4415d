//! Orchestration over HTTP: plans from assignment to end, who may do what, and that nobody gets more than they can carry.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::testing::{Answer, TestApp};

/// A sub-task of the first built-in agent's kind.
fn part(id: &str, dependencies: &[&str]) -> Value {
    json!({
        "sub_task_id": id, "dependencies": dependencies,
        "requirements": {
            "task_type": "text_processing", "gpu_tier": "mid_range_gpu",
            "estimated_duration": 0.5, "memory_requirement": 4,
        },
    })
}

fn task(task_id: &str, parts: &[Value]) -> Value {
    json!({"task_id": task_id, "decomposition": {"sub_tasks": parts, "confidence_score": 0.8}})
}

async fn post(test: &TestApp, caller: &str, path: &str, body: Option<Value>) -> Answer {
    test.ask(caller, "POST", &format!("/orchestration{path}"), body).await
}

async fn get(test: &TestApp, path: &str) -> Value {
    let answer = test.ask("alice", "GET", &format!("/orchestration{path}"), None).await;
    assert_eq!(answer.status.as_u16(), 200, "{path}: {answer:?}");
    answer.json()
}

/// A plan of alice's; it, and the ids of its assignments.
async fn plan(test: &TestApp, task_id: &str, parts: &[Value]) -> (Value, Vec<String>) {
    let answer = post(test, "alice", "/plans", Some(task(task_id, parts))).await;
    assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
    let plan = answer.json();
    let ids = plan["agent_assignments"].as_array().unwrap().iter();
    let ids = ids.map(|assignment| assignment["id"].as_str().unwrap().to_owned()).collect();
    (plan, ids)
}

/// What a report about an assignment is answered with.
async fn report(test: &TestApp, id: &str, what: &str, body: Option<Value>) -> u16 {
    let path = format!("/assignments/{id}/{what}");
    post(test, "alice", &path, body).await.status.as_u16()
}

async fn load(test: &TestApp, agent: &str) -> i64 {
    get(test, &format!("/agents/{agent}")).await["current_load"].as_i64().unwrap()
}

#[tokio::test]
async fn a_task_goes_from_assignment_to_completion() {
    let test = TestApp::new().await;
    let (made, ids) = plan(&test, "t", &[part("a", &[]), part("b", &["a"])]).await;
    assert_eq!((&made["status"], &made["estimated_cost"]), (&json!("active"), &json!(0.05)));
    assert_eq!(
        made["resource_requirements"],
        json!({"gpu": 2, "cpu": 0, "memory": 8, "storage": 0})
    );
    assert_eq!(made["execution_plan"], json!([["a"], ["b"]]));
    let path = format!("/plans/{}", made["id"].as_str().unwrap());
    assert_eq!(get(&test, &path).await, made);
    assert_eq!(load(&test, "agent_001").await, 2);

    assert_eq!(report(&test, &ids[1], "start", None).await, 409, "it waits for the first");
    assert_eq!(report(&test, &ids[0], "complete", Some(json!({}))).await, 409, "not begun");
    for id in &ids {
        assert_eq!(report(&test, id, "start", None).await, 200);
        assert_eq!(report(&test, id, "start", None).await, 409);
        test.clock.advance(1800);
        let results = json!({"results": {"words": [1, 2.5]}});
        assert_eq!(report(&test, id, "complete", Some(results.clone())).await, 200);
        assert_eq!(report(&test, id, "complete", Some(results)).await, 409);
    }
    let ended = get(&test, &path).await;
    assert_eq!(ended["status"], "completed");
    assert_eq!(ended["agent_assignments"][1]["results"], json!({"words": [1, 2.5]}));
    let status = get(&test, &format!("{path}/status")).await;
    assert_eq!((&status["status"], &status["progress"]), (&json!("completed"), &json!(1.0)));
    // Two times half an hour and a few microseconds, at 0.05.
    assert_eq!((&status["actual_cost"], &ended["actual_cost"]), (&json!(0.05), &json!(0.05)));

    let ledger = get(&test, &format!("{path}/allocations")).await;
    let ledger = ledger.as_array().unwrap();
    assert_eq!(ledger.len(), 4);
    for line in ledger {
        assert!(line["released_at"].is_string() && line["held_for"].is_null(), "{line}");
        assert!((line["actual_duration"].as_f64().unwrap() - 0.5).abs() < 1e-3);
    }
    assert_eq!(load(&test, "agent_001").await, 0);
    let metrics = get(&test, "/metrics").await;
    assert_eq!(metrics["orchestrator_status"], "completed");
    assert_eq!(metrics["metrics"]["successful_tasks"], 1);
    assert_eq!(metrics["metrics"]["average_cost"], 0.05);
}

#[tokio::test]
async fn what_fails_is_retried_with_a_new_assignment_until_it_may_not_be() {
    let test = TestApp::with(&[("ORCHESTRATION_RETRY_LIMIT", "1")]).await;
    let (made, ids) = plan(&test, "t", &[part("a", &[]), part("b", &["a"])]).await;
    let path = format!("/plans/{}", made["id"].as_str().unwrap());
    let error = || Some(json!({"error_message": "out of paper"}));
    assert_eq!(report(&test, &ids[0], "start", None).await, 200);
    assert_eq!(report(&test, &ids[0], "fail", error()).await, 200);
    assert_eq!(load(&test, "agent_001").await, 1);
    assert_eq!(get(&test, &format!("{path}/status")).await["status"], "failed");
    assert_eq!(get(&test, &path).await["status"], "active");

    let retried = post(&test, "alice", &format!("{path}/retry"), None).await.json();
    assert_eq!(retried["retried"], json!(["a"]));
    let again = retried["plan"]["agent_assignments"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(retried["plan"]["agent_assignments"][0]["retry_count"], 1);
    assert_eq!(report(&test, &ids[0], "start", None).await, 404, "the former try is gone");
    assert_eq!(load(&test, "agent_001").await, 2);
    let nothing = post(&test, "alice", &format!("{path}/retry"), None).await.json();
    assert_eq!(nothing["retried"], json!([]));

    assert_eq!(report(&test, &again, "fail", error()).await, 200);
    let ended = get(&test, &path).await;
    assert_eq!(
        (&ended["status"], &ended["agent_assignments"][1]["status"]),
        (&json!("failed"), &json!("cancelled"))
    );
    assert_eq!(ended["error_message"], "Sub-task a failed for good: out of paper");
    assert_eq!(load(&test, "agent_001").await, 0);
    let refused = post(&test, "alice", &format!("{path}/retry"), None).await;
    assert_eq!(refused.status.as_u16(), 409);
    assert_eq!(get(&test, "/metrics").await["metrics"]["failed_tasks"], 1);
}

#[tokio::test]
async fn cancelling_gives_everything_back() {
    let test = TestApp::new().await;
    let (made, ids) = plan(&test, "t", &[part("a", &[]), part("b", &[]), part("c", &["a"])]).await;
    let path = format!("/plans/{}", made["id"].as_str().unwrap());
    assert_eq!(report(&test, &ids[0], "start", None).await, 200);
    assert_eq!(load(&test, "agent_001").await, 3);
    let busy = get(&test, "/agents/agent_001").await;
    assert_eq!(busy["status"], "busy");
    let cancelled = post(&test, "alice", &format!("{path}/cancel"), None).await;
    assert_eq!(cancelled.status.as_u16(), 200);
    assert_eq!(load(&test, "agent_001").await, 0);
    let again = post(&test, "alice", &format!("{path}/cancel"), None).await;
    assert_eq!(again.json(), json!({"detail": "The plan has ended already"}));
    assert_eq!(report(&test, &ids[0], "complete", Some(json!({}))).await, 409);
    let status = get(&test, &format!("{path}/status")).await;
    assert_eq!(
        (&status["status"], &status["status_counts"]["cancelled"]),
        (&json!("cancelled"), &json!(3))
    );
    let metrics = get(&test, "/metrics").await;
    assert_eq!(
        (&metrics["failed_plans"], &metrics["orchestrator_status"]),
        (&json!(1), &json!("failed"))
    );
}

#[tokio::test]
async fn there_is_a_limit_to_plans_and_a_task_is_orchestrated_once_at_a_time() {
    let test = TestApp::with(&[("ORCHESTRATION_MAX_PLANS", "2")]).await;
    let (first, _) = plan(&test, "one", &[part("a", &[])]).await;
    let refused = post(&test, "alice", "/plans", Some(task("one", &[part("a", &[])]))).await;
    assert_eq!(refused.json(), json!({"detail": "The task is being orchestrated already"}));
    plan(&test, "two", &[part("a", &[])]).await;
    let refused = post(&test, "alice", "/plans", Some(task("three", &[part("a", &[])]))).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()),
        (409, json!({"detail": "Orchestrator at maximum capacity"}))
    );
    let bobs = post(&test, "bob", "/plans", Some(task("one", &[part("a", &[])]))).await;
    assert_eq!(bobs.status.as_u16(), 201, "everybody has agents of their own");
    let path = format!("/plans/{}/cancel", first["id"].as_str().unwrap());
    post(&test, "alice", &path, None).await;
    plan(&test, "one", &[part("a", &[])]).await;
}

#[tokio::test]
async fn a_plan_without_a_place_for_each_sub_task_leaves_nothing() {
    let test = TestApp::new().await;
    plan(&test, "first", &[part("a", &[]), part("b", &[])]).await;
    let before = test.app.store.dump().await;
    let body = task("second", &[part("a", &[]), part("b", &[])]);
    let refused = post(&test, "alice", "/plans", Some(body)).await;
    let why = "No available agents for sub-task b (text_processing on mid_range_gpu: 1 busy)";
    assert_eq!(refused.json(), json!({"detail": why}));
    assert_eq!(test.app.store.dump().await, before);
}

#[tokio::test]
async fn requests_at_once_never_give_an_agent_more_than_it_can_carry() {
    let test = TestApp::new().await;
    let asked = (0..8).map(|i| {
        let body = task(&format!("t{i}"), &[part("a", &[])]);
        let test = &test;
        async move { post(test, "alice", "/plans", Some(body)).await.status.as_u16() }
    });
    let mut answers = join_all(asked).await;
    answers.sort_unstable();
    assert_eq!(answers, [201, 201, 201, 409, 409, 409, 409, 409]);
    assert_eq!(load(&test, "agent_001").await, 3);

    // And of reports at once about one assignment, one counts.
    let plans = get(&test, "/plans").await;
    let path = format!("/plans/{}", plans[0]["id"].as_str().unwrap());
    let id = get(&test, &path).await["agent_assignments"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(report(&test, &id, "start", None).await, 200);
    let reports = (0..6).map(|_| report(&test, &id, "complete", Some(json!({}))));
    let mut answers = join_all(reports).await;
    answers.sort_unstable();
    assert_eq!(answers, [200, 409, 409, 409, 409, 409]);
    assert_eq!(load(&test, "agent_001").await, 2);
    assert_eq!(get(&test, "/metrics").await["metrics"]["successful_tasks"], 1);
}

#[tokio::test]
async fn agents_register_change_and_leave() {
    let test = TestApp::new().await;
    let seen = get(&test, "/agents").await;
    let names: Vec<&str> =
        seen.as_array().unwrap().iter().map(|agent| agent["agent_id"].as_str().unwrap()).collect();
    assert_eq!(names, ["agent_001", "agent_002", "agent_003"], "before anything is stored");
    let body = json!({
        "agent_id": "mine", "supported_task_types": ["io_bound"], "gpu_tier": "cpu_only",
        "performance_score": 0.5, "cost_per_hour": 0.02, "reliability_score": 1,
    });
    for _twice in 0..2 {
        let made = post(&test, "alice", "/agents", Some(body.clone())).await;
        assert_eq!(made.status.as_u16(), 201);
        let made = made.json();
        assert_eq!(
            (&made["max_concurrent_tasks"], &made["status"]),
            (&json!(1), &json!("available"))
        );
    }
    assert_eq!(get(&test, "/agents").await.as_array().unwrap().len(), 4);
    let candidates = get(&test, "/candidates?task_type=io_bound&gpu_tier=cpu_only").await;
    // .4 x .5 + .3 + .2 + .1
    assert!((candidates[0]["score"].as_f64().unwrap() - 0.8).abs() < 1e-12);
    let change = json!({"status": "maintenance", "cost_per_hour": 0.1});
    let changed = test.ask("alice", "PUT", "/orchestration/agents/mine", Some(change)).await.json();
    assert_eq!(
        (&changed["status"], &changed["cost_per_hour"]),
        (&json!("maintenance"), &json!(0.1))
    );
    let candidates = get(&test, "/candidates?task_type=io_bound&gpu_tier=cpu_only").await;
    assert_eq!(candidates, json!([]));
    assert_eq!(get(&test, "/agents?status=maintenance").await[0]["agent_id"], "mine");
    let again = post(&test, "alice", "/agents", Some(body)).await.json();
    assert_eq!(again["status"], "maintenance", "starting anew does not end it");

    plan(&test, "t", &[part("a", &[])]).await;
    let remove = async |agent: &str| {
        let path = format!("/orchestration/agents/{agent}");
        test.ask("alice", "DELETE", &path, None).await.status.as_u16()
    };
    assert_eq!(remove("agent_001").await, 409, "it has an assignment");
    assert_eq!((remove("mine").await, remove("mine").await), (200, 404));
    let others = test.ask("bob", "GET", "/orchestration/agents/mine", None).await;
    assert_eq!(others.status.as_u16(), 404);
}

#[tokio::test]
async fn silent_agents_go_offline_and_a_sign_of_life_brings_them_back() {
    let test = TestApp::new().await;
    let (_, ids) = plan(&test, "t", &[part("a", &[])]).await;
    test.clock.advance(301);
    assert_eq!(get(&test, "/agents/agent_001").await["status"], "offline");
    let refused = post(&test, "alice", "/plans", Some(task("u", &[part("a", &[])]))).await;
    assert_eq!(refused.status.as_u16(), 409);
    let alive = post(&test, "alice", "/agents/agent_001/heartbeat", None).await.json();
    assert_eq!(alive["status"], "available");
    plan(&test, "u", &[part("a", &[])]).await;
    test.clock.advance(301);
    assert_eq!(report(&test, &ids[0], "start", None).await, 200);
    assert_eq!(get(&test, "/agents/agent_001").await["status"], "available", "a report is a sign");
    let unknown = post(&test, "alice", "/agents/nobody/heartbeat", None).await;
    assert_eq!(unknown.status.as_u16(), 404);
}

#[tokio::test]
async fn plans_and_assignments_are_their_owners() {
    let test = TestApp::new().await;
    let (made, ids) = plan(&test, "t", &[part("a", &[])]).await;
    let plan = format!("/orchestration/plans/{}", made["id"].as_str().unwrap());
    let assignment = format!("/orchestration/assignments/{}", ids[0]);
    for (method, path, body) in [
        ("GET", plan.clone(), None),
        ("GET", format!("{plan}/status"), None),
        ("GET", format!("{plan}/allocations"), None),
        ("POST", format!("{plan}/cancel"), None),
        ("POST", format!("{plan}/retry"), None),
        ("GET", assignment.clone(), None),
        ("POST", format!("{assignment}/start"), None),
        ("POST", format!("{assignment}/complete"), Some(json!({}))),
        ("POST", format!("{assignment}/fail"), Some(json!({"error_message": "no"}))),
    ] {
        let refused = test.ask("mallory", method, &path, body.clone()).await;
        assert_eq!(refused.status.as_u16(), 403, "{method} {path}");
        let unknown = path.replace(made["id"].as_str().unwrap(), "none").replace(&ids[0], "none");
        let unknown = test.ask("alice", method, &unknown, body).await;
        assert_eq!(unknown.status.as_u16(), 404, "{method} {path}");
    }
    let listed = test.ask("mallory", "GET", "/orchestration/plans", None).await.json();
    assert_eq!(listed, json!([]));
    assert_eq!(get(&test, "/agents/agent_001/assignments").await[0]["id"], ids[0].as_str());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_reasons() {
    let test = TestApp::new().await;
    let refused = async |body: Value| -> Vec<String> {
        let answer = post(&test, "alice", "/plans", Some(body)).await;
        assert_eq!(answer.status.as_u16(), 422, "{answer:?}");
        let details = answer.json()["error"]["details"].as_array().unwrap().clone();
        let text = |problem: &Value| {
            format!(
                "{}: {}",
                problem["field"].as_str().unwrap(),
                problem["message"].as_str().unwrap()
            )
        };
        details.iter().map(text).collect()
    };
    let mut wrong = task("t", &[part("a", &[])]);
    wrong["decomposition"]["sub_tasks"][0]["requirements"] = json!({
        "task_type": "magic", "gpu_tier": "MID_RANGE_GPU", "estimated_duration": -1, "memory_requirement": 1.5,
    });
    wrong["deadline"] = json!("2026-02-30T00:00:00");
    insta::assert_debug_snapshot!(refused(wrong).await, @r#"
    [
        "body.decomposition.sub_tasks.0.requirements.task_type: Input should be 'text_processing', 'image_processing', 'audio_processing', 'video_processing', 'data_analysis', 'model_inference', 'model_training', 'compute_intensive', 'io_bound' or 'mixed_modal'",
        "body.decomposition.sub_tasks.0.requirements.estimated_duration: Input should be greater than or equal to 0",
        "body.decomposition.sub_tasks.0.requirements.gpu_tier: Input should be 'cpu_only', 'low_end_gpu', 'mid_range_gpu', 'high_end_gpu' or 'premium_gpu'",
        "body.decomposition.sub_tasks.0.requirements.memory_requirement: Input should be a valid integer, got a number with a fractional part",
        "body.deadline: Value error, there is no such instant",
    ]
    "#);
    let circle = task("t", &[part("a", &["b"]), part("b", &["a"])]);
    insta::assert_debug_snapshot!(refused(circle).await, @r#"
    [
        "body.decomposition: Value error, the sub-tasks a, b wait for each other",
    ]
    "#);
    let mut late = task("t", &[part("a", &[])]);
    late["deadline"] = json!("2020-01-01");
    assert_eq!(refused(late.clone()).await.len(), 1, "a day is no instant");
    late["deadline"] = json!("2020-01-01T00:00:00Z");
    let answer = post(&test, "alice", "/plans", Some(late)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (400, json!({"detail": "The deadline has passed"}))
    );
}

#[tokio::test]
async fn of_many_plans_the_newest_are_kept_and_lists_are_paged() {
    let test = TestApp::new().await;
    for i in 0..53 {
        let (made, _) = plan(&test, &format!("t{i}"), &[part("a", &[])]).await;
        post(&test, "alice", &format!("/plans/{}/cancel", made["id"].as_str().unwrap()), None)
            .await;
    }
    plan(&test, "last", &[part("a", &[])]).await;
    let plans = get(&test, "/plans?limit=100").await;
    let plans = plans.as_array().unwrap();
    assert_eq!(plans.len(), 51);
    assert_eq!((&plans[0]["task_id"], &plans[50]["task_id"]), (&json!("last"), &json!("t3")));
    assert_eq!(get(&test, "/plans?limit=1&offset=1").await[0]["task_id"], "t52");
    assert_eq!(get(&test, "/plans?status=active").await.as_array().unwrap().len(), 1);
    let rows = test.app.store.dump().await;
    let of = |table: &str| rows.iter().filter(|row| row.starts_with(table)).count();
    assert_eq!(of("agent_service_orchestrator_assignments"), 51);
    assert_eq!(of("agent_service_orchestrator_allocations"), 102);
}
