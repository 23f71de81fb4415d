//! Requests that two servers could read in two ways, and what becomes of them behind a proxy.

mod corpus;
mod front;
mod http2;
mod reading;
mod recorder;

pub use corpus::{Attempt, corpus};
pub use front::Front;
pub use http2::over_http2;
pub use reading::{Reading, readings};
pub use recorder::Recorder;

use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long nothing must come before an answer counts as all there is.
const QUIET: Duration = Duration::from_millis(400);
/// Attempts that are made at once.
const AT_ONCE: usize = 8;

/// What became of one attempt.
#[derive(Debug)]
pub struct Outcome {
    /// Of the attempt.
    pub name: &'static str,
    /// Status of the first answer that the client got; 0 when there was none.
    pub status: u16,
    /// Connections over which a backend got something of it, and how many requests each holds in the reading that finds most.
    pub reached: Vec<usize>,
    /// The readings that differ, with what each finds; empty when all agree.
    pub quarrels: Vec<String>,
}

impl Outcome {
    /// No request of it reached the backend in two readings, and none came along unseen.
    pub fn is_safe(&self) -> bool {
        self.quarrels.is_empty() && self.reached.iter().all(|requests| *requests <= 1)
    }
}

/// Makes every attempt at a proxy before the recording backend, and judges what the backend got.
pub async fn attack(proxy: SocketAddr, recorder: &Recorder, attempts: &[Attempt]) -> Vec<Outcome> {
    recorder.forget();
    let statuses: Vec<u16> = futures::stream::iter(attempts)
        .map(|attempt| exchange(proxy, attempt))
        .buffered(AT_ONCE)
        .collect()
        .await;
    recorder.settled().await;
    let recorded = recorder.recorded();
    let outcomes = attempts.iter().zip(statuses).map(|(attempt, status)| {
        let path = attempt.path.as_bytes();
        let got = recorded.iter().filter(|bytes| contains(bytes, path));
        let read: Vec<Vec<Reading>> = got.map(|bytes| readings(bytes)).collect();
        Outcome {
            name: attempt.name,
            status,
            reached: read.iter().map(|all| most(all)).collect(),
            quarrels: read.iter().flat_map(|all| quarrels(all)).collect(),
        }
    });
    outcomes.collect()
}

async fn exchange(proxy: SocketAddr, attempt: &Attempt) -> u16 {
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    // A proxy that has had enough closes before it has read everything.
    stream.write_all(&attempt.bytes).await.ok();
    let mut answer = Vec::new();
    while let Ok(Ok(read)) = tokio::time::timeout(QUIET, stream.read_buf(&mut answer)).await {
        if read == 0 {
            break;
        }
    }
    let status = answer.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    match status.and_then(|status| std::str::from_utf8(status).ok()) {
        Some(status) => status.parse().unwrap_or(0),
        None => http2::status(&answer),
    }
}

fn most(all: &[Reading]) -> usize {
    all.iter().map(|reading| reading.requests.len()).max().unwrap_or(0)
}

fn quarrels(all: &[Reading]) -> Vec<String> {
    let Some((strict, lenient)) = all.split_first() else { return Vec::new() };
    let others = lenient.iter().filter(|reading| reading.requests != strict.requests);
    others.map(|reading| format!("{strict}, but {reading}")).collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
