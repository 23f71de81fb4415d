//! Deployments as clients see them, with their rows, their units and what they say in the audit log.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures::FutureExt as _;
use http::Request;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::instances::ask::tests::serve;
use crate::logic::zk::tests::executed;
use crate::store::audit::AuditFilter;
use crate::tables::agents::StepType;
use crate::tables::security::AuditLog;
use crate::testing::TestApp;
use crate::work::{Effects, Work};

/// A service whose units are files in a folder.
async fn with_units() -> (TestApp, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let manager = format!("directory:{}", folder.path().display());
    (TestApp::with(&[("UNIT_MANAGER", &manager)]).await, folder)
}

fn units(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A request of alice's below `/integration` that must succeed.
async fn good(test: &TestApp, method: &str, path: &str) -> Value {
    let answer = test.ask("alice", method, &format!("/integration{path}"), None).await;
    assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.text);
    answer.json()
}

/// The audit log: events with what is known of them, oldest first.
async fn audited(test: &TestApp) -> Vec<(String, Value)> {
    let newest_first = test.app.store.audit_list(&AuditFilter::newest(-1)).await.unwrap();
    let event = |log: AuditLog| {
        let data = log.event_data.map_or(Value::Null, |data| data.0);
        (log.event_type.name().to_owned(), data)
    };
    newest_first.into_iter().rev().map(event).collect()
}

#[tokio::test]
async fn a_deployment_is_brought_up_scaled_and_taken_down() {
    let (test, folder) = with_units().await;
    let workflow = test.workflow(&[]).await;
    let id = test.deployment(&workflow, json!({"min_instances": 2})).await;
    let up = good(&test, "POST", &format!("/deployments/{id}/deploy?target_environment=eu")).await;
    assert_eq!(
        up["instances"][1],
        json!({"instance_id": "four-eu-1", "status": "deployed",
               "endpoint_url": "http://localhost:8001", "port": 8001})
    );
    assert_eq!(
        units(folder.path()),
        ["aitbc-agent-four-eu-0.service", "aitbc-agent-four-eu-1.service"]
    );
    let unit =
        std::fs::read_to_string(folder.path().join("aitbc-agent-four-eu-1.service")).unwrap();
    assert!(unit.contains("AGENT_PORT=8001"), "{unit}");

    let scaled = good(&test, "POST", &format!("/deployments/{id}/scale?target_instances=3")).await;
    assert_eq!(scaled["scaled_instances"][0]["instance_id"], "four-production-2");
    let scaled = good(&test, "POST", &format!("/deployments/{id}/scale?target_instances=1")).await;
    assert_eq!(
        scaled["scaled_instances"],
        json!([{"instance_id": "four-eu-1", "status": "removed"},
               {"instance_id": "four-production-2", "status": "removed"}])
    );
    assert_eq!(units(folder.path()), ["aitbc-agent-four-eu-0.service"]);
    let rows = good(&test, "GET", &format!("/deployments/instances?deployment_id={id}")).await;
    let stand = |row: &Value| (row["status"].clone(), row["health_status"].clone());
    assert_eq!(stand(&rows[0]), (json!("deployed"), json!("healthy")));
    assert_eq!(stand(&rows[2]), (json!("terminated"), json!("healthy")));
    let config = good(&test, "GET", &format!("/deployments/configs/{id}")).await;
    assert_eq!(config["status"], "deployed");
    assert!(config["deployment_time"].is_string());
    let events: Vec<String> = audited(&test).await.into_iter().map(|(event, _)| event).collect();
    assert_eq!(events, ["WORKFLOW_CREATED", "EXECUTION_STARTED"]);
}

#[tokio::test]
async fn health_and_figures_come_from_the_instance_itself() {
    let (test, folder) = with_units().await;
    let workflow = test.workflow(&[]).await;
    let id = test.deployment(&workflow, json!({})).await;
    good(&test, "POST", &format!("/deployments/{id}/deploy")).await;
    let figures = r#"{"request_count": 4, "average_response_time": 0.5, "cpu_usage": 40}"#;
    let router = Router::new()
        .route("/health", get(|| async { r#"{"status": "healthy"}"# }))
        .route("/metrics", get(move || async move { figures }));
    let endpoint = serve(router).await;
    let port = endpoint.rsplit(':').next().unwrap();
    let instances = "UPDATE agent_deployment_instances SET";
    test.sql(&format!("{instances} port = {port}, endpoint_url = '{endpoint}'")).await;

    let health = good(&test, "GET", &format!("/deployments/{id}/health")).await;
    assert_eq!(health["overall_health"], "healthy", "{health}");
    assert!(health["instance_health"][0]["response_time"].as_f64().unwrap() > 0.0);
    let metrics = good(&test, "GET", &format!("/metrics/deployments/{id}?time_range=7d")).await;
    assert_eq!(metrics["time_range"], "7d");
    assert_eq!(
        metrics["aggregated_metrics"],
        json!({"total_requests": 4, "total_errors": 0, "average_response_time": 0.5,
               "average_cpu_usage": 40.0, "average_memory_usage": 0.0, "uptime_percentage": 0.0})
    );
    let page = good(&test, "GET", "/production/dashboard").await;
    assert_eq!(page["deployments"][0]["metrics"]["total_requests"], 4);
    assert_eq!(page["deployments"][0]["healthy_instances"], 1);

    std::fs::remove_file(folder.path().join("aitbc-agent-four-production-0.service")).unwrap();
    let whole = good(&test, "GET", "/production/health").await;
    assert_eq!(
        (&whole["overall_health"], &whole["unhealthy_deployments"]),
        (&json!("unhealthy"), &json!(1))
    );
    let rows = good(&test, "GET", "/deployments/instances").await;
    let history = rows[0]["health_check_history"].as_array().unwrap();
    let active: Vec<&Value> = history.iter().map(|check| &check["service_active"]).collect();
    assert_eq!(active, [&json!(true), &json!(false)]);
}

#[tokio::test]
async fn without_a_unit_manager_the_rows_say_so() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[]).await;
    let id = test.deployment(&workflow, json!({})).await;
    let up = good(&test, "POST", &format!("/deployments/{id}/deploy")).await;
    assert_eq!(up["instances"][0]["endpoint_url"], Value::Null);
    for failures in 1..=2 {
        let health = good(&test, "GET", &format!("/deployments/{id}/health")).await;
        assert_eq!(
            health["instance_health"],
            json!([{"instance_id": "four-production-0", "status": "unhealthy",
                    "error": "no unit manager is set up; see UNIT_MANAGER",
                    "consecutive_failures": failures}])
        );
    }
}

#[tokio::test]
async fn a_rehearsal_touches_no_unit_and_asks_nobody() {
    let (test, folder) = with_units().await;
    let workflow = test.workflow(&[]).await;
    let id = test.deployment(&workflow, json!({})).await;
    let before = test.app.store.dump().await;
    let rehearse = async |method: &str, path: &str, mark: (&str, &str)| {
        let request =
            Request::builder().method(method).uri(format!("/v1/agents/integration{path}"));
        let request = request.header("x-api-key", "alice").header(mark.0, mark.1);
        test.send(request.body(Body::empty()).unwrap()).await
    };
    let rollback = ("prefer", "tx=rollback");
    for path in
        [format!("/deployments/{id}/deploy"), format!("/deployments/{id}/scale?target_instances=2")]
    {
        // 503 where the machine is too busy for a rehearsal, which leaves as little.
        let answer = rehearse("POST", &path, rollback).await;
        assert!(matches!(answer.status.as_u16(), 200 | 503), "{answer:?}");
    }
    assert_eq!(units(folder.path()), Vec::<String>::new());
    assert_eq!(test.app.store.dump().await, before);

    good(&test, "POST", &format!("/deployments/{id}/deploy")).await;
    let before = test.app.store.dump().await;
    // Its file is gone: whoever looked would find it inactive.
    std::fs::remove_file(folder.path().join("aitbc-agent-four-production-0.service")).unwrap();
    let mirrored =
        rehearse("GET", &format!("/deployments/{id}/health"), ("x-strangler-mirror", "0")).await;
    assert!(mirrored.status == 503 || mirrored.json()["healthy_instances"] == 1, "{mirrored:?}");
    assert_eq!(test.app.store.dump().await, before);
}

#[tokio::test]
async fn free_objects_override_columns_as_laxly_as_the_monolith() {
    let test = TestApp::on_file().await;
    let workflow = test.workflow(&[]).await;
    let path = format!("/integration/deployments/config?workflow_id={workflow}&deployment_name=d");
    let make = async |object: Value| test.ask("alice", "POST", &path, Some(object)).await;
    let made = make(json!({"min_memory_mb": "512", "description": 5, "min_instances": "many",
                           "status": "DEPLOYED", "id": "mine", "log_level": null, "unknown": 1}))
    .await
    .json();
    assert_eq!((&made["min_memory_mb"], &made["description"]), (&json!(512), &json!("5")));
    assert_eq!((&made["min_instances"], &made["status"]), (&json!("many"), &json!("deployed")));
    assert_eq!((&made["id"], &made["log_level"]), (&json!("mine"), &json!("INFO")));
    for (object, status) in [
        (json!({"id": "mine"}), 409),
        (json!({"workflow_id": "x"}), 400),
        (json!({"deployment_name": "x"}), 400),
        (json!({"deployment_time": "2026-01-01T00:00:00"}), 422),
        (json!({"status": "up"}), 422),
    ] {
        assert_eq!(make(object.clone()).await.status.as_u16(), status, "{object}");
    }
    // What cannot be counted leaves a failed deployment, and the audit log says why.
    let refused = test.ask("alice", "POST", "/integration/deployments/mine/deploy", None).await;
    assert_eq!(refused.json(), json!({"detail": "min_instances is no whole number"}));
    assert_eq!(good(&test, "GET", "/deployments/configs/mine").await["status"], "failed");
    let last = audited(&test).await.pop().unwrap();
    let text = "'str' object cannot be interpreted as an integer";
    assert_eq!(last, ("EXECUTION_FAILED".to_owned(), json!({"error": text})));
}

#[tokio::test]
async fn deployments_to_production_leave_what_the_monolith_leaves() {
    let test = TestApp::on_file().await;
    let workflow = test.workflow(&[]).await;
    let path = format!("/integration/production/deploy?workflow_id={workflow}");
    let deploy = async |config: Value| {
        let body = json!({"deployment_config": config, "integration_config": {"zk": true}});
        test.ask("alice", "POST", &path, Some(body)).await
    };
    let done = deploy(json!({"name": 5, "min_instances": 0})).await.json();
    assert_eq!(
        (&done["integration_status"], &done["overall_status"]),
        (&json!("configured"), &json!("success"))
    );
    let id = done["deployment_id"].as_str().unwrap();
    let config = good(&test, "GET", &format!("/deployments/configs/{id}")).await;
    assert_eq!(config["deployment_name"], "5");
    assert_eq!(deploy(json!({"deployment_name": "x"})).await.status.as_u16(), 400);
    assert_eq!(deploy(json!({"name": null})).await.status.as_u16(), 422);
    assert_eq!(deploy(json!({"name": "n", "min_instances": 1.5})).await.status.as_u16(), 400);
    let events: Vec<String> = audited(&test).await.into_iter().map(|(event, _)| event).collect();
    assert_eq!(
        events,
        [
            "WORKFLOW_CREATED",
            "EXECUTION_STARTED",
            "EXECUTION_COMPLETED",
            "EXECUTION_FAILED",
            "WORKFLOW_CREATED",
            "EXECUTION_FAILED",
            "EXECUTION_FAILED",
        ]
    );
}

#[tokio::test]
async fn deployments_are_their_owner_s() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[]).await;
    let id = test.deployment(&workflow, json!({})).await;
    good(&test, "POST", &format!("/deployments/{id}/deploy")).await;
    let row = good(&test, "GET", "/deployments/instances").await[0]["id"].clone();
    let execution = test.execute(&workflow, json!({})).await;
    let status = async |caller: &str, method: &str, path: &str| {
        test.ask(caller, method, &format!("/integration{path}"), None).await.status.as_u16()
    };
    for (method, path) in [
        ("GET", "/deployments/configs/{}"),
        ("POST", "/deployments/{}/deploy"),
        ("GET", "/deployments/{}/health"),
        ("POST", "/deployments/{}/scale?target_instances=1"),
        ("POST", "/deployments/{}/rollback"),
        ("GET", "/metrics/deployments/{}"),
    ] {
        assert_eq!(status("bob", method, &path.replace("{}", &id)).await, 403, "{path}");
        assert_eq!(status("alice", method, &path.replace("{}", "none")).await, 404, "{path}");
    }
    let instance = format!("/deployments/instances/{}", row.as_str().unwrap());
    let proofs = format!("/integrations/zk/{execution}");
    for (method, path) in [("GET", &instance), ("POST", &proofs)] {
        assert_eq!(status("bob", method, path).await, 403, "{path}");
    }
    for path in ["/deployments/configs", "/deployments/instances"] {
        let shown = test.ask("bob", "GET", &format!("/integration{path}"), None).await.json();
        assert_eq!(shown, json!([]), "{path}");
    }
    // A workflow that is gone has no owner.
    test.ask("alice", "DELETE", &format!("/workflows/{workflow}"), None).await;
    for (method, path) in [("GET", &instance), ("POST", &proofs)] {
        assert_eq!(status("alice", method, path).await, 403, "{path}");
    }
}

#[tokio::test]
async fn the_proofs_of_an_execution_hold_when_those_of_all_its_steps_do() {
    let test = TestApp::new().await;
    let workflow = test
        .workflow(&[("a", StepType::Inference), ("b", StepType::Custom), ("c", StepType::Custom)])
        .await;
    let execution = test.execute(&workflow, json!({})).await;
    test.sql("UPDATE agent_steps SET requires_proof = TRUE WHERE id != 'c'").await;
    let mut writing = test.app.store.write().await.unwrap();
    for step in ["a", "b", "c"] {
        writing.put(&executed(&execution, step)).await.unwrap();
    }
    writing.commit().await.unwrap();
    let path = format!("/integrations/zk/{execution}?verification_level=full");
    let proven = good(&test, "POST", &path).await;
    let proofs = proven["zk_proofs_generated"].as_array().unwrap();
    assert_eq!(proofs.iter().map(|proof| &proof["step_id"]).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(proofs[1]["verification_level"], "full");
    assert_eq!(proven["workflow_verification"]["verified"], true);
    let (event, data) = audited(&test).await.pop().unwrap();
    assert_eq!((event.as_str(), &data["integration_result"]), ("VERIFICATION_COMPLETED", &proven));

    test.sql("UPDATE agent_step_executions SET memory_usage = NULL, output_data = 'null' WHERE step_id = 'b'").await;
    let broken = good(&test, "POST", &path).await;
    let statuses: Vec<&Value> = broken["verification_results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["verification_status"])
        .collect();
    assert_eq!(statuses, [&json!(true), &json!(false)]);
    assert_eq!(broken["workflow_verification"]["verified"], false);
}

#[tokio::test]
async fn two_who_scale_at_once_bring_up_no_more_than_they_asked_for() {
    let test = TestApp::new().await;
    let workflow = test.workflow(&[]).await;
    let id = test.deployment(&workflow, json!({})).await;
    let path = format!("/deployments/{id}/scale?target_instances=3");
    let (one, other) = tokio::join!(good(&test, "POST", &path), good(&test, "POST", &path));
    let mut actions =
        [&one["scaling_action"], &other["scaling_action"]].map(|word| word.as_str().unwrap());
    actions.sort_unstable();
    assert_eq!(actions, ["no_change", "scale_up"]);
    let rows = good(&test, "GET", "/deployments/instances").await;
    assert_eq!(rows.as_array().unwrap().len(), 3);
    let too_many = test
        .ask(
            "alice",
            "POST",
            &format!("/integration/deployments/{id}/scale?target_instances=101"),
            None,
        )
        .await;
    assert_eq!(too_many.status.as_u16(), 400);
}

#[tokio::test]
async fn what_touches_the_world_ends_even_if_the_client_goes_and_a_rehearsal_does_not() {
    let test = TestApp::new().await;
    let rehearsal = test.app.store.rehearse();
    for (store, goes_on) in [(test.app.store.clone(), true), (rehearsal.store(), false)] {
        let work = Work::new(&test.app, store, Effects::default(), "alice");
        let (go, told_to_go) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel::<()>();
        let task = async move {
            let _told = told_to_go.await;
            let _heard = done.send(());
            Ok(())
        };
        assert!(work.to_the_end(task).now_or_never().is_none(), "the client has gone");
        let _taken = go.send(());
        assert_eq!(is_done.await.is_ok(), goes_on);
    }
}

#[tokio::test]
async fn alerts_are_told_by_who_looks_at_the_figures() {
    let test = TestApp::new().await;
    let look = async |mark: &str| {
        let request = Request::get("/v1/metrics").header(mark, "0").body(Body::empty());
        test.send(request.unwrap()).await.json()
    };
    test.ask("alice", "GET", "/nowhere", None).await;
    let mirrored = look("x-strangler-mirror").await;
    assert_eq!(mirrored["alert_delivery"]["sent"], json!(["error_rate"]));
    assert_eq!(
        good(&test, "GET", "/production/alerts").await["total_count"],
        0,
        "a copy tells nobody"
    );
    let first = look("x-nothing").await;
    assert_eq!(
        (&first["api_errors"], &first["alerts"]["error_rate"]["triggered"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(look("x-nothing").await["alert_delivery"]["suppressed"], json!(["error_rate"]));
    test.clock.advance(301);
    assert_eq!(look("x-nothing").await["alert_delivery"]["sent"], json!(["error_rate"]));
    let told = good(&test, "GET", "/production/alerts?severity=critical&limit=2").await;
    let statuses: Vec<&Value> =
        told["alerts"].as_array().unwrap().iter().map(|alert| &alert["delivery_status"]).collect();
    assert_eq!(statuses, [&json!("sent"), &json!("suppressed")]);
}
