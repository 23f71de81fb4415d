//! The examples of the documentation, tried.

use std::collections::BTreeMap;

use axum::body::Body;
use http::Request;
use serde_json::Value;

use crate::testing::{Answer, TestApp};

/// What an example can't know: the identifier of something that is there.
const NOT_FOUND: [&str; 5] = [
    "/api/v1/agents/communication/channels",
    "/api/v1/agents/integration/deployments/config",
    "/api/v1/agents/integration/production/deploy",
    "/api/v1/agents/marketplace/requests",
    "/api/v1/agents/portfolio/portfolios",
];

async fn document(test: &TestApp) -> Value {
    test.send(Request::get("/openapi.json").body(Body::empty()).unwrap()).await.json()
}

/// Asks as the example of an operation does.
async fn try_it(test: &TestApp, method: &str, path: &str, operation: &Value) -> Answer {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for parameter in operation["parameters"].as_array().unwrap() {
        if let Some(example) = parameter.get("example") {
            let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
            query.append_pair(parameter["name"].as_str().unwrap(), &text);
        }
    }
    let content = &operation["requestBody"]["content"]["application/json"];
    let body = content.get("example").map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = Request::builder()
        .method(method)
        .uri(format!("{path}?{}", query.finish()))
        .header("x-api-key", "alice")
        .header("content-type", "application/json");
    test.send(request.body(body).unwrap()).await
}

/// The refusals of what has no part of its path left open, of one method; how much was tried.
async fn refused(method: &str) -> (BTreeMap<String, (u16, String)>, usize) {
    let test = TestApp::new().await;
    let document = document(&test).await;
    let mut refused = BTreeMap::new();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item[method.to_ascii_lowercase()];
        let is_alias = path.starts_with("/v1/") || path.starts_with("/api/v1/agent/");
        let is_alias = is_alias && path != "/v1/metrics";
        if operation.is_null() || is_alias || path.contains('{') {
            continue;
        }
        tried += 1;
        let answer = try_it(&test, method, path, operation).await;
        if !answer.status.is_success() {
            refused.insert(path.clone(), (answer.status.as_u16(), answer.text));
        }
    }
    (refused, tried)
}

#[tokio::test]
async fn every_example_of_a_post_works_when_it_is_tried() {
    let (mut refused, tried) = refused("POST").await;
    assert!(tried > 20, "{tried}");
    for path in NOT_FOUND {
        assert_eq!(refused.remove(path).map(|(status, _)| status), Some(404), "{path}");
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test]
async fn every_example_of_a_get_works_when_it_is_tried() {
    let (refused, tried) = refused("GET").await;
    assert!(tried > 20, "{tried}");
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test]
async fn the_example_of_an_agent_can_do_the_example_of_a_plan() {
    let test = TestApp::new().await;
    let document = document(&test).await;
    let example = async |name: &str| {
        let path = format!("/api/v1/agents/orchestration/{name}");
        let answer = try_it(&test, "POST", &path, &document["paths"][&path]["post"]).await;
        (answer.status.as_u16(), answer.json()["detail"].clone())
    };
    assert_eq!(example("agents").await.0, 201);
    // From then on nobody hears of the agents that everybody begins with, nor of this one.
    test.clock.advance(301);
    let (status, why) = example("plans").await;
    let offline =
        "No available agents for sub-task text (text_processing on mid_range_gpu: 2 offline)";
    assert_eq!((status, why), (409, offline.into()));
    assert_eq!((example("agents").await.0, example("plans").await.0), (201, 201));
}
