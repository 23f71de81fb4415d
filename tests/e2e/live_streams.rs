//! `WebSockets` and server-sent events live as long as both sides want, at every stage, and mirroring keeps out of them.

use std::time::Duration;

use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::{NEW, OLD, stack};

/// Each stage with who answers there.
const STAGES: [(&str, &str); 4] =
    [("monolith", OLD), ("shadow", OLD), ("canary", NEW), ("service", NEW)];
/// Time-outs that a silence in these tests is much longer than.
const SHORT: &str = "300ms";
const SILENCE: Duration = Duration::from_millis(900);
const EVENTS: &str = "text/event-stream";

/// One route for each stage, named and prefixed like it; where the answer is the new one's, reads are mirrored back.
async fn stack_of_stages() -> Stack {
    let routes = STAGES.iter().map(|(stage, _)| {
        let route = RouteSpec::new(stage, &format!("/{stage}/{{*rest}}")).stage(stage);
        match *stage {
            "canary" => route.with("canary = { percent = 100, sticky = \"header:x-api-key\" }"),
            "service" => route.with("verify = 1.0"),
            _ => route,
        }
    });
    routes
        .fold(stack(), e2e::stack::StackBuilder::route)
        .section(&format!("[limits]\nclient_timeout = \"{SHORT}\"\n"))
        .each_backend(&format!("response_timeout = \"{SHORT}\""))
        .start()
        .await
}

/// A WebSocket at the proxy, and who answered its handshake.
async fn open(stack: &Stack, path: &str) -> (WebSocketStream<TcpStream>, String) {
    let mut request = format!("ws://{}{path}", stack.table.http).into_client_request().unwrap();
    request.headers_mut().insert("x-api-key", "key".parse().unwrap());
    let stream = TcpStream::connect(stack.table.http).await.unwrap();
    let (socket, answer) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let mark = answer.headers().get(e2e::fake_backend::MARK).unwrap().to_str().unwrap().to_owned();
    (socket, mark)
}

async fn dropped(stack: &Stack, stage: &str, reason: &str) -> u64 {
    let (route, reason) = (format!("route=\"{stage}\""), format!("reason=\"{reason}\""));
    stack.count("strangler_mirrored_requests_total", &[&route, "dropped", &reason]).await
}

async fn until_open(stack: &Stack, kind: &str, count: u64) {
    let label = format!("kind=\"{kind}\"");
    wait::until("the open streams are counted", LIMIT, async || {
        (stack.count("strangler_open_streams", &[&label]).await == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_websocket_outlives_a_silence_at_every_stage_and_is_mirrored_at_none() {
    let mut stack = stack_of_stages().await;
    let (old, new) = stack.fakes();
    old.answer(Answer::websocket(SILENCE));
    new.answer(Answer::websocket(SILENCE));
    for (stage, who) in STAGES {
        let (mut socket, mark) = open(&stack, &format!("/{stage}/ws")).await;
        assert_eq!(mark, who, "{stage}");
        until_open(&stack, "upgraded", 1).await;
        for message in [Message::text("one"), Message::binary(vec![7; 100_000])] {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message, "{stage}");
        }
        socket.close(None).await.unwrap();
        while socket.next().await.is_some_and(|message| message.is_ok()) {}
        until_open(&stack, "upgraded", 0).await;
        // At monolith nothing is mirrored, and at canary this client is on the new side already.
        let is_mirrored = matches!(stage, "shadow" | "service");
        assert_eq!(dropped(&stack, stage, "upgrade").await, u64::from(is_mirrored));
    }
    let (old, new) = stack.fakes();
    let targets = |seen: Vec<e2e::fake_backend::Seen>| -> Vec<String> {
        seen.into_iter().map(|seen| seen.target).collect()
    };
    assert_eq!(targets(old.seen()), ["/monolith/ws", "/shadow/ws"]);
    assert_eq!(targets(new.seen()), ["/canary/ws", "/service/ws"]);
}

#[tokio::test]
async fn events_come_one_by_one_at_every_stage_and_hold_no_place_of_the_mirror() {
    let mut stack = stack_of_stages().await;
    let (old, new) = stack.fakes();
    for backend in [old, new] {
        backend.answer(
            Answer::chunks(&["data: 1\n\n", "data: 2\n\n"], SILENCE).header("content-type", EVENTS),
        );
    }
    for (stage, who) in STAGES {
        let url = stack.url(&format!("/{stage}/events"));
        let request = stack.client.get(url).header(ACCEPT, EVENTS).header("x-api-key", "key");
        let mut answer = request.send().await.unwrap();
        assert_eq!(answer.headers()[e2e::fake_backend::MARK], who, "{stage}");
        assert_eq!(answer.headers()[CONTENT_TYPE], EVENTS);
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 1\n\n");
        until_open(&stack, "events", 1).await;
        assert_eq!(stack.count("strangler_mirror_in_flight", &[]).await, 0, "{stage}");
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 2\n\n");
        assert_eq!(answer.chunk().await.unwrap(), None);
        until_open(&stack, "events", 0).await;
        let is_mirrored = matches!(stage, "shadow" | "service");
        assert_eq!(dropped(&stack, stage, "stream").await, u64::from(is_mirrored));
    }
    let (old, new) = stack.fakes();
    assert_eq!((old.count(), new.count()), (2, 2), "no stream is asked for twice");
}

#[tokio::test]
async fn the_guard_counts_a_stream_when_it_begins_and_not_how_it_ends() {
    let mut stack = stack_of_guarded().await;
    let new = stack.new.fake();
    new.on("/events", Answer::cut_after("data: 1\n\n").header("content-type", EVENTS));
    new.on("/plain", Answer::cut_after("{").header("content-type", "application/json"));
    let cut = async |path: &str| {
        let mut answer = stack.get(path).await;
        while let Ok(Some(_)) = answer.chunk().await {}
    };
    for _ in 0..40 {
        cut("/events/x").await;
    }
    // The same end of answers that are no streams is what the guard acts upon, after it has seen those.
    wait::until("the guard takes the other route back", LIMIT, async || {
        cut("/plain/x").await;
        (stack.count("strangler_guard_taken_back_total", &["route=\"plain\""]).await > 0)
            .then_some(())
    })
    .await;
    assert_eq!(stack.count("strangler_guard_taken_back_total", &["route=\"events\""]).await, 0);
}

async fn stack_of_guarded() -> Stack {
    let route = |name: &str| RouteSpec::new(name, &format!("/{name}/{{*rest}}")).stage("service");
    stack().route(route("events")).route(route("plain")).start().await
}
