//! A client that sends byte by byte has as much time as a client has, and one that opens connections without end takes nobody
//! else's place.

use std::time::Duration;

use e2e::raw::{self, RawConnection};
use e2e::{LIMIT, Stack, wait};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::stack;

/// Much longer than a byte takes, much shorter than any silence that is not allowed.
const TIME: &str = "500ms";
const PACE: Duration = Duration::from_millis(50);

async fn refused(stack: &Stack, reason: &str) -> u64 {
    let label = format!("reason=\"{reason}\"");
    stack.count("strangler_refused_connections_total", &[&label]).await
}

/// Sends `beginning`, then one byte after the other without an end; what comes back until the proxy has had enough.
async fn drip(stack: &Stack, beginning: &str) -> String {
    let stream = TcpStream::connect(stack.table.http).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    write.write_all(beginning.as_bytes()).await.unwrap();
    let dripping = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(PACE);
        loop {
            ticks.tick().await;
            if write.write_all(b"x").await.is_err() {
                return;
            }
        }
    });
    let mut answer = Vec::new();
    // A reset after the answer ends it just as well.
    tokio::time::timeout(LIMIT, read.read_to_end(&mut answer)).await.expect("it is let go").ok();
    dripping.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_has_its_time_as_a_whole() {
    let stack = stack().section(&format!("[limits]\nheader_timeout = \"{TIME}\"\n")).start().await;
    let answer = drip(&stack, "GET / HTTP/1.1\r\nhost: x\r\nx-long: ").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(refused(&stack, "slow_head").await, 1);

    let mut kept = RawConnection::open(stack.table.http).await;
    kept.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(kept.read_head().await.starts_with("HTTP/1.1 200 "));
    kept.send("GET / HT").await;
    assert!(kept.read_to_end().await.contains("HTTP/1.1 408 "), "a second head has a time, too");
    assert_eq!(stack.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_not_waited_for() {
    let limits = format!("[limits]\nclient_timeout = \"{TIME}\"\nmin_body_rate = 1000\n");
    let stack = stack().section(&limits).start().await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
    let answer = drip(&stack, head).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(refused(&stack, "slow_body").await, 1);
    assert_eq!(stack.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_after_its_time() {
    let stack = stack().section("[limits]\nkeep_alive_timeout = \"1s\"\n").start().await;
    let mut idle = RawConnection::open(stack.table.http).await;
    idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    idle.read_until("}").await;
    assert_eq!(idle.read_to_end().await, "");
}

/// Connections that have been answered, and are kept.
async fn open(stack: &Stack, count: usize) -> Vec<RawConnection> {
    let mut kept = Vec::new();
    for _ in 0..count {
        let mut connection = RawConnection::open(stack.table.http).await;
        connection.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        connection.read_until("}").await;
        kept.push(connection);
    }
    kept
}

#[tokio::test]
async fn connections_past_the_limit_are_closed_and_others_come_in_when_one_ends() {
    for (limit, reason) in
        [("max_connections", "too_many"), ("max_connections_per_client", "too_many_of_client")]
    {
        let stack = stack().section(&format!("[limits]\n{limit} = 3\n")).start().await;
        let mut kept = open(&stack, 3).await;
        let mut refused_one = RawConnection::open(stack.table.http).await;
        assert_eq!(refused_one.read_to_end().await, "", "{limit}");
        assert_eq!(refused(&stack, reason).await, 1);
        assert_eq!(stack.count("strangler_client_connections", &[]).await, 3);
        kept.pop();
        wait::until("there is room again", LIMIT, async || {
            (stack.count("strangler_client_connections", &[]).await == 2).then_some(())
        })
        .await;
        open(&stack, 1).await;
    }
}

#[tokio::test]
async fn a_client_has_so_many_requests_in_a_second() {
    let stack = stack().section("[limits]\nmax_requests_per_client = 5\n").start().await;
    let answers =
        futures::future::join_all((0..60).map(|_| stack.client.get(stack.url("/")).send())).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let (admitted, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status() == 200);
    assert!(admitted.len() >= 5 && refused.len() >= 10, "{} and {}", admitted.len(), refused.len());
    for answer in &refused {
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (429, &"1".parse().unwrap())
        );
    }
    let counted = stack.count("strangler_refused_requests_total", &["too_many_of_client"]).await;
    assert_eq!(counted, refused.len() as u64);
}

#[tokio::test]
async fn a_request_has_so_many_header_fields() {
    let stack = stack().section("[limits]\nmax_headers = 10\n").start().await;
    let request = |count: usize| {
        let fields: Vec<String> = (0..count).map(|n| format!("x-{n}: y\r\n")).collect();
        let fields = fields.concat();
        format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{fields}\r\n")
    };
    let answer = raw::exchange(stack.table.http, &request(8)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = raw::exchange(stack.table.http, &request(9)).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}
