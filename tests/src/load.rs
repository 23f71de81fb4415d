//! Keep-alive load: connections that ask without pause and write down who answered, when, and with what.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::fake_backend::MARK;

/// The longest that a client waits for one answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// What a client waits before it connects again after a failure.
const RECONNECT_PAUSE: Duration = Duration::from_millis(2);
/// The most exchanges that one connection writes down; it ends there.
const MOST: usize = 1_000_000;

/// What to ask, and how.
#[derive(Debug, Clone)]
pub struct Load {
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// Method of each request.
    pub method: Method,
    /// Path and query of each request.
    pub target: String,
    /// Headers of each request; `host` is added.
    pub headers: Vec<(String, String)>,
    /// Pause of each connection between an answer and its next request.
    pub pause: Duration,
}

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// When the request was about to be sent.
    pub began: Instant,
    /// When the whole answer had arrived, or failed to.
    pub ended: Instant,
    /// What came back.
    pub result: Result<Answered, String>,
}

/// An answer that arrived whole.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Status.
    pub status: StatusCode,
    /// The mark of the backend; empty when it left none.
    pub backend: Arc<str>,
}

/// Load that goes on until it is stopped.
#[derive(Debug)]
pub struct RunningLoad {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    workers: JoinSet<(Vec<Exchange>, u64)>,
}

/// All that was written down, by the time of the requests' beginning.
#[derive(Debug)]
pub struct Report {
    /// Every exchange.
    pub exchanges: Vec<Exchange>,
    /// Connections opened beyond the first of each worker.
    pub reconnects: u64,
}

impl Load {
    /// `GET target` on four connections.
    pub fn get(target: &str) -> Self {
        Self {
            connections: 4,
            method: Method::GET,
            target: target.to_owned(),
            headers: Vec::new(),
            pause: Duration::ZERO,
        }
    }

    /// Sends a header with each request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves the backends some room.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Begins.
    pub fn start(self, address: SocketAddr) -> RunningLoad {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicU64::new(0));
        let mut workers = JoinSet::new();
        for _ in 0..self.connections {
            let worker = Worker {
                load: self.clone(),
                address,
                stop: Arc::clone(&stop),
                done: Arc::clone(&done),
                connection: None,
                connects: 0,
                backend: Arc::from(""),
            };
            workers.spawn(worker.run());
        }
        RunningLoad { stop, done, workers }
    }
}

impl RunningLoad {
    /// Exchanges so far.
    pub fn count(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Waits for this many exchanges more.
    pub async fn more(&self, exchanges: u64) {
        let goal = self.count() + exchanges;
        crate::wait::until("the load goes on", crate::LIMIT, async || {
            (self.count() >= goal).then_some(())
        })
        .await;
    }

    /// Lets each connection finish its request, and reports.
    pub async fn stop(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let (mut exchanges, mut reconnects) = (Vec::new(), 0);
        for (of_worker, connects) in self.workers.join_all().await {
            exchanges.extend(of_worker);
            reconnects += connects.saturating_sub(1);
        }
        exchanges.sort_by_key(|exchange: &Exchange| exchange.began);
        Report { exchanges, reconnects }
    }
}

impl Report {
    /// Fails the test unless every exchange ended well; says which did not.
    pub fn assert_all_answered(&self, status: u16) {
        let bad: Vec<_> = self
            .exchanges
            .iter()
            .filter(|e| !matches!(&e.result, Ok(answered) if answered.status == status))
            .collect();
        let total = self.exchanges.len();
        assert!(
            bad.is_empty() && total > 0,
            "{} of {total} requests failed, e.g. {:?}",
            bad.len(),
            bad.iter().take(3).map(|e| &e.result).collect::<Vec<_>>(),
        );
    }

    /// Exchanges that `backend` answered.
    pub fn answered_by(&self, backend: &str) -> usize {
        let by = |e: &&Exchange| matches!(&e.result, Ok(answered) if &*answered.backend == backend);
        self.exchanges.iter().filter(by).count()
    }

    /// A quantile of the time that exchanges took.
    pub fn latency(&self, quantile: f64) -> Duration {
        quantile_of(self.exchanges.iter().map(|e| e.ended - e.began), quantile)
    }
}

/// The value below which this share (0.0 to 1.0) of the durations lies; zero when there are none.
pub fn quantile_of(durations: impl Iterator<Item = Duration>, share: f64) -> Duration {
    let mut sorted: Vec<Duration> = durations.collect();
    sorted.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank among fewer than 2^52 values"
    )]
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.max(1) - 1).or(sorted.last()).copied().unwrap_or_default()
}

struct Worker {
    load: Load,
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    connection: Option<SendRequest<Full<Bytes>>>,
    connects: u64,
    /// The mark of the last answer, kept so that equal marks share one allocation.
    backend: Arc<str>,
}

impl Worker {
    async fn run(mut self) -> (Vec<Exchange>, u64) {
        let mut exchanges = Vec::new();
        while !self.stop.load(Ordering::Relaxed) && exchanges.len() < MOST {
            let began = Instant::now();
            let result = match tokio::time::timeout(TIMEOUT, self.exchange()).await {
                Ok(result) => result,
                Err(_) => Err(format!("no answer within {TIMEOUT:?}")),
            };
            if result.is_err() {
                self.connection = None;
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
            exchanges.push(Exchange { began, ended: Instant::now(), result });
            self.done.fetch_add(1, Ordering::Relaxed);
            if !self.load.pause.is_zero() {
                tokio::time::sleep(self.load.pause).await;
            }
        }
        (exchanges, self.connects)
    }

    async fn exchange(&mut self) -> Result<Answered, String> {
        let mut connection = self.open().await?;
        let mut request = Request::builder()
            .method(&self.load.method)
            .uri(&self.load.target)
            .header("host", self.address.to_string());
        for (name, value) in &self.load.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::default()).map_err(|e| e.to_string())?;
        let answer = connection.send_request(request).await.map_err(|e| format!("{e:?}"))?;
        let (head, body) = answer.into_parts();
        body.collect().await.map_err(|e| format!("the body broke off: {e:?}"))?;
        let mark = head.headers.get(MARK).and_then(|mark| mark.to_str().ok()).unwrap_or_default();
        if *self.backend != *mark {
            self.backend = Arc::from(mark);
        }
        self.connection = Some(connection);
        Ok(Answered { status: head.status, backend: Arc::clone(&self.backend) })
    }

    async fn open(&mut self) -> Result<SendRequest<Full<Bytes>>, String> {
        // Closed between two requests: that is the server's right, and no failure.
        if let Some(mut open) = self.connection.take()
            && open.ready().await.is_ok()
        {
            return Ok(open);
        }
        self.connect().await
    }

    async fn connect(&mut self) -> Result<SendRequest<Full<Bytes>>, String> {
        self.connects += 1;
        let stream = TcpStream::connect(self.address).await.map_err(|e| format!("{e:?}"))?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|e| format!("{e:?}"))?;
        // Ends with its sender.
        tokio::spawn(connection);
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, FakeBackend};

    #[tokio::test]
    async fn every_exchange_is_written_down_with_its_backend() {
        let backend = FakeBackend::start("old").await;
        let load = Load::get("/x?y=1").header("x-api-key", "alice").start(backend.address());
        load.more(50).await;
        let report = load.stop().await;
        report.assert_all_answered(200);
        assert_eq!(report.answered_by("old"), report.exchanges.len());
        assert_eq!(report.reconnects, 0);
        assert_eq!(backend.count(), report.exchanges.len() as u64);
        assert_eq!(backend.seen()[0].target, "/x?y=1");
        assert_eq!(backend.seen()[0].header("x-api-key"), "alice");
    }

    #[tokio::test]
    #[should_panic(expected = "requests failed, e.g. [Err(")]
    async fn a_broken_answer_is_a_failure() {
        let backend = FakeBackend::start("old").await;
        let load = Load::get("/").start(backend.address());
        load.more(20).await;
        backend.answer(Answer::cut_after("half of it"));
        load.more(20).await;
        load.stop().await.assert_all_answered(200);
    }

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let measured = || (1..=100).map(Duration::from_millis);
        assert_eq!(quantile_of(measured(), 0.5), Duration::from_millis(50));
        assert_eq!(quantile_of(measured(), 0.99), Duration::from_millis(99));
        assert_eq!(quantile_of(measured(), 1.0), Duration::from_millis(100));
        assert_eq!(quantile_of(std::iter::empty(), 0.5), Duration::ZERO);
    }
}
