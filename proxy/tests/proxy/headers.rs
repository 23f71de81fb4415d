//! What the backend is told of the request, and the client of the answer.

use crate::client;
use crate::running::{Running, Table};

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_learns_whom_the_request_is_for_and_nothing_made_up() {
    let proxy = Running::start(Table::at("service", "")).await;
    let headers = [
        ("Host", "api.example"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "for=6.6.6.6"),
        ("X-Strangler-Mirror", "made-up"),
        ("Connection", "X-Private"),
        ("X-Private", "1"),
        ("TE", "trailers"),
    ];
    let answer = client::send(proxy.http, "GET", "/api/x", &headers, "").await;
    let seen = |name: &str| answer.seen(name);
    assert_eq!(seen("host").as_deref(), Some("api.example"));
    assert_eq!(seen("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(seen("x-forwarded-proto").as_deref(), Some("http"));
    assert_eq!(seen("x-forwarded-host").as_deref(), Some("api.example"));
    for gone in ["forwarded", "x-strangler-mirror", "x-private", "te", "connection"] {
        assert_eq!(seen(gone), None, "{gone}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_is_believed() {
    let table = Table { flags: vec!["--trusted-proxies=127.0.0.0/8"], ..Table::at("service", "") };
    let proxy = Running::start(table).await;
    let headers = [("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-Proto", "https")];
    let answer = client::send(proxy.http, "GET", "/api/x", &headers, "").await;
    assert_eq!(answer.seen("x-forwarded-for").as_deref(), Some("198.51.100.7, 127.0.0.1"));
    assert_eq!(answer.seen("x-forwarded-proto").as_deref(), Some("https"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_traces_are_passed_on_or_made() {
    let proxy = Running::start(Table::at("service", "")).await;
    let made = proxy.get("/api/x").await;
    let id = made.header("x-request-id").unwrap().to_owned();
    assert_eq!(id.len(), 36);
    assert_eq!(made.seen("x-request-id"), Some(id));
    assert_eq!(made.seen("traceparent").unwrap().len(), 55);

    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("X-Request-ID", "mine-1"), ("traceparent", trace), ("tracestate", "a=b")];
    let kept = client::send(proxy.http, "GET", "/api/x", &headers, "").await;
    assert_eq!(kept.seen("x-request-id").as_deref(), Some("mine-1"));
    assert_eq!(kept.header("x-request-id"), Some("mine-1"));
    let sent = kept.seen("traceparent").unwrap();
    assert!(sent.starts_with(&trace[..36]) && sent != trace, "{sent}");
    assert_eq!(kept.seen("tracestate").as_deref(), Some("a=b"));

    let headers = [("X-Request-ID", "not sane"), ("traceparent", "00-zz"), ("tracestate", "a=b")];
    let replaced = client::send(proxy.http, "GET", "/api/x", &headers, "").await;
    assert_eq!(replaced.seen("x-request-id").unwrap().len(), 36);
    assert_eq!(replaced.seen("tracestate"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_loses_what_was_for_the_proxy_alone() {
    let proxy = Running::start(Table::at("service", "")).await;
    let answer = proxy.get("/api/hop").await;
    assert_eq!(answer.text(), "hop");
    assert_eq!((answer.header("x-internal"), answer.header("keep-alive")), (None, None));
    assert_eq!(answer.header("server"), Some("scripted"), "the backend's, and none of ours");
    let refused = proxy.get("/api/..").await;
    assert_eq!((refused.status, refused.header("server")), (400, None));
    let head = client::send(proxy.http, "HEAD", "/api/x", &[], "").await;
    assert_eq!(head.status, 200);
}
