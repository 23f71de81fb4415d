//! The finer points of how requests are read: paths, methods, forms of JSON, and numbers that few programs can hold.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::testing::{Answer, TestApp};

async fn send(test: &TestApp, method: &str, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "h:1")
        .header("x-api-key", "alice")
        .header("content-type", "application/json");
    test.send(request.body(body.into()).unwrap()).await
}

async fn create(test: &TestApp, body: impl Into<Body>) -> Answer {
    send(test, "POST", "/v1/agents/workflows", body).await
}

#[tokio::test]
async fn allow_names_the_method_of_the_first_route_of_the_path() {
    let test = TestApp::new().await;
    for (method, path, allowed) in [
        ("PATCH", "/v1/agents/workflows/x", "GET"),
        ("HEAD", "/v1/agents/test", "GET"),
        ("DELETE", "/v1/agents/workflows", "POST"),
        ("OPTIONS", "/v1/agents/executions/x/cancel", "POST"),
        ("GET", "/v1/services/whisper/transcribe", "POST"),
        ("DELETE", "/v1/services", "GET"),
    ] {
        let answer = send(&test, method, path, Body::empty()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_eq!(answer.headers["allow"], allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn a_path_is_decoded_before_its_route_is_looked_for() {
    let test = TestApp::new().await;
    let created = create(&test, json!({"name": "w", "steps": {}}).to_string()).await.json();
    let id = created["id"].as_str().unwrap();
    let shown = send(&test, "GET", &format!("/v1/%61gents/workflows%2F{id}"), Body::empty()).await;
    assert_eq!((shown.status.as_u16(), &shown.json()["id"]), (200, &json!(id)));
    for (path, detail) in [
        // A slash parts, however it is written; so no id has one.
        ("/v1/agents/workflows/a%2Fb", "Not Found"),
        ("/v1/agents/workflows/..", "Workflow not found"),
        ("/v1/agents/workflows/%2E%2e", "Workflow not found"),
        ("/v1/agents/workflows/%FF", "Workflow not found"),
    ] {
        let answer = send(&test, "GET", path, Body::empty()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["detail"]),
            (404, &json!(detail)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_trailing_slash_leads_on_whatever_the_method_and_before_anything_is_checked() {
    let test = TestApp::with(super::KEYS).await;
    for method in ["GET", "POST", "PATCH", "OPTIONS", "HEAD", "DELETE"] {
        let answer = send(&test, method, "/v1/agents/workflows/x/?a=%20b&a", "{").await;
        assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT, "{method}");
        assert_eq!(answer.headers["location"], "http://h:1/v1/agents/workflows/x?a=%20b&a");
    }
    assert_eq!(send(&test, "GET", "/v1/nowhere/", "").await.status.as_u16(), 404);
}

#[tokio::test]
async fn bodies_in_every_form_of_unicode() {
    let test = TestApp::new().await;
    let text = json!({"name": "ż✓", "steps": {}}).to_string();
    let marked = format!("\u{feff}{text}");
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for body in [marked.as_bytes().to_vec(), wide(&text), wide(&marked)] {
        let created = create(&test, body).await;
        assert_eq!((created.status.as_u16(), &created.json()["name"]), (200, &json!("ż✓")));
    }
    assert_eq!(create(&test, b"\xff{}".to_vec()).await.status.as_u16(), 400);
}

#[tokio::test]
async fn numbers_that_few_programs_hold() {
    let test = TestApp::on_file().await;
    let large = "123456789012345678901234567890";
    let body = format!(
        r#"{{"name": "n", "name": "w", "max_cost_budget": "inf", "steps": {{"a": [NaN, -Infinity, 1e400, {large}]}}}}"#
    );
    let created = create(&test, body).await;
    assert_eq!(created.status.as_u16(), 200);
    assert!(
        created.text.contains(&format!(r#""steps":{{"a":[null,null,null,{large}]}}"#)),
        "{}",
        created.text
    );
    let created = created.json();
    assert_eq!((&created["name"], &created["max_cost_budget"]), (&json!("w"), &json!(null)));
    // Stored as Python stores them, and read back.
    let path = format!("/v1/agents/workflows/{}", created["id"].as_str().unwrap());
    let dump = test.app.store.dump().await.join("\n");
    assert!(dump.contains(&format!("[NaN, -Infinity, Infinity, {large}]")), "{dump}");
    let shown = send(&test, "GET", &path, Body::empty()).await;
    assert!(shown.text.contains(&format!("[null,null,null,{large}]")), "{}", shown.text);

    let code = async |field: &str| {
        let answer = create(&test, format!(r#"{{"name": "w", "steps": {{}}, {field}}}"#)).await;
        let details = answer.json()["error"]["details"].clone();
        format!(
            "{} {}",
            details[0]["field"].as_str().unwrap(),
            details[0]["code"].as_str().unwrap()
        )
    };
    assert_eq!(
        code(&format!(r#""max_execution_time": {large}"#)).await,
        "body.max_execution_time int_parsing_size"
    );
    assert_eq!(
        code(r#""max_execution_time": 1e30"#).await,
        "body.max_execution_time int_parsing_size"
    );
    assert_eq!(code(r#""max_execution_time": NaN"#).await, "body.max_execution_time finite_number");
    assert_eq!(code(r#""max_cost_budget": NaN"#).await, "body.max_cost_budget finite_number");
    assert_eq!(code(r#""is_public": 1e20"#).await, "body.is_public bool_type");
    assert_eq!(code(r#""is_public": 0.5"#).await, "body.is_public bool_type");
    let list = send(&test, "GET", &format!("/v1/agents/executions?limit={large}"), "").await;
    assert_eq!(list.json()["error"]["details"][0]["code"], "int_parsing_size");
}

#[tokio::test]
async fn half_a_character_is_refused_where_it_stands() {
    let test = TestApp::new().await;
    for (body, field) in [
        (r#"{"name": "\ud800", "steps": {}}"#, "body.name"),
        (r#"{"name": "w", "steps": {"a": ["b", {"c": "x\udc00"}]}}"#, "body.steps.a.1.c"),
    ] {
        let answer = create(&test, body).await;
        let problem = &answer.json()["error"]["details"][0];
        assert_eq!(
            (&problem["field"], &problem["code"]),
            (&json!(field), &json!("string_unicode"))
        );
    }
    assert_eq!(send(&test, "GET", "/v1/agents/workflows", "").await.json(), json!([]));
}

#[tokio::test]
async fn nesting_has_a_limit_and_what_is_within_it_reads_back() {
    let test = TestApp::new().await;
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"name": "w", "steps": {{"a": {open}{close}}}}}"#)
    };
    let created = create(&test, nested(200)).await;
    assert_eq!(created.status.as_u16(), 200);
    let listed = send(&test, "GET", "/v1/agents/workflows", "").await;
    assert_eq!((listed.status.as_u16(), listed.text), (200, format!("[{}]", created.text)));
    let refused = create(&test, nested(1500)).await;
    let detail = json!({"detail": "There was an error parsing the body"});
    assert_eq!((refused.status.as_u16(), refused.json()), (400, detail));
}

#[tokio::test]
async fn what_is_no_json_by_its_type_is_a_text() {
    let test = TestApp::new().await;
    let request = Request::post("/v1/agents/networks").header("content-type", "text/json");
    let answer = test.send(request.body(Body::from("{}")).unwrap()).await;
    let problem = answer.json()["error"]["details"][0].clone();
    assert_eq!((&problem["field"], &problem["code"]), (&json!("body"), &json!("dict_type")));
    let missing = send(&test, "POST", "/v1/agents/networks", "null").await;
    let problem = missing.json()["error"]["details"][0].clone();
    assert_eq!((&problem["field"], &problem["code"]), (&json!("body"), &json!("missing")));
    assert_eq!(missing.json()["request_id"], Value::Null);
}
