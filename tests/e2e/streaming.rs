//! Bodies flow as they come, and a connection may become something else.

use std::time::Duration;

use e2e::fake_backend::{WEBSOCKET_ACCEPT, WEBSOCKET_KEY};
use e2e::raw::RawConnection;
use e2e::{Answer, RouteSpec};

use crate::{NEW, stack};

#[tokio::test]
async fn the_first_event_arrives_before_the_last_is_sent() {
    let mut stack = stack().start().await;
    let pause = Duration::from_millis(700);
    let events = Answer::chunks(&["data: 1\n\n", "data: 2\n\n"], pause);
    stack.old.fake().answer(events.header("content-type", "text/event-stream"));
    let began = std::time::Instant::now();
    let mut answer = stack.get("/events").await;
    let first = answer.chunk().await.unwrap().unwrap();
    assert_eq!(first, "data: 1\n\n");
    assert!(began.elapsed() < pause * 2, "the first event waited for the second");
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 2\n\n");
    assert_eq!(answer.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_large_answer_passes_whole() {
    let mut stack = stack().start().await;
    let body: Vec<u8> = (0..=250).cycle().take(20_000_000).collect();
    stack.old.fake().answer(Answer::bytes(body.clone()));
    let answer = stack.get("/large").await.bytes().await.unwrap();
    assert!(answer == body, "{} of {} bytes, or others", answer.len(), body.len());
}

#[tokio::test]
async fn a_websocket_works_on_either_side() {
    let mut stack =
        stack().route(RouteSpec::new("ws", "/new/{*rest}").stage("service")).start().await;
    let (old, new) = stack.fakes();
    old.answer(Answer::upgrade());
    new.answer(Answer::upgrade());
    for path in ["/old/ws", "/new/ws"] {
        let mut socket = RawConnection::open(stack.table.http).await;
        socket
            .send(format!(
                "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: {WEBSOCKET_KEY}\r\n\r\n"
            ))
            .await;
        let head = socket.read_head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{path}: {head}");
        assert!(head.contains(WEBSOCKET_ACCEPT), "{path}: {head}");
        assert_eq!(head.contains(NEW), path == "/new/ws");
        for word in ["one", "two"] {
            socket.send(word).await;
            assert_eq!(socket.read_until(word).await, word);
        }
    }
}

#[tokio::test]
async fn a_request_body_streams_to_the_backend_while_it_comes() {
    let mut stack = stack().start().await;
    stack.old.fake().answer(Answer::json(r#"{"early":true}"#).unread());
    let mut client = RawConnection::open(stack.table.http).await;
    client
        .send(
            "POST /upload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        )
        .await;
    let head = client.read_head().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "answered before the body's end: {head}");
    assert_eq!(stack.old.fake().count(), 1);
}
