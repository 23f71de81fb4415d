//! A new backend that fails costs no client an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::client::{self, Connection};
use crate::running::{Running, Table, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_under_load_costs_no_client_an_answer() {
    let Running { old, new, http, admin, process, .. } =
        Running::start(Table::at("service", "guard = { enabled = false }")).await;
    let (stop, by_old, by_new) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (stop, by_old, by_new) =
                (Arc::clone(&stop), Arc::clone(&by_old), Arc::clone(&by_new));
            tokio::spawn(async move {
                let mut connection = Connection::open(http).await;
                while !stop.load(Ordering::SeqCst) {
                    connection.request("GET", "/api/x", &[], "").await;
                    let answer = connection.answer(false).await.expect("an answer");
                    assert_eq!(answer.status, 200, "{answer:?}");
                    match answer.backend().as_str() {
                        "monolith" => by_old.fetch_add(1, Ordering::SeqCst),
                        _ => by_new.fetch_add(1, Ordering::SeqCst),
                    };
                }
            })
        })
        .collect();
    until("the service answers", async || by_new.load(Ordering::SeqCst) > 200).await;
    let address = new.kill().await;
    until("the monolith answers", async || by_old.load(Ordering::SeqCst) > 200).await;
    let before = by_new.load(Ordering::SeqCst);
    let _again = Backend::start_at("agent-service", address).await;
    until("the service answers again", async || by_new.load(Ordering::SeqCst) > before + 50).await;
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    let metrics = client::get_blocking(admin, "/metrics");
    assert!(metrics.contains("strangler_failovers_total{route=\"api\","), "{metrics}");
    drop((old, process));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_sent_means_any_method_may_go_to_the_old_backend() {
    let Running { old, new, http, admin, process: _process, .. } =
        Running::start(Table::at("service", "")).await;
    new.kill().await;
    for method in ["POST", "PATCH", "DELETE", "GET"] {
        let answer = client::send(http, method, "/api/x", &[], "{}").await;
        assert_eq!((answer.status, answer.backend().as_str()), (200, "monolith"), "{method}");
    }
    assert_eq!(old.seen(), ["POST /x", "PATCH /x", "DELETE /x", "GET /x"]);
    until("the answers are counted", async || {
        let report = client::get_blocking(admin, "/api/routes");
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let route = &report["routes"][0];
        route["failovers"] == 4 && route["answered"]["monolith"] == 4
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_repeated_only_where_that_is_safe() {
    let proxy = Running::start(Table::at("service", "")).await;
    // The monolith dies of it too, so the client gets an error in the end; what counts is who was asked.
    let answer = client::send(proxy.http, "POST", "/api/die", &[], "{}").await;
    assert_eq!(answer.status, 502);
    assert!(answer.json()["error"]["request_id"].is_string());
    assert_eq!((proxy.new.seen().len(), proxy.old.seen().len()), (1, 0));

    let answer = client::send(proxy.http, "PUT", "/api/die", &[], "{}").await;
    assert_eq!(answer.status, 502);
    assert_eq!(proxy.old.seen(), ["PUT /die"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_service_is_given_up_on_in_time_and_a_silent_monolith_is_a_504() {
    let table = Table { backend_lines: "response_timeout = \"400ms\"", ..Table::at("service", "") };
    let proxy = Running::start(table).await;
    let start = Instant::now();
    let answer = client::send(proxy.http, "GET", "/api/hang", &[], "").await;
    assert_eq!(answer.status, 504, "both hang");
    assert!(start.elapsed() >= Duration::from_millis(800), "each had its time");
    assert_eq!((proxy.new.seen().len(), proxy.old.seen().len()), (1, 1));
    assert!(proxy.metric("strangler_failovers_total{route=\"api\",reason=\"timeout\"}") > 0);
    let answer = client::send(proxy.http, "POST", "/api/hang", &[], "{}").await;
    assert_eq!(answer.status, 504);
    assert_eq!(proxy.old.seen().len(), 1, "a POST that was sent is not repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_sent_again_whole() {
    let Running { new, http, process: _process, old: _old, .. } =
        Running::start(Table::at("service", "")).await;
    let body = "x".repeat(40_000);
    let mut connection = Connection::open(http).await;
    connection.request("PUT", "/api/x", &[], &body).await;
    assert_eq!(connection.answer(false).await.unwrap().json()["body"], 40_000);
    new.kill().await;
    connection.request("PUT", "/api/x", &[], &body).await;
    let answer = connection.answer(false).await.unwrap();
    assert_eq!((answer.backend().as_str(), &answer.json()["body"]), ("monolith", &40_000.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_targets_take_turns_and_a_dead_one_is_left_out() {
    let third = Backend::start("monolith-2").await;
    let proxy = Running::start(Table::at("monolith", "")).await;
    let text = proxy.text_with(&crate::running::route("monolith", ""));
    let both = format!("targets = [\"{}\", \"{}\"]", proxy.old.url(), third.url());
    let text = text.replacen(&format!("targets = [\"{}\"]", proxy.old.url()), &both, 1);
    proxy.rename_into_place(&text);
    until("there are two", async || {
        proxy.report().await["backends"][0]["targets"].as_array().unwrap().len() == 2
    })
    .await;
    let mut answered = Vec::new();
    for _ in 0..10 {
        answered.push(proxy.get("/api/x").await.backend());
    }
    assert_eq!(answered.iter().filter(|name| *name == "monolith-2").count(), 5);
    third.kill().await;
    for method in ["GET", "POST", "GET", "POST"] {
        let answer = client::send(proxy.http, method, "/api/x", &[], "").await;
        assert_eq!((answer.status, answer.backend().as_str()), (200, "monolith"));
    }
    until("its health is told", async || {
        proxy.report().await["backends"][0]["targets"][1]["healthy"] == false
    })
    .await;
    assert_eq!(proxy.report().await["backends"][0]["healthy"], true);
}
