//! Event streams of the real service: clients that take nothing cost next to nothing, and a stop ends all of them in time.

use std::time::Duration;

use e2e::raw::RawConnection;
use e2e::stack::Player;
use e2e::{LIMIT, RouteSpec, Stack, wait};

use crate::stack;

const PATH: &str = "/api/v1/agents/communication/agents/listener/events";
const SLEEPERS: usize = 12;
/// Events of a thousand bytes each: no buffer of the system takes as much.
const EVENTS: usize = 30_000;
/// A sixth of what the sleepers have not taken. The database's own caches are part of it.
const MOST_GROWTH_KB: u64 = 60_000;

/// A service with an agent who was told much while it was away.
async fn service(settings: &[(&str, &str)]) -> Stack {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let stack = stack()
        .new_backend(Player::Service(settings.collect()))
        .route(RouteSpec::new("agents", "/api/v1/agents/{*rest}"))
        .start_without_proxy()
        .await;
    let url = format!("{}/api/v1/agents/communication/agents", stack.new.url());
    let request = stack.client.post(url).header("content-type", "application/json");
    let made = request.body(r#"{"agent_id": "listener"}"#).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let sql = format!(
        "INSERT INTO agent_service_comm_events (sequence, agent_id, event, data, created_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {EVENTS}) \
         SELECT i, 'listener', 'message.delivered', '{{\"filler\":\"' || printf('%.*c', 1000, 'x') || '\"}}', \
         strftime('%Y-%m-%d %H:%M:%S.000000', 'now') FROM n"
    );
    stack.database.query(&sql, &[]).await;
    stack
}

/// A client that wants every event after `after`, as soon as its answer has begun.
async fn listen(stack: &mut Stack, after: usize) -> (RawConnection, String) {
    let mut connection = RawConnection::open(stack.new.program().address()).await;
    connection
        .send(format!("GET {PATH} HTTP/1.1\r\nhost: x\r\nlast-event-id: {after}\r\n\r\n"))
        .await;
    let head = connection.read_head().await;
    (connection, head)
}

async fn listen_once_there_is_room(stack: &mut Stack, after: usize) -> RawConnection {
    wait::until("there is room for a stream", LIMIT, async || {
        let (stream, head) = listen(stack, after).await;
        head.starts_with("HTTP/1.1 200").then_some(stream)
    })
    .await
}

#[tokio::test]
async fn clients_that_take_nothing_are_cut_off_and_cost_next_to_nothing() {
    let most = SLEEPERS.to_string();
    let settings = [("EVENT_STREAMS_MAX", most.as_str()), ("SLOW_CLIENT_TIMEOUT_SECONDS", "2")];
    let mut stack = service(&settings).await;
    let before = peak_kb(&mut stack);
    let mut sleepers = Vec::new();
    for _ in 0..SLEEPERS {
        let (sleeper, head) = listen(&mut stack, 0).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        sleepers.push(sleeper);
    }
    let taken = listen(&mut stack, EVENTS).await.1;
    assert!(taken.starts_with("HTTP/1.1 429"), "every place is taken: {taken}");
    let mut awake = Vec::new();
    // As many as there are places, so every sleeper has lost its own.
    while awake.len() < SLEEPERS {
        awake.push(listen_once_there_is_room(&mut stack, EVENTS).await);
    }
    let grown = peak_kb(&mut stack) - before;
    eprintln!("{SLEEPERS} sleepers before {} MB each: {grown} kB at the most", EVENTS / 1000);
    assert!(grown < MOST_GROWTH_KB, "{grown} kB");
    let got = sleepers.remove(0).read_to_end().await;
    let last = got.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap();
    let last: usize = last.parse().unwrap();
    assert!(last < EVENTS, "it was cut off after {last}");
    drop(awake);
    // The event that was cut in two comes again, whole.
    let mut again = listen_once_there_is_room(&mut stack, last - 1).await;
    again.read_until(&format!("id: {last}\n")).await;
}

#[tokio::test]
async fn a_stop_ends_open_streams_in_time() {
    let mut stack = service(&[("DRAIN_TIMEOUT_SECONDS", "3")]).await;
    let mut awake = Vec::new();
    for _ in 0..3 {
        let (mut stream, _) = listen(&mut stack, EVENTS).await;
        stream.read_until("retry: 2000\n\n").await;
        awake.push(stream);
    }
    let finished = stack.new.program().process().stop(LIMIT).await;
    eprintln!("a stop with streams open took {:?}", finished.after);
    assert_eq!(finished.status.code(), Some(0), "{}", stack.new.program().process().tail());
    for mut stream in awake {
        let end = stream.read_to_end().await;
        assert!(end.ends_with("0\r\n\r\n"), "the answer ends as one that is whole: {end:?}");
    }
    let log = stack.new.program().process().output();
    assert!(!log.contains("cut off"), "nothing had to be cut off:\n{log}");

    // One that takes nothing has as long as requests under way have, and no longer.
    stack.new.program().restart().await;
    let (_asleep, _) = listen(&mut stack, 0).await;
    takes_no_more(stack.new.program().address().port()).await;
    let finished = stack.new.program().process().stop(LIMIT).await;
    eprintln!("a stop with a client that takes nothing took {:?}", finished.after);
    assert_eq!(finished.status.code(), Some(0), "{}", stack.new.program().process().tail());
    assert!(finished.after < Duration::from_secs(10), "took {:?}", finished.after);
    let log = stack.new.program().process().output();
    assert!(log.contains("did not end in time and are cut off"), "{log}");
}

/// Waits until what the system holds for clients of this port stays as it is.
async fn takes_no_more(port: u16) {
    let (mut held, mut looks) = (0, 0);
    wait::until("the buffers of the client are full", LIMIT, async || {
        let now = unsent(port);
        looks = if now > 0 && now == held { looks + 1 } else { 0 };
        held = now;
        (looks > 30).then_some(())
    })
    .await;
}

/// Bytes that clients of this port have not taken, as the system counts them.
fn unsent(port: u16) -> u64 {
    let here = format!("0100007F:{port:04X}");
    let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let queues = connections.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let is_ours = words.next()? == here;
        let (unsent, _unread) = words.nth(2)?.split_once(':')?;
        u64::from_str_radix(unsent, 16).ok().filter(|_| is_ours)
    });
    queues.sum()
}

/// The most memory that the service has had so far, in kB.
fn peak_kb(stack: &mut Stack) -> u64 {
    let status = format!("/proc/{}/status", stack.new.program().process().id());
    let status = std::fs::read_to_string(status).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}
