//! Clients of event streams that take nothing, over real sockets: they are cut off, cost what a stream holds and no more, and
//! come back without loss.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::agents_with;
use crate::http::connections::{self, Limits};
use crate::live_events::BATCH;
use crate::server;
use crate::testing::{TestApp, until};

/// More events than the system's buffers take, of a thousand bytes each.
const EVENTS: usize = 16_000;

/// Frames that may be read from the table and not be with the system yet: those of the stream, one in the making, and what the
/// connection has taken up.
const MOST_FRAMES_HELD: usize = 12;

/// b1 was told this much while it was away.
async fn much_to_tell() -> TestApp {
    let test =
        agents_with(&[("EVENT_STREAMS_MAX", "1"), ("SLOW_CLIENT_TIMEOUT_SECONDS", "1")]).await;
    let filler = "x".repeat(1000);
    test.sql(&format!(
        "INSERT INTO agent_service_comm_events (sequence, agent_id, event, data, created_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {EVENTS}) \
         SELECT i, 'b1', 'message.delivered', '{{\"filler\":\"{filler}\"}}', \
         '2026-11-22 10:00:00.000000' FROM n"
    ))
    .await;
    test
}

/// Where the service listens, until the guard is dropped.
async fn listening(test: &TestApp) -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = &test.app.config;
    let limits = Limits {
        connections: 10,
        slow_client: config.slow_client_timeout,
        drain: config.drain_timeout,
    };
    let stop = CancellationToken::new();
    let router = server::routes(&test.app);
    tokio::spawn(connections::serve(listener, router, limits, stop.clone()));
    (address, stop.drop_guard())
}

/// A client of b1's events after this one, with little room in its own system.
async fn listen(address: SocketAddr, after: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /api/v1/agents/communication/agents/b1/events HTTP/1.1\r\nhost: x\r\nx-api-key: bob\r\n\
         last-event-id: {after}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// What comes, as far as the end of the stream or of its connection, or until the event with this id.
async fn heard(mut stream: TcpStream, last: Option<usize>) -> String {
    let end = last.map(|last| format!("id: {last}\n"));
    let (mut text, mut bytes) = (String::new(), vec![0; 256 * 1024]);
    let reading = async {
        // A connection that is reset is over, too.
        while let Ok(read) = stream.read(&mut bytes).await
            && read > 0
        {
            let seen = text.len().saturating_sub(100);
            text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            if end.as_ref().is_some_and(|end| text[seen..].contains(end.as_str())) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.expect("an end");
    text
}

/// The ids of the events that came whole.
fn ids(text: &str) -> Vec<usize> {
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
}

/// Whether a stream got the one place there is.
async fn has_place(stream: &mut TcpStream) -> bool {
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    match &head {
        b"HTTP/1.1 200" => true,
        b"HTTP/1.1 429" => false,
        other => panic!("{}", String::from_utf8_lossy(other)),
    }
}

#[tokio::test]
async fn who_takes_nothing_is_cut_off_and_comes_back_without_loss() {
    let test = much_to_tell().await;
    let (address, _stop) = listening(&test).await;
    let mut asleep = listen(address, 0).await;
    assert!(has_place(&mut asleep).await);
    assert!(!has_place(&mut listen(address, EVENTS).await).await, "its place is taken");
    let cut_off = async || has_place(&mut listen(address, EVENTS).await).await;
    until("it is cut off", cut_off).await;
    let asked = test.app.store.asked();
    let read = asked.iter().filter(|sql| sql.contains("FROM agent_service_comm_events")).count();
    // What the system had taken by then still comes, and after it nothing.
    let first = ids(&heard(asleep, None).await);
    assert!(!first.is_empty() && first.len() < EVENTS, "{} of {EVENTS}", first.len());
    let frames = first.len() / usize::try_from(BATCH).unwrap();
    assert!(read <= frames + MOST_FRAMES_HELD, "{read} frames were read, {frames} taken");
    let last = first.last().copied().unwrap();
    let second = ids(&format!("{}\n\n", heard(listen(address, last).await, Some(EVENTS)).await));
    let told: Vec<usize> = first.into_iter().chain(second).collect();
    assert!(told == (1..=EVENTS).collect::<Vec<_>>(), "each once, in their order");
}
