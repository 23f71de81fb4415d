//! What is too large, too many, too slow or ambiguous is refused with its own status.

use std::time::{Duration, Instant};

use crate::client::{self, Connection};
use crate::running::{Running, Table, until};

const LIMITS: &str = "[limits]\nmax_body_bytes = 100000\nmax_header_bytes = 4096\nmax_in_flight = 2\nclient_timeout = \"300ms\"";

async fn limited() -> Running {
    Running::start(Table { sections: LIMITS, ..Table::at("service", "") }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_announced_or_not() {
    let proxy = limited().await;
    let answer =
        client::send(proxy.http, "POST", "/api/x", &[("Content-Length", "100001")], "").await;
    assert_eq!(answer.status, 413);
    assert!(proxy.new.seen().is_empty());

    let mut connection = Connection::open(proxy.http).await;
    connection.request("POST", "/api/x", &[("Transfer-Encoding", "chunked")], "").await;
    let chunk = format!("{:x}\r\n{}\r\n", 60_000, "x".repeat(60_000));
    connection.write(&chunk).await;
    connection.write(format!("{chunk}0\r\n\r\n")).await;
    assert_eq!(connection.answer(false).await.unwrap().status, 413);

    let fits = client::send(proxy.http, "POST", "/api/x", &[], &"x".repeat(100_000)).await;
    assert_eq!((fits.status, &fits.json()["body"]), (200, &100_000.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_over_the_limit_are_refused() {
    let proxy = limited().await;
    let long = "x".repeat(5000);
    let answer = client::send(proxy.http, "GET", "/api/x", &[("X-Long", &long)], "").await;
    assert_eq!(answer.status, 431);
    assert!(proxy.metric("strangler_refused_requests_total{reason=\"header_too_large\"}") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_allowed_are_told_to_come_back() {
    let proxy = limited().await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::open(proxy.http).await;
        connection.request("GET", "/api/hold", &[], "").await;
        held.push(connection);
    }
    until("both are in flight", async || proxy.new.busy() == 2).await;
    let answer = proxy.get("/api/x").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    proxy.new.script.go.add_permits(2);
    for mut connection in held {
        assert_eq!(connection.answer(false).await.unwrap().status, 200);
    }
    assert_eq!(proxy.get("/api/x").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_two_lengths_is_refused() {
    let proxy = limited().await;
    let mut connection = Connection::open(proxy.http).await;
    let headers = [("Content-Length", "4"), ("Transfer-Encoding", "chunked")];
    connection.request("POST", "/api/x", &headers, "").await;
    connection.write("0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(connection.answer(false).await.unwrap().status, 400);
    assert!(connection.some().await.is_none(), "the connection ends");
    assert!(proxy.new.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_is_cut_off_and_a_slow_answer_is_not() {
    let proxy = limited().await;
    let mut slow = Connection::open(proxy.http).await;
    slow.request("POST", "/api/x", &[("Content-Length", "10")], "").await;
    let start = Instant::now();
    slow.write("abc").await;
    assert_eq!(slow.answer(false).await.map(|answer| answer.status), Some(408));
    assert!(start.elapsed() < Duration::from_secs(5));

    let mut patient = Connection::open(proxy.http).await;
    patient.request("GET", "/api/hold", &[], "").await;
    until("the service has it", async || proxy.new.busy() == 1).await;
    let asked = Instant::now();
    until("more than the client's time is over", async || {
        asked.elapsed() > Duration::from_millis(700)
    })
    .await;
    proxy.new.script.go.add_permits(1);
    assert_eq!(patient.answer(false).await.unwrap().status, 200);
}
