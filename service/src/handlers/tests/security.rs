//! Security as clients see it: policies from free objects, trust, sandboxes, and an audit log that shows tampering.

use serde_json::{Value, json};

use crate::testing::TestApp;

async fn policy(test: &TestApp, name: &str, rules: Value) -> (u16, Value) {
    let path = format!("/security/policies?name={name}&description=d&security_level=internal");
    let answer = test.ask("alice", "POST", &path, Some(rules)).await;
    (answer.status.as_u16(), answer.json())
}

async fn ask(test: &TestApp, method: &str, path: &str) -> (u16, Value) {
    let answer = test.ask("alice", method, &format!("/security/{path}"), None).await;
    (answer.status.as_u16(), answer.json())
}

async fn put(test: &TestApp, id: &str, updates: Value) -> (u16, Value) {
    let answer = test.ask("bob", "PUT", &format!("/security/policies/{id}"), Some(updates)).await;
    (answer.status.as_u16(), answer.json())
}

async fn verified(test: &TestApp, query: &str) -> Value {
    let (status, report) = ask(test, "GET", &format!("audit-logs/verification{query}")).await;
    assert_eq!(status, 200, "{report}");
    report
}

/// The last place that holds, and the place and the kind of the first broken link.
async fn broken(test: &TestApp) -> (i64, i64, String) {
    let report = verified(test, "").await;
    assert_eq!(
        (&report["intact"], &report["complete"]),
        (&json!(false), &json!(false)),
        "{report}"
    );
    let first = &report["first_broken"];
    let whole = |value: &Value| value.as_i64().unwrap();
    let problem = first["problem"].as_str().unwrap().to_owned();
    (whole(&report["checked_up_to"]), whole(&first["sequence"]), problem)
}

/// A service with six audit logs.
async fn with_history() -> TestApp {
    with_history_in(TestApp::new().await).await
}

async fn with_history_in(test: TestApp) -> TestApp {
    for i in 0..6 {
        let path = format!("trust-scores/agent/a{i}/update?execution_success=true");
        assert_eq!(ask(&test, "POST", &path).await.0, 200);
    }
    test
}

#[tokio::test]
async fn columns_make_of_free_objects_what_they_make_of_the_monoliths() {
    let test = TestApp::on_file().await;
    let rules = json!({
        "id": 7, "max_execution_time": "512", "max_memory_usage": 1.5, "max_data_size": "many",
        "max_workflow_steps": 2.0, "max_concurrent_executions": null, "is_active": 0,
        "allowed_step_types": null, "compliance_standards": 5, "nonsense": [1],
    });
    let (status, made) = policy(&test, "p", rules).await;
    assert_eq!(status, 200, "{made}");
    let shown = ask(&test, "GET", "policies/7").await.1;
    assert_eq!(shown, made);
    for (column, value) in [
        ("id", json!("7")),
        ("max_execution_time", json!(512)),
        ("max_memory_usage", json!(1.5)),
        ("max_data_size", json!("many")),
        ("max_workflow_steps", json!(2)),
        ("max_concurrent_executions", json!(10)),
        ("is_active", json!(false)),
        ("allowed_step_types", json!(null)),
        ("compliance_standards", json!(5)),
    ] {
        assert_eq!(shown[column], value, "{column}");
    }
    let (status, moved) =
        put(&test, "7", json!({"id": 8, "name": 5, "security_level": "PUBLIC"})).await;
    assert_eq!(
        (status, &moved["id"], &moved["name"], &moved["security_level"]),
        (200, &json!("8"), &json!("5"), &json!("public"))
    );
    assert_eq!(ask(&test, "GET", "policies/7").await.0, 404);
    let logs = ask(&test, "GET", "audit-logs?event_type=workflow_updated").await.1;
    assert_eq!(logs[0]["event_data"]["policy_id"], "7");
    assert_eq!((&logs[0]["new_state"]["policy"], &logs[0]["user_id"]), (&moved, &json!("bob")));
}

#[tokio::test]
async fn what_no_later_read_would_survive_is_refused_and_leaves_nothing() {
    // A server reads times from text.
    let test = TestApp::on_file().await;
    let made = policy(&test, "p", json!({})).await.1;
    let other = policy(&test, "q", json!({})).await.1;
    let id = made["id"].as_str().unwrap();
    let before = test.app.store.dump().await;
    for (updates, status) in [
        (json!({"security_level": "bogus"}), 422),
        (json!({"name": null}), 422),
        (json!({"created_at": "2026-01-01"}), 422),
        (json!({"model_dump": 1}), 422),
        (json!({"name": "q"}), 409),
        (json!({"id": other["id"]}), 409),
    ] {
        let (found, answer) = put(&test, id, updates.clone()).await;
        assert_eq!(found, status, "{updates}: {answer}");
    }
    assert_eq!(
        policy(&test, "p", json!({})).await,
        (409, json!({"detail": "A policy with this name or id already exists"}))
    );
    assert_eq!(policy(&test, "r", json!({"name": "s"})).await.0, 422);
    assert_eq!(test.app.store.dump().await, before);
}

#[tokio::test]
async fn a_deleted_policy_is_remembered_by_the_audit_log() {
    let test = TestApp::new().await;
    let made = policy(&test, "p", json!({})).await.1;
    let path = format!("policies/{}", made["id"].as_str().unwrap());
    assert_eq!(
        ask(&test, "DELETE", &path).await,
        (200, json!({"message": "Policy deleted successfully"}))
    );
    assert_eq!(ask(&test, "DELETE", &path).await, (404, json!({"detail": "Policy not found"})));
    let logs = ask(&test, "GET", "audit-logs").await.1;
    assert_eq!(logs.as_array().unwrap().len(), 2);
    assert_eq!(
        (&logs[0]["event_type"], &logs[0]["previous_state"]["policy"]),
        (&json!("workflow_deleted"), &made)
    );
    let shown =
        ask(&test, "GET", &format!("audit-logs/{}", logs[0]["id"].as_str().unwrap())).await.1;
    assert_eq!(shown, logs[0]);
}

#[tokio::test]
async fn an_endless_execution_is_counted_and_shown_as_null() {
    let test = TestApp::new().await;
    for (time, average) in [("inf", json!(null)), ("5", json!(null))] {
        let path = format!("trust-scores/agent/a/update?execution_success=1&execution_time={time}");
        let (status, score) = ask(&test, "POST", &path).await;
        assert_eq!((status, &score["average_execution_time"]), (200, &average), "{time}");
    }
    let (_, score) = ask(&test, "GET", "trust-scores/agent/a").await;
    assert_eq!(
        (&score["total_executions"], &score["average_execution_time"]),
        (&json!(2), &json!(null))
    );
    assert_eq!(ask(&test, "GET", "trust-scores?min_score=nan").await, (200, json!([])));
    assert_eq!(
        ask(&test, "GET", "trust-scores?max_score=inf").await.1.as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_sandbox_is_described_once_and_cleaned_up_as_often_as_one_likes() {
    let test = TestApp::new().await;
    assert_eq!(
        ask(&test, "GET", "sandbox/e/monitor").await,
        (404, json!({"detail": "Sandbox not found for execution e"}))
    );
    assert_eq!(ask(&test, "POST", "sandbox/e/create?security_level=restricted").await.0, 200);
    assert_eq!(ask(&test, "POST", "sandbox/e/create").await.0, 409);
    let (_, seen) = ask(&test, "GET", "sandbox/e/monitor").await;
    assert_eq!((&seen["sandbox_type"], &seen["status"]), (&json!("vm"), &json!("configured")));
    assert_eq!(ask(&test, "GET", "security-dashboard").await.1["active_sandboxes"], 1);
    for (execution, success) in [("e", true), ("e", true), ("f", false)] {
        let (_, answer) = ask(&test, "POST", &format!("sandbox/{execution}/cleanup")).await;
        assert_eq!(answer["success"], success);
    }
    assert_eq!(ask(&test, "GET", "security-dashboard").await.1["active_sandboxes"], 0);
    let wishes = json!({"cpu_cores": "many"});
    let refused = test.ask("alice", "POST", "/security/sandbox/g/create", Some(wishes)).await;
    assert_eq!(refused.status.as_u16(), 422);
}

#[tokio::test]
async fn figures_count_what_is_stored() {
    let test = with_history().await;
    ask(&test, "POST", "executions/e/security-monitor?workflow_id=w").await;
    let (_, figures) = ask(&test, "GET", "security-stats").await;
    assert_eq!(figures["audit_statistics"]["total_audits"], 7);
    assert_eq!(figures["audit_statistics"]["event_type_counts"]["execution_completed"], 6);
    assert_eq!(
        figures["audit_statistics"]["risk_score_distribution"],
        json!({"low": 6, "medium": 0, "high": 0, "critical": 1})
    );
    assert_eq!(figures["trust_statistics"]["trust_score_distribution"]["high"], 6);
    assert_eq!(figures["trust_statistics"]["average_trust_score"], 70.0);
    assert_eq!(figures["security_health"]["average_risk_score"], 106.0 / 7.0);
    let (_, board) = ask(&test, "GET", "security-dashboard").await;
    assert_eq!(board["high_risk_events"][0]["risk_score"], 100);
    assert_eq!(board["recent_audits"].as_array().unwrap().len(), 7);
    assert_eq!(board["security_stats"]["security_violations"], 1);
}

#[tokio::test]
async fn a_log_that_nobody_touched_holds_also_in_pieces() {
    let test = with_history().await;
    let whole = verified(&test, "").await;
    assert_eq!(
        (&whole["intact"], &whole["complete"], &whole["checked_up_to"]),
        (&json!(true), &json!(true), &json!(6))
    );
    let piece = verified(&test, "?after=2&limit=3").await;
    assert_eq!(
        (&piece["intact"], &piece["complete"], &piece["checked_up_to"]),
        (&json!(true), &json!(false), &json!(5))
    );
    let empty = verified(&TestApp::new().await, "").await;
    assert_eq!((&empty["intact"], &empty["head"]), (&json!(true), &json!(null)));
    // The name of the check is no id that a log could have, and ids go on to be found.
    let id = ask(&test, "GET", "audit-logs?limit=1").await.1[0]["id"].clone();
    assert_eq!(
        ask(&test, "GET", &format!("audit-logs/{}", id.as_str().unwrap())).await.1["id"],
        id
    );
    assert_eq!(ask(&test, "GET", "audit-logs/verification?head_link=x").await.0, 422);
}

#[tokio::test]
async fn tampering_shows_at_the_first_link_that_it_broke() {
    let of = |place: i64| {
        format!("id = (SELECT audit_id FROM agent_service_audit_chain WHERE sequence = {place})")
    };
    let changed = format!("UPDATE agent_audit_logs SET user_id = 'mallory' WHERE {}", of(3));
    let unreadable = format!("UPDATE agent_audit_logs SET event_type = 'x' WHERE {}", of(2));
    let removed = format!("DELETE FROM agent_audit_logs WHERE {}", of(4));
    let swapped_times = "UPDATE agent_audit_logs SET timestamp = created_at || '1'".to_owned();
    let swapped = "UPDATE agent_service_audit_chain SET sequence = sequence + 10 WHERE sequence = 2; \
                   UPDATE agent_service_audit_chain SET sequence = 2 WHERE sequence = 3; \
                   UPDATE agent_service_audit_chain SET sequence = 3 WHERE sequence = 12";
    let unlinked = "DELETE FROM agent_service_audit_chain WHERE sequence = 5".to_owned();
    let first = "DELETE FROM agent_service_audit_chain WHERE sequence = 1".to_owned();
    for (tampering, reached, place, problem) in [
        (changed, 2, 3, "row_changed"),
        (unreadable, 1, 2, "row_changed"),
        (removed, 3, 4, "row_missing"),
        (swapped_times, 0, 1, "row_changed"),
        (swapped.to_owned(), 1, 2, "link_changed"),
        (unlinked, 4, 6, "link_missing"),
        (first, 0, 2, "link_missing"),
    ] {
        // A server refuses some of it.
        let test = with_history_in(TestApp::on_file().await).await;
        for statement in tampering.split("; ") {
            test.sql(statement).await;
        }
        assert_eq!(broken(&test).await, (reached, place, problem.to_owned()), "{tampering}");
    }
}

#[tokio::test]
async fn a_chain_that_was_cut_off_lacks_the_head_that_it_had() {
    let test = with_history().await;
    let head = verified(&test, "").await["head"].clone();
    let query = format!("?head_sequence=6&head_link={}", head["link"].as_str().unwrap());
    assert_eq!(verified(&test, &query).await["intact"], true);
    test.sql("DELETE FROM agent_audit_logs WHERE id = (SELECT audit_id FROM agent_service_audit_chain WHERE sequence = 6)").await;
    test.sql("DELETE FROM agent_service_audit_chain WHERE sequence = 6").await;
    assert_eq!(verified(&test, "").await["intact"], true, "the rest is in order");
    let report = verified(&test, &query).await;
    assert_eq!(
        (&report["intact"], &report["first_broken"]["problem"]),
        (&json!(false), &json!("head_gone"))
    );
    // What comes after it does not bring it back.
    ask(&test, "POST", "trust-scores/agent/a/update?execution_success=true").await;
    assert_eq!(verified(&test, &query).await["first_broken"]["problem"], "head_gone");
}

#[tokio::test]
async fn logs_of_the_monolith_are_told_apart_and_are_no_tampering() {
    let test = with_history().await;
    test.sql(
        "INSERT INTO agent_audit_logs (id, event_type, timestamp, security_level, event_data, risk_score, \
         requires_investigation, created_at) VALUES ('audit_0123456789ab', 'STEP_STARTED', \
         '2026-11-22 10:00:00.000000', 'PUBLIC', '{}', 1, FALSE, '2026-11-22 10:00:00.000000')",
    )
    .await;
    let report = verified(&test, "").await;
    assert_eq!((&report["intact"], &report["logs_outside_the_chain"]), (&json!(true), &json!(1)));
    assert_eq!(ask(&test, "GET", "audit-logs").await.1.as_array().unwrap().len(), 7);
}
