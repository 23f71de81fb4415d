//! Event streams: what is told when, to how many, and when a stream ends.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::response::Response;
use futures::StreamExt as _;
use http::Request;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{agents, agents_with, deliver, get, post, put, read, send};
use crate::courier;
use crate::testing::TestApp;

const PATH: &str = "/api/v1/agents/communication/agents/b1/events";

async fn listen(test: &TestApp, query: &str, header: (&str, &str)) -> Response {
    let request = Request::get(format!("{PATH}{query}")).header("x-api-key", "bob");
    let request = request.header(header.0, header.1).body(Body::empty()).unwrap();
    test.response(request).await
}

/// Text from a stream until it has `wanted`, or all of it where it ends before.
async fn until_said(stream: &mut BodyDataStream, wanted: &str) -> String {
    let mut text = String::new();
    let reading = async {
        while let Some(part) = stream.next().await {
            text.push_str(std::str::from_utf8(&part.unwrap()).unwrap());
            if text.contains(wanted) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect(wanted);
    text
}

async fn write(test: &TestApp) -> String {
    send(test, "alice", "a1", json!({"recipient": "b1", "content": "secret"})).await
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens() {
    let test = agents().await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(courier::work(Arc::clone(&test.app), stop.clone()));
    let response = listen(&test, "", ("x-nothing", "")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let mut stream = response.into_body().into_data_stream();
    until_said(&mut stream, "retry: 2000").await;
    let id = write(&test).await;
    let said = until_said(&mut stream, "\n\n").await;
    assert!(said.starts_with("id: 1\nevent: message.delivered\ndata: {"), "{said}");
    assert!(said.contains(&id) && !said.contains("secret"), "{said}");
    // The service stops, and so does the stream.
    test.app.live_events.end();
    assert_eq!(until_said(&mut stream, "never said").await, "");
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn a_stream_resumes_where_it_was_left() {
    let test = agents_with(&[("EVENT_STREAM_SECONDS", "1")]).await;
    for _ in 0..3 {
        write(&test).await;
        deliver(&test).await;
    }
    for (query, header, ids) in [
        ("", ("last-event-id", "1"), vec!["id: 2", "id: 3"]),
        ("?last_event_id=2", ("x-nothing", ""), vec!["id: 3"]),
        ("?last_event_id=0", ("last-event-id", "2"), vec!["id: 3"]),
        ("", ("last-event-id", "rubbish"), vec![]),
        ("", ("x-nothing", ""), vec![]),
    ] {
        let mut stream = listen(&test, query, header).await.into_body().into_data_stream();
        // It ends by itself after its second.
        let said = until_said(&mut stream, "never said").await;
        let said: Vec<&str> = said.lines().filter(|line| line.starts_with("id:")).collect();
        assert_eq!(said, ids, "{query} {header:?}");
    }
}

#[tokio::test]
async fn who_has_seen_more_than_there_is_is_told_what_comes() {
    let test = agents().await;
    let response = listen(&test, "", ("last-event-id", "77")).await;
    let mut stream = response.into_body().into_data_stream();
    until_said(&mut stream, "retry: 2000").await;
    write(&test).await;
    deliver(&test).await;
    test.app.live_events.announce(1);
    assert!(until_said(&mut stream, "\n\n").await.starts_with("id: 1\n"));
}

#[tokio::test]
async fn a_stream_that_begins_while_the_service_stops_ends_at_once() {
    let test = agents().await;
    test.app.live_events.end();
    let response = listen(&test, "", ("x-nothing", "")).await;
    assert_eq!(response.status().as_u16(), 200);
    let mut stream = response.into_body().into_data_stream();
    assert_eq!(until_said(&mut stream, "never said").await, "retry: 2000\n\n");
}

#[tokio::test]
async fn more_events_than_one_frame_holds_are_all_told() {
    let test = agents_with(&[("EVENT_STREAM_SECONDS", "2")]).await;
    for _ in 0..150 {
        write(&test).await;
    }
    deliver(&test).await;
    let mut stream =
        listen(&test, "?last_event_id=0", ("x-nothing", "")).await.into_body().into_data_stream();
    let said = until_said(&mut stream, "id: 150\n").await;
    let ids: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(ids, (1..=150).map(|id| id.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn nobody_has_streams_without_end() {
    let test = agents_with(&[("EVENT_STREAMS_MAX", "3")]).await;
    let open = async || listen(&test, "", ("x-nothing", "")).await;
    let counted = async || {
        let metrics = test.send(Request::get("/metrics").body(Body::empty()).unwrap()).await;
        let open =
            metrics.text.lines().find(|line| line.starts_with("agent_service_event_streams_open "));
        open.unwrap().to_owned()
    };
    let streams = [open().await, open().await, open().await];
    let refused = open().await;
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(counted().await, "agent_service_event_streams_open 3");
    drop(streams);
    assert_eq!(counted().await, "agent_service_event_streams_open 0");
    let free = async || open().await.status().as_u16() == 200;
    crate::testing::until("a place is free again", free).await;
}

#[tokio::test]
async fn whoever_only_compares_answers_gets_one_that_ends() {
    let test = agents().await;
    write(&test).await;
    deliver(&test).await;
    for header in [("prefer", "tx=rollback"), ("x-strangler-mirror", "0123")] {
        let response = listen(&test, "?last_event_id=0", header).await;
        let mut stream = response.into_body().into_data_stream();
        let said = until_said(&mut stream, "never said").await;
        assert!(said.contains("id: 1\nevent: message.delivered"), "{header:?} {said}");
    }
    let twin = agents_with(&[("DATABASE_IS_CLONE", "true")]).await;
    let response = listen(&twin, "", ("x-strangler-mirror", "0123")).await;
    let mut stream = response.into_body().into_data_stream();
    assert_eq!(until_said(&mut stream, "never said").await, "retry: 2000\n\n");
}

#[tokio::test]
async fn senders_are_told_that_they_were_read_or_that_they_were_not() {
    let test = agents().await;
    let id = write(&test).await;
    deliver(&test).await;
    read(&test, "bob", &id).await;
    write(&test).await;
    put(&test, "bob", "b1/blocked/a1").await;
    deliver(&test).await;
    let path = "/communication/agents/a1/events?last_event_id=0";
    let request = Request::get(format!("/api/v1/agents{path}")).header("x-api-key", "alice");
    let request = request.header("prefer", "tx=rollback").body(Body::empty()).unwrap();
    let said = test.send(request).await.text;
    let told: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(told, ["message.read", "message.failed"]);
}

#[tokio::test]
async fn who_was_revoked_is_told_nothing_more() {
    let test = agents().await;
    test.ask("bob", "DELETE", "/communication/agents/b1", None).await;
    assert_eq!(listen(&test, "", ("x-nothing", "")).await.status().as_u16(), 403);
    assert_eq!(get(&test, "bob", "agents/b1").await["is_authorized"], false);
    let refused =
        post(&test, "alice", "agents/a1/messages", json!({"recipient": "b1", "content": "x"}))
            .await;
    assert_eq!(refused.status.as_u16(), 403);
}
