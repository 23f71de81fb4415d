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

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_comes_with_a_policy_and_is_not_sent_twice() {
    let proxy = Running::start(Table::at("service", "")).await;
    let page = proxy.admin("/").await;
    assert!(page.status == 200 && page.header("content-type").unwrap().starts_with("text/html"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
        "{policy}"
    );
    let tag = page.header("etag").unwrap();
    let again = client::send(proxy.admin, "GET", "/", &[("If-None-Match", tag)], "").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_tells_the_last_changes_without_their_texts() {
    let proxy = Running::start(Table::at("monolith", "")).await;
    for stage in ["shadow", "canary", "service"] {
        let text = proxy.text_with(&route(stage, ""));
        proxy.rename_into_place(&text);
        let digest = routes::Digest::of(&text);
        until("the edit is journaled", async || {
            let journal = proxy.admin("/api/journal").await.json();
            journal["changes"][0]["after"]["digest"] == digest.as_str()
        })
        .await;
    }
    let answer = proxy.admin("/api/journal?limit=2").await;
    let journal = answer.json();
    let changes = journal["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!((&changes[0]["in_force"], &changes[1]["in_force"]), (&true.into(), &false.into()));
    assert_eq!(changes[0]["moves"][0]["to"], "service");
    assert!(!answer.text().contains("targets"), "no text of a table");
    assert_eq!(proxy.admin("/api/journal?limit=x").await.status, 400);
}

/// Asks for events; the status, and the connection that they come on.
async fn listen(admin: std::net::SocketAddr) -> (u16, client::Connection) {
    let mut listener = client::Connection::open(admin).await;
    listener.request("GET", "/api/events", &[], "").await;
    let (status, _) = listener.head().await.unwrap();
    (status, listener)
}

/// Reads events until one has these words.
async fn hear(listener: &mut client::Connection, words: &str) {
    let mut heard = String::new();
    while !heard.contains(words) {
        let more = listener.some().await.unwrap_or_else(|| panic!("ended after {heard}"));
        heard += &String::from_utf8(more).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_what_has_changed_to_a_bounded_number_of_listeners() {
    let proxy = Running::start(Table::at("monolith", "")).await;
    let mut listeners = Vec::new();
    let full = loop {
        let (status, mut listener) = listen(proxy.admin).await;
        if status != 200 {
            break status;
        }
        hear(&mut listener, "data: table journal evidence traffic\n\n").await;
        listeners.push(listener);
        assert!(listeners.len() < 100, "some listener finds no place");
    };
    assert_eq!(full, 503);
    proxy.rename_into_place(&proxy.text_with(&route("service", "")));
    for listener in &mut listeners {
        hear(listener, "data: table").await;
    }
    proxy.get("/api/x").await;
    hear(&mut listeners[0], "traffic").await;
    drop(listeners);
    until("places are free again", async || listen(proxy.admin).await.0 == 200).await;
}
