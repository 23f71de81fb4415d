//! The endpoints as clients see them: forms, order of checks, limits, and what the contract leaves to us.

mod examples;
mod learning;
mod orchestration;
mod proofs;
mod marketplace;
mod communication;
mod rehearsals;
mod security;
mod integration;
mod requests;
mod identifiers;
mod database;
mod manners;
mod lists;
mod together;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::logic::receipt::verify;
use crate::logic::signing::Signer;
use crate::testing::TestApp;

const KEYS: &[(&str, &str)] =
    &[("APP_ENV", "production"), ("ADMIN_API_KEYS", "admin-key-0123456789abcdef")];

fn post(path: &str) -> http::request::Builder {
    Request::post(path).header("content-type", "application/json")
}

#[tokio::test]
async fn the_same_endpoints_stand_under_every_prefix() {
    let test = TestApp::new().await;
    let created =
        test.ask("alice", "POST", "/workflows", Some(json!({"name": "w", "steps": {}}))).await;
    let id = created.json()["id"].clone();
    for prefix in ["/api/v1/agents", "/v1/agents", "/api/v1/agent"] {
        let request = Request::get(format!("{prefix}/workflows/{}", id.as_str().unwrap()));
        let shown =
            test.send(request.header("x-api-key", "alice").body(Body::empty()).unwrap()).await;
        assert_eq!(shown.json()["id"], id, "{prefix}");
    }
}

#[tokio::test]
async fn a_request_that_does_not_hold_is_told_everything_at_once() {
    let test = TestApp::new().await;
    let body = json!({"name": 5, "steps": null, "max_cost_budget": "nan", "is_public": "maybe", "dependencies": {"a": "b"}});
    let request = post("/api/v1/agents/workflows")
        .header("x-request-id", "req-1")
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = test.send(request).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.headers["x-request-id"], "req-1");
    let body = answer.json();
    assert_eq!(body["request_id"], "req-1");
    assert!(body["timestamp"].as_str().unwrap().ends_with("+00:00Z"));
    let fields: Vec<_> = body["error"]["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| format!("{} {}", d["field"].as_str().unwrap(), d["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        fields,
        [
            "body.name string_type",
            "body.steps dict_type",
            "body.dependencies.a list_type",
            "body.max_cost_budget finite_number",
            "body.is_public bool_parsing",
        ]
    );
}

#[tokio::test]
async fn broken_json_comes_before_the_key_and_the_key_before_the_rest() {
    let test = TestApp::with(KEYS).await;
    let send = async |key: &str, body: &'static [u8]| {
        let request =
            post("/v1/agents/workflows").header("x-api-key", key).body(Body::from(body)).unwrap();
        test.send(request).await.status.as_u16()
    };
    assert_eq!(send("nope", b"{").await, 422);
    assert_eq!(send("nope", b"{\"name\": \"\xff\"}").await, 400);
    assert_eq!(send("nope", b"{}").await, 401);
    assert_eq!(send("admin-key-0123456789abcdef", b"{}").await, 422);
    assert_eq!(send("admin-key-0123456789abcdef", b"{\"name\":\"n\",\"steps\":{}}").await, 200);
}

#[tokio::test]
async fn what_no_endpoint_answers() {
    let test = TestApp::new().await;
    let missing = test.ask("alice", "GET", "/nope", None).await;
    assert_eq!((missing.status.as_u16(), missing.json()), (404, json!({"detail": "Not Found"})));
    for method in ["PATCH", "HEAD", "OPTIONS"] {
        let answer = test.ask("alice", method, "/workflows/x", None).await;
        assert_eq!(answer.status.as_u16(), 405, "{method}");
        let body = if method == "HEAD" { "" } else { r#"{"detail":"Method Not Allowed"}"# };
        assert_eq!(answer.text, body);
        assert!(answer.headers.contains_key("x-request-id"));
        assert!(answer.headers.contains_key("x-process-time"));
    }
    let request =
        Request::get("/v1/agents/workflows/?a=b").header("host", "h:1").body(Body::empty());
    let slash = test.send(request.unwrap()).await;
    assert_eq!(slash.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(slash.headers["location"], "http://h:1/v1/agents/workflows?a=b");
}

#[tokio::test]
async fn a_body_past_the_limit_is_refused_unread() {
    let test = TestApp::new().await;
    let request = post("/v1/agents/workflows")
        .header("content-length", 10 * 1024 * 1024 + 1)
        .body(Body::empty())
        .unwrap();
    let answer = test.send(request).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        answer.json(),
        json!({"error": {
            "type": "http_error", "message": "Request too large. Maximum size is 10485760 bytes",
            "status_code": 413, "path": "/v1/agents/workflows",
        }})
    );
}

#[tokio::test]
async fn null_is_taken_where_the_column_takes_it() {
    let test = TestApp::new().await;
    let id = test.workflow(&[]).await;
    let path = format!("/workflows/{id}");
    let refused = test.ask("alice", "PUT", &path, Some(json!({"name": null, "tags": null}))).await;
    assert_eq!(refused.status.as_u16(), 422);
    let changed =
        test.ask("alice", "PUT", &path, Some(json!({"steps": null, "dependencies": null}))).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["steps"]), (200, &Value::Null));
    // Steps that cannot be counted leave a failed execution behind, as in the monolith.
    let body = json!({"workflow_id": id, "inputs": {}});
    let refused = test.ask("alice", "POST", &format!("{path}/execute"), Some(body)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()),
        (400, json!({"detail": "Workflow has no steps to execute"}))
    );
    let left = test.ask("alice", "GET", "/executions?status=failed", None).await.json();
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_a_clean_500() {
    let test = TestApp::on_file().await;
    test.workflow(&[]).await;
    test.sql("UPDATE ai_agent_workflows SET verification_level = 'Basic'").await;
    let answer = test.ask("alice", "GET", "/workflows", None).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (
            500,
            json!({"error": {
                "type": "internal_error", "message": "An internal server error occurred",
                "status_code": 500, "path": "/api/v1/agents/workflows",
            }})
        )
    );
}

#[tokio::test]
async fn a_database_held_by_another_process_is_503_with_a_time_to_come_back() {
    let test = TestApp::new().await;
    let other = crate::store::Store::open(&test.app.config.database).await.unwrap();
    let writing = other.write().await.unwrap();
    let answer =
        test.ask("alice", "POST", "/workflows", Some(json!({"name": "w", "steps": {}}))).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "1");
    drop(writing);
    other.close().await;
}

#[tokio::test]
async fn a_receipt_is_for_finished_executions_and_for_those_concerned() {
    let test = TestApp::new().await;
    let body = json!({"name": "w", "steps": {}, "is_public": true});
    let id = test.ask("alice", "POST", "/workflows", Some(body)).await.json()["id"].clone();
    let id = id.as_str().unwrap();
    let body = json!({"workflow_id": id, "inputs": {}});
    let begun =
        test.ask("bob", "POST", &format!("/workflows/{id}/execute"), Some(body)).await.json();
    let path = format!("/executions/{}/receipt", begun["execution_id"].as_str().unwrap());
    let unfinished = test.ask("bob", "GET", &path, None).await;
    assert_eq!(
        (unfinished.status.as_u16(), unfinished.json()),
        (409, json!({"detail": "Execution has not finished"}))
    );
    let unknown = test.ask("bob", "GET", "/executions/exec_missing/receipt", None).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.json()),
        (404, json!({"detail": "Execution not found"}))
    );

    test.sql(
        "UPDATE agent_executions SET status = 'COMPLETED', completed_at = '2026-01-01 00:00:00'",
    )
    .await;
    for caller in ["alice", "bob"] {
        let receipt = test.ask(caller, "GET", &path, None).await.json();
        let document = test.ask(caller, "GET", &format!("{path}/document"), None).await.text;
        let shown = test.ask(caller, "GET", "/receipts/public-key", None).await.json();
        let key = Signer::new(&[7; 32]).public_key();
        assert_eq!(shown["public_key_hex"], hex::encode(key.as_bytes()));
        assert_eq!(verify(&receipt, &document, &key), Ok(()), "{caller}");
    }
    assert_eq!(test.ask("mallory", "GET", &path, None).await.status.as_u16(), 403);
}

#[tokio::test]
async fn the_service_tells_its_build_its_figures_and_its_api() {
    let test = TestApp::new().await;
    let get = async |path: &str| test.send(Request::get(path).body(Body::empty()).unwrap()).await;
    let health = get("/health").await;
    assert_eq!(health.text, r#"{"status":"healthy","service":"aitbc-agent-management"}"#);
    assert_eq!(health.headers["x-build-id"], crate::build::BUILD_ID);
    let figures = get("/metrics").await.text;
    let counted =
        r#"agent_service_http_requests_total{method="GET",route="/health",status="200"} 1"#;
    assert!(figures.contains(counted), "{figures}");
    let api = get("/openapi.json").await.json();
    for (mount, endpoint) in crate::http::mount::places(&crate::router::groups()) {
        let path = format!("{mount}{}", endpoint.path);
        let method = endpoint.method.as_str().to_ascii_lowercase();
        assert!(api["paths"][&path][&method]["responses"].is_object(), "{method} {path}");
    }
    let new = &api["paths"]["/api/v1/agents/workflows"]["post"]["requestBody"]["content"]["application/json"]
        ["schema"];
    assert_eq!(new["required"], json!(["name", "steps"]));
    assert_eq!(new["properties"]["name"]["maxLength"], 100);
    assert_eq!(get("/docs/").await.status.as_u16(), 200);
}

#[tokio::test]
async fn stored_text_is_what_python_writes() {
    let test = TestApp::on_file().await;
    let body = json!({"name": "żółć", "steps": {"ü": {"k": [1, 2.0, 1e-5, 1e16]}}, "tags": ["a", "✓"], "max_cost_budget": 3});
    test.ask("alice", "POST", "/workflows", Some(body)).await;
    let stored = async |condition: &str| {
        let mut writing = test.app.store.write().await.unwrap();
        let sql = format!("UPDATE ai_agent_workflows SET version = '2' WHERE {condition}");
        writing.statement(&sql).await.unwrap()
    };
    for condition in [
        r#"steps = '{"\u00fc": {"k": [1, 2.0, 1e-05, 1e+16]}}'"#,
        r#"tags = '["a", "\u2713"]'"#,
        "name = 'żółć' AND dependencies = '{}' AND verification_level = 'BASIC'",
        "typeof(max_cost_budget) = 'real' AND typeof(is_public) = 'integer'",
        "created_at LIKE '____-__-__ __:__:__.______'",
    ] {
        assert_eq!(stored(condition).await, 1, "{condition}");
    }
}
