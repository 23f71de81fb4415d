//! What the endpoints say of a database that others have changed, or written.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::testing::TestApp;

async fn both() -> [TestApp; 2] {
    [TestApp::on_file().await, TestApp::on_server().await]
}

async fn schema_of(test: &TestApp) -> (StatusCode, Value) {
    let answer = test.send(Request::get("/health/schema").body(Body::empty()).unwrap()).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn own_tables_of_a_later_version_are_a_finding() {
    for test in both().await {
        let (status, body) = schema_of(&test).await;
        assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("as needed")), "{body}");
        let later = "INSERT INTO agent_service_schema (version, applied_at) VALUES (99, '2026-11-23 10:00:00.000000')";
        test.sql(later).await;
        let (status, body) = schema_of(&test).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        let finding = &body["findings"][0];
        assert_eq!(body["status"], "drifted");
        assert_eq!(finding["table"], "agent_service_schema");
        assert_eq!(finding["severity"], "service_cannot_read");
        assert_eq!(finding["remedy"], "run the build that changed them, or a later one");
        assert!(finding["message"].as_str().unwrap().contains("are of version 99"), "{finding}");
    }
}

#[tokio::test]
async fn a_row_with_half_of_a_surrogate_pair_is_not_read_and_no_other_is_harmed() {
    for test in both().await {
        let spoilt = test.workflow(&[]).await;
        let sound = test.workflow(&[]).await;
        // As Python's json writes it, and reads it; neither program can send it.
        let sql = format!(
            "UPDATE ai_agent_workflows SET steps = '{{\"a\": \"\\ud800\"}}' WHERE id = '{spoilt}'"
        );
        test.sql(&sql).await;
        let status = async |path: String| test.ask("alice", "GET", &path, None).await.status;
        assert_eq!(status(format!("/workflows/{spoilt}")).await, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status(format!("/workflows/{sound}")).await, StatusCode::OK);
        assert_eq!(status("/workflows".to_owned()).await, StatusCode::INTERNAL_SERVER_ERROR);
        // Nor is it taken out of the way by a request: a hand has to correct it.
        let gone = test.ask("alice", "DELETE", &format!("/workflows/{spoilt}"), None).await;
        assert_eq!(gone.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", gone.text);
    }
}
