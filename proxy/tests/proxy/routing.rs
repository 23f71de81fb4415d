//! Who answers what.

use std::collections::BTreeSet;

use crate::client;
use crate::running::{Running, Table, route};

#[tokio::test(flavor = "multi_thread")]
async fn a_route_goes_where_its_stage_says_and_the_rest_to_the_fallback() {
    for (stage, backend) in
        [("monolith", "monolith"), ("shadow", "monolith"), ("service", "agent-service")]
    {
        let proxy = Running::start(Table::at(stage, "")).await;
        let answer = proxy.get("/api/workflows/7?expand=steps&x=%2F").await;
        assert_eq!(answer.backend(), backend, "{stage}");
        assert_eq!(answer.json()["target"], "/workflows/7?expand=steps&x=%2F");
        let other = proxy.get("/v1/jobs?page=2").await;
        assert_eq!(
            (other.backend().as_str(), other.json()["target"].as_str()),
            ("monolith", Some("/v1/jobs?page=2"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_could_be_read_in_two_ways_is_refused_and_counted() {
    let proxy = Running::start(Table::at("service", "")).await;
    for path in ["/api/../v1", "/api/%2e%2E/v1", "/api/a%00b", "/api/a\\b", "/api/%zz"] {
        let answer = proxy.get(path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("path"), "{path}");
    }
    assert_eq!(proxy.metric("strangler_refused_paths_total"), 5);
    assert!(proxy.new.seen().is_empty() && proxy.old.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absolute_target_is_reduced_to_its_path() {
    let proxy = Running::start(Table::at("service", "")).await;
    let answer = proxy.get("http://localhost/api/workflows?a=1").await;
    assert_eq!(
        (answer.backend().as_str(), answer.json()["target"].as_str()),
        ("agent-service", Some("/workflows?a=1"))
    );
    let other = proxy.get("http://localhost/v1/jobs").await;
    assert_eq!(other.json()["target"], "/v1/jobs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_keeps_each_client_on_one_side_and_raising_it_moves_nobody_back() {
    let lines =
        |percent: u32| format!("canary = {{ percent = {percent}, sticky = \"header:x-api-key\" }}");
    let proxy = Running::start(Table::at("canary", &lines(30))).await;
    let on_the_new_side = async || {
        let mut clients = BTreeSet::new();
        for client in 0..200 {
            let key = format!("key-{client}");
            let headers = [("X-Api-Key", key.as_str())];
            let first = client::send(proxy.http, "GET", "/api/x", &headers, "").await.backend();
            let again = client::send(proxy.http, "GET", "/api/y", &headers, "").await.backend();
            assert_eq!(first, again);
            if first == "agent-service" {
                clients.insert(client);
            }
        }
        clients
    };
    let few = on_the_new_side().await;
    assert!((30..=90).contains(&few.len()), "{}", few.len());
    assert_eq!(proxy.get("/api/x").await.backend(), "monolith", "a client without a key stays");

    proxy.rename_into_place(&proxy.text_with(&route("canary", &lines(60))));
    crate::running::until("60 % is in force", async || {
        proxy.report().await["routes"][0]["canary_percent"] == 60.0
    })
    .await;
    let more = on_the_new_side().await;
    assert!(more.is_superset(&few) && more.len() > few.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_log_says_who_answered_and_keeps_secrets() {
    let proxy = Running::start(Table::at("service", "")).await;
    let headers = [("Authorization", "Bearer s3cret"), ("X-Request-ID", "abc-123")];
    client::send(proxy.http, "POST", "/api/workflows?token=s3cret", &headers, "s3cret").await;
    crate::running::until("the request is logged", async || !proxy.process.requests().is_empty())
        .await;
    let line = proxy.process.requests().remove(0);
    let told = |name: &str| line[name].clone();
    assert_eq!((told("method"), told("path")), ("POST".into(), "/api/workflows".into()));
    assert_eq!((told("route"), told("stage")), ("api".into(), "service".into()));
    assert_eq!((told("backend"), told("status")), ("agent-service".into(), 200.into()));
    assert_eq!(told("request_id"), "abc-123");
    assert!(!line.to_string().contains("s3cret"));
}
