//! What a look at plans finds, and that one look is enough however many processes look.

use futures::future::join_all;
use serde_json::{Value, json};

use super::*;
use crate::clock::Clock as _;
use crate::testing::{TestApp, until};

/// A plan of alice's with one sub-task; the ids of the plan and of the assignment.
async fn plan(test: &TestApp, deadline: Value) -> (String, String) {
    let body = json!({
        "task_id": "t", "deadline": deadline,
        "decomposition": {
            "confidence_score": 0.8,
            "sub_tasks": [{"sub_task_id": "a", "requirements": {
                "task_type": "data_analysis", "gpu_tier": "mid_range_gpu",
                "estimated_duration": 1, "memory_requirement": 4,
            }}],
        },
    });
    let made = test.ask("alice", "POST", "/orchestration/plans", Some(body)).await;
    assert_eq!(made.status.as_u16(), 201, "{made:?}");
    let made = made.json();
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    (id(&made), id(&made["agent_assignments"][0]))
}

async fn shown(test: &TestApp, plan: &str) -> Value {
    test.ask("alice", "GET", &format!("/orchestration/plans/{plan}"), None).await.json()
}

async fn metrics(test: &TestApp) -> Value {
    test.ask("alice", "GET", "/orchestration/metrics", None).await.json()
}

#[tokio::test]
async fn who_does_not_begin_in_time_loses_the_place() {
    let test = TestApp::new().await;
    let (id, _) = plan(&test, Value::Null).await;
    test.clock.advance(31);
    look_at_all(&test.app).await.unwrap();
    assert_eq!(shown(&test, &id).await["agent_assignments"][0]["status"], "assigned");
    test.clock.advance(300);
    look_at_all(&test.app).await.unwrap();
    let plan = shown(&test, &id).await;
    assert_eq!(
        (&plan["status"], &plan["agent_assignments"][0]["status"]),
        (&json!("active"), &json!("failed"))
    );
    assert_eq!(metrics(&test).await["metrics"]["agent_utilization"], 0.0);
}

#[tokio::test]
async fn a_plan_fails_at_its_deadline_whoever_watches_and_once() {
    let test = TestApp::new().await;
    // The clock of tests begins on 2026-11-22 at 10:00.
    let (id, assignment) = plan(&test, json!("2026-11-22T11:05:00+01:00")).await;
    let path = format!("/orchestration/assignments/{assignment}/start");
    assert_eq!(test.ask("alice", "POST", &path, None).await.status.as_u16(), 200);
    test.clock.advance(301);
    let looks = join_all((0..4).map(|_| look_at_all(&test.app))).await;
    assert!(looks.iter().all(Result::is_ok), "{looks:?}");
    let plan = shown(&test, &id).await;
    assert_eq!(
        (&plan["status"], &plan["error_message"]),
        (&json!("failed"), &json!("The deadline has passed"))
    );
    assert_eq!(plan["agent_assignments"][0]["status"], "cancelled");
    let metrics = metrics(&test).await;
    assert_eq!(metrics["metrics"]["failed_tasks"], 1);
    assert_eq!(metrics["resource_utilization"]["gpu"], 0.0);
    // Nothing is left to watch.
    test.clock.advance(3600);
    assert_eq!(test.app.store.orchestrator_due(test.clock.now()).await.unwrap(), None);
}

#[tokio::test]
async fn what_a_process_has_left_the_next_one_watches() {
    let test = TestApp::with(&[("ORCHESTRATION_ASSIGNMENT_TIMEOUT_SECONDS", "60")]).await;
    let (id, _) = plan(&test, Value::Null).await;
    test.clock.advance(61);
    let stop = CancellationToken::new();
    let watching = tokio::spawn(work(Arc::clone(&test.app), stop.clone()));
    let failed = async || shown(&test, &id).await["agent_assignments"][0]["status"] == "failed";
    until("the assignment times out", failed).await;
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn plans_that_cannot_be_read_keep_nobody_elses_waiting() {
    let test = TestApp::new().await;
    let (id, _) = plan(&test, json!("2026-11-22T10:05:00Z")).await;
    test.sql(
        "INSERT INTO agent_service_orchestrators SELECT 'bob', 1, 0, 0, 0, 0.0, 0, NULL, \
         '2026-11-22 09:00:00.000000', created_at FROM agent_service_orchestrators",
    )
    .await;
    test.sql(
        "INSERT INTO agent_service_orchestrator_agents (owner_id, agent_id, supported_task_types, gpu_tier, \
         max_concurrent_tasks, performance_score, cost_per_hour, reliability_score, in_maintenance, built_in, \
         registered_at, last_updated) VALUES ('bob', 'a', '[]', 'HUGE', 1, 1, 1, 1, FALSE, FALSE, '2026-01-01', '2026-01-01')",
    )
    .await;
    test.clock.advance(301);
    look_at_all(&test.app).await.unwrap();
    assert_eq!(shown(&test, &id).await["status"], "failed");
}
