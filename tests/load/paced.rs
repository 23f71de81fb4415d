//! Load at a fixed rate. Latency counts from the moment a request was due, so that a slow answer can't hide the ones behind
//! it; where the generator itself woke up late (its timer counts in milliseconds), from then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::{Failure, backend};

/// What one paced run found: answers a second, and latencies in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Median.
    pub(crate) p50: f64,
    /// 99th percentile.
    pub(crate) p99: f64,
}

/// What is sent again and again.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    /// JSON, or nothing.
    pub(crate) body: Bytes,
    /// The bytes that every answer must have, where they are known.
    pub(crate) expected: Option<Bytes>,
}

impl Ask {
    /// Asks for what [`crate::backend`] always answers.
    pub(crate) fn backend(url: &str) -> Result<Self, Failure> {
        let expected = Some(backend::body());
        Ok(Self { method: Method::GET, uri: url.parse()?, body: Bytes::new(), expected })
    }

    fn request(&self, authority: &str) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request =
            Request::builder().method(&self.method).uri(path(&self.uri)).header("host", authority);
        if !self.body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        Ok(request.body(Full::new(self.body.clone()))?)
    }
}

fn path(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |path| path.as_str())
}

/// A rate that nothing reaches: sends as fast as answers come.
pub(crate) const SATURATING: f64 = 1e9;

/// Latencies in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<f64>);

impl Latencies {
    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// How many there are.
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    pub(crate) fn answers(&self) -> f64 {
        self.0.len() as f64
    }

    /// The median and the 99th percentile.
    pub(crate) fn quantiles(&self) -> (f64, f64) {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let quantile = |percent: usize| {
            let at = sorted.len().saturating_sub(1) * percent / 100;
            sorted.get(at).copied().unwrap_or(f64::NAN)
        };
        (quantile(50), quantile(99))
    }
}

/// Sends `rate` requests a second over keep-alive connections for `length`.
pub(crate) async fn run(
    url: &str,
    rate: f64,
    connections: usize,
    length: Duration,
) -> Result<Figures, Failure> {
    let found = latencies(&Ask::backend(url)?, rate, connections, length).await?;
    let (p50, p99) = found.quantiles();
    Ok(Figures { rate: found.answers() / length.as_secs_f64(), p50, p99 })
}

/// The same, with the latency of each answer. An answer that is not 200 with the expected bytes ends it.
pub(crate) async fn latencies(
    ask: &Ask,
    rate: f64,
    connections: usize,
    length: Duration,
) -> Result<Latencies, Failure> {
    let authority = ask.uri.authority().ok_or("a URL without a host")?.to_string();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate times some seconds is a small positive number"
    )]
    let total = (rate * length.as_secs_f64()) as u64;
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now() + Duration::from_millis(20);
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (ask, authority, next) = (ask.clone(), authority.clone(), Arc::clone(&next));
        workers.spawn(async move {
            let stream = TcpStream::connect(&authority).await?;
            stream.set_nodelay(true)?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            let connection = tokio::spawn(connection);
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total || Instant::now() >= start + length {
                    break;
                }
                #[expect(clippy::cast_precision_loss, reason = "numbers far below 2^52")]
                let due = start + Duration::from_secs_f64(number as f64 / rate);
                // At saturation every request is due at once, and what it waited for a connection says nothing.
                let from = if rate < SATURATING && Instant::now() >= due {
                    due
                } else {
                    sleep_until(due).await;
                    Instant::now()
                };
                let request = ask.request(&authority)?;
                sender.ready().await?;
                let answer = sender.send_request(request).await?;
                if answer.status() != StatusCode::OK {
                    return Err(format!("status {}", answer.status()).into());
                }
                let body = answer.into_body().collect().await?.to_bytes();
                if ask.expected.as_ref().is_some_and(|expected| *expected != body) {
                    return Err("an answer with other bytes than the backend's".into());
                }
                latencies.push(from.elapsed().as_secs_f64() * 1000.0);
            }
            drop(sender);
            connection.await??;
            Ok::<_, Failure>(latencies)
        });
    }
    let mut all = Vec::new();
    while let Some(done) = workers.join_next().await {
        all.extend(done??);
    }
    Ok(Latencies(all))
}
