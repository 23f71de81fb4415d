//! The mirror's own HTTP client: it shares no pool, no limit and no runtime with the primary's.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use compare::Answer;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client as Pool};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::budget::{HeldBody, NotHeld, Share};
use super::capture::announced_length;
use super::request::MirroredRequest;
use evidence::{DropReason, Failure};

/// Longest wait for a connection: a backend on the same network takes a thousandth of it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection is kept idle. Below what common servers keep (5 s), so that few are closed under a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);

/// Most idle connections kept to one server.
const MAX_IDLE: usize = 32;

/// Largest head of an answer, bytes.
const MAX_HEAD: usize = 64 << 10;

/// An answer of the other backend, complete.
#[derive(Debug)]
pub(super) struct MirroredAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: HeldBody,
}

impl MirroredAnswer {
    pub(super) fn as_answer(&self) -> Answer<'_> {
        Answer { status: self.status, headers: &self.headers, body: self.body.as_bytes() }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The other backend failed.
    Failed(Failure),
    /// It answered, with more than is taken.
    Dropped(DropReason),
}

/// Sends mirrored requests.
#[derive(Debug)]
pub(super) struct Client {
    kept: Pool<HttpConnector, Full<Bytes>>,
    /// Without idle connections: for a second attempt, and for what must not be sent twice.
    fresh: Pool<HttpConnector, Full<Bytes>>,
}

impl Client {
    pub(super) fn new() -> Self {
        Self { kept: pool(MAX_IDLE), fresh: pool(0) }
    }

    /// Sends a request and reads its answer, to the end or to a limit; past a limit the connection is closed. Runs
    /// until the other backend is done: the caller sets a time limit.
    pub(super) async fn exchange(
        &self,
        request: &MirroredRequest,
        mark: &HeaderValue,
        max_body: usize,
        share: &mut Share,
    ) -> Result<MirroredAnswer, NoAnswer> {
        let failed = |failure| NoAnswer::Failed(failure);
        let to_send = || request.to_send(mark).ok_or(failed(Failure::Protocol));
        // The server may close a kept connection just when it is used, which says nothing about it. A read is then sent
        // again; a write might be done twice, so it gets a connection of its own.
        let pool = if request.is_read() { &self.kept } else { &self.fresh };
        let response = match pool.request(to_send()?).await {
            Err(error) if request.is_read() && classify(&error) == Failure::Reset => {
                self.fresh.request(to_send()?).await.map_err(|error| failed(classify(&error)))?
            }
            answered => answered.map_err(|error| failed(classify(&error)))?,
        };
        let is_head = request.method == Method::HEAD;
        read(response, is_head, max_body, share).await
    }
}

fn pool(max_idle: usize) -> Pool<HttpConnector, Full<Bytes>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    Pool::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(max_idle)
        .http1_max_buf_size(MAX_HEAD)
        .build(connector)
}

async fn read(
    response: Response<Incoming>,
    is_head: bool,
    max_body: usize,
    share: &mut Share,
) -> Result<MirroredAnswer, NoAnswer> {
    let (head, mut incoming) = response.into_parts();
    let announced = announced_length(&head.headers).filter(|_| !is_head);
    if announced.is_some_and(|length| length > max_body as u64) {
        return Err(NoAnswer::Dropped(DropReason::TooLarge));
    }
    let mut body = HeldBody::default();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| NoAnswer::Failed(classify_hyper(&error)))?;
        // Trailers are not compared.
        let Some(chunk) = frame.data_ref() else { continue };
        body.push(chunk, max_body, share).map_err(|not_held| {
            NoAnswer::Dropped(match not_held {
                NotHeld::TooLarge => DropReason::TooLarge,
                NotHeld::NoBudget => DropReason::Bytes,
            })
        })?;
    }
    Ok(MirroredAnswer { status: head.status, headers: head.headers, body })
}

fn classify(error: &legacy::Error) -> Failure {
    if error.is_connect() {
        return Failure::Connect;
    }
    let source = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    source.map_or(Failure::Reset, classify_hyper)
}

fn classify_hyper(error: &hyper::Error) -> Failure {
    if error.is_parse() { Failure::Protocol } else { Failure::Reset }
}
