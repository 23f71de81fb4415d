//! The admin interface.

use std::time::{Duration, Instant};

use crate::client;
use crate::running::{Running, Table, route, until};

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_when_the_generation_is_in_force_or_refused() {
    let proxy = Running::start(Table::at("monolith", "")).await;
    let text = proxy.text_with(&route("service", ""));
    let digest = routes::Digest::of(&text);
    let target = format!("/api/routes?wait={digest}&timeout=10000");
    let admin = proxy.admin;
    let waiting = tokio::spawn(async move { client::send(admin, "GET", &target, &[], "").await });
    proxy.rename_into_place(&text);
    let report = waiting.await.unwrap().json();
    assert_eq!(report["generation"]["digest"], digest.as_str());
    assert_eq!(report["routes"][0]["stage"], "service");

    let start = Instant::now();
    proxy.admin("/api/routes?wait=0000000000000000&timeout=200").await;
    assert!(start.elapsed() >= Duration::from_millis(200));

    let bad = proxy.text_with(&route("nowhere", ""));
    let target = format!("/api/routes?wait={}&timeout=10000", routes::Digest::of(&bad));
    proxy.rename_into_place(&bad);
    let start = Instant::now();
    let report = proxy.admin(&target).await.json();
    assert!(start.elapsed() < Duration::from_secs(9) && report["rejected"].is_object(), "{report}");
    assert_eq!(report["generation"]["digest"], digest.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_what_is_there_and_counts() {
    let proxy = Running::start(Table::at("service", "")).await;
    proxy.get("/api/x").await;
    proxy.get("/other").await;
    until("both are counted", async || proxy.metric("strangler_requests_total") > 1).await;
    let report = proxy.report().await;
    assert_eq!(report["routes"][0]["answered"]["agent-service"], 1);
    assert_eq!(report["fallback"], "monolith");
    assert!(report["proxy"]["table"].as_str().unwrap().ends_with("routes.toml"));
    let index = proxy.admin("/api").await;
    assert!(index.status == 200 && index.text().contains("/api/routes"));
    assert_eq!(proxy.admin("/nowhere").await.status, 404);
    assert_eq!(client::send(proxy.admin, "POST", "/api/routes", &[], "").await.status, 405);
    let metrics = client::get_blocking(proxy.admin, "/metrics");
    let series = "strangler_requests_total{route=\"api\",backend=\"agent-service\",code=\"2xx\"} 1";
    assert!(metrics.contains(series), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_where_there_is_one() {
    let flags = vec!["--admin-token=0123456789abcdef0123"];
    let folder = Running::start(Table::at("service", "")).await;
    let proxy = crate::running::Process::start(&folder.file(), &flags);
    until("it listens", async || !proxy.logged("listening").is_empty()).await;
    let line = proxy.logged("listening").remove(0);
    let admin = line["admin"].as_str().unwrap().parse().unwrap();
    assert_eq!(client::send(admin, "GET", "/healthz", &[], "").await.status, 200);
    assert_eq!(client::send(admin, "GET", "/api/routes", &[], "").await.status, 401);
    let wrong = [("Authorization", "Bearer 0123456789abcdef0124")];
    assert_eq!(client::send(admin, "GET", "/metrics", &wrong, "").await.status, 401);
    let right = [("Authorization", "Bearer 0123456789abcdef0123")];
    assert_eq!(client::send(admin, "GET", "/api/routes", &right, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_web_page_could_control_is_refused() {
    let proxy = Running::start(Table::at("service", "")).await;
    let headers = [("Host", "evil.example")];
    let answer = client::send(proxy.admin, "GET", "/api/routes", &headers, "").await;
    assert_eq!(answer.status, 421);
}
