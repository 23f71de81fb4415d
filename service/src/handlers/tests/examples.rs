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

/// Posts the example of an operation.
async fn try_it(test: &TestApp, path: &str, operation: &Value) -> Answer {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for parameter in operation["parameters"].as_array().unwrap() {
        if let Some(example) = parameter.get("example") {
            let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
            query.append_pair(parameter["name"].as_str().unwrap(), &text);
        }
    }
    let content = &operation["requestBody"]["content"]["application/json"];
    let body = content.get("example").map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = Request::post(format!("{path}?{}", query.finish()))
        .header("x-api-key", "alice")
        .header("content-type", "application/json");
    test.send(request.body(body).unwrap()).await
}

#[tokio::test]
async fn every_example_of_a_post_works_when_it_is_tried() {
    let test = TestApp::new().await;
    let document = document(&test).await;
    let mut refused = BTreeMap::new();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item["post"];
        let is_alias = path.starts_with("/v1/") || path.starts_with("/api/v1/agent/");
        if operation.is_null() || is_alias || path.contains('{') {
            continue;
        }
        tried += 1;
        let answer = try_it(&test, path, operation).await;
        if !answer.status.is_success() {
            refused.insert(path.clone(), (answer.status.as_u16(), answer.text));
        }
    }
    assert!(tried > 20, "{tried}");
    for path in NOT_FOUND {
        assert_eq!(refused.remove(path).map(|(status, _)| status), Some(404), "{path}");
    }
    assert!(refused.is_empty(), "{refused:#?}");
}
