//! What the proxy adds to a request, takes from it, and leaves alone.

use e2e::{Answer, raw};

use crate::stack;

#[tokio::test]
async fn a_backend_learns_who_asked_and_under_which_name() {
    let mut stack = stack().start().await;
    let request = stack.client.get(stack.url("/")).header("host", "shop.example:81");
    request.header("x-api-key", "alice").header("cookie", "a=b").send().await.unwrap();
    let seen = stack.old.fake().seen().pop().unwrap();
    assert_eq!(seen.header("host"), "shop.example:81");
    assert_eq!(seen.header("x-forwarded-host"), "shop.example:81");
    assert_eq!(seen.header("x-forwarded-proto"), "http");
    assert_eq!(seen.header("x-forwarded-for").rsplit(", ").next(), Some("127.0.0.1"));
    assert_eq!((seen.header("x-api-key"), seen.header("cookie")), ("alice", "a=b"));
}

#[tokio::test]
async fn an_id_is_made_or_passed_on_and_both_sides_see_the_same() {
    let mut stack = stack().start().await;
    let made = stack.get("/").await;
    let seen = stack.old.fake().seen().pop().unwrap();
    assert!(seen.header("x-request-id").len() >= 16);
    assert_eq!(made.headers()["x-request-id"], seen.header("x-request-id"));

    let request = stack.client.get(stack.url("/")).header("x-request-id", "mine-1");
    let passed = request.send().await.unwrap();
    assert_eq!(passed.headers()["x-request-id"], "mine-1");
    assert_eq!(stack.old.fake().seen().pop().unwrap().header("x-request-id"), "mine-1");
}

#[tokio::test]
async fn a_trace_is_begun_or_continued() {
    let mut stack = stack().start().await;
    stack.get("/").await;
    let begun = stack.old.fake().seen().pop().unwrap();
    let parts: Vec<&str> = begun.header("traceparent").split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    assert_eq!(lengths, [2, 32, 16, 2], "{parts:?}");

    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = stack.client.get(stack.url("/"));
    let request = request.header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    request.send().await.unwrap();
    let continued = stack.old.fake().seen().pop().unwrap();
    assert!(continued.header("traceparent").starts_with(&format!("00-{trace}-")));
}

#[tokio::test]
async fn what_is_for_the_next_hop_only_ends_there() {
    let mut stack = stack().start().await;
    stack.old.fake().answer(
        Answer::json("{}")
            .header("connection", "x-inner")
            .header("x-inner", "1")
            .header("keep-alive", "timeout=5")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2"),
    );
    let answer = raw::exchange(
        stack.table.http,
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: close, x-secret\r\nx-secret: 1\r\n\
         keep-alive: timeout=9\r\nproxy-connection: keep-alive\r\nte: gzip\r\nx-kept: 1\r\n\r\n",
    )
    .await
    .to_lowercase();
    let seen = stack.old.fake().seen().pop().unwrap();
    for name in ["x-secret", "keep-alive", "proxy-connection", "te"] {
        assert_eq!(seen.header(name), "", "{name} was forwarded");
    }
    assert_eq!(seen.header("x-kept"), "1");
    assert!(!answer.contains("x-inner") && !answer.contains("timeout=5"), "{answer}");
    assert!(answer.contains("set-cookie: a=1") && answer.contains("set-cookie: b=2"), "{answer}");
}
