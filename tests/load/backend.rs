//! A backend that answers every request with the same JSON of about one kilobyte, or behaves worse.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use clap::ValueEnum;
use futures::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;

/// How it answers; health checks are answered at once in any manner, or nothing would be mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Manner {
    /// At once.
    Fast,
    /// After 500 ms.
    Slow,
    /// Never, with the connection open.
    Hanging,
    /// By a reset of the connection.
    Resetting,
    /// Without an end.
    Endless,
}

impl Manner {
    /// Every manner, in the order of the table.
    pub(crate) const ALL: [Self; 5] =
        [Self::Fast, Self::Slow, Self::Hanging, Self::Resetting, Self::Endless];

    /// As tables and the command line call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::Hanging => "hanging",
            Self::Resetting => "resetting",
            Self::Endless => "endless",
        }
    }
}

/// How long the slow one takes.
const SLOW: Duration = Duration::from_millis(500);
/// What the endless one sends again and again.
const CHUNK: Bytes = Bytes::from_static(&[b' '; 16 << 10]);

/// The connection is to be reset.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset")]
struct Reset;

/// Serves until it is ended, on one thread; `idle`: on CPU that nobody else wants.
pub(crate) fn serve(listen: SocketAddr, manner: Manner, idle: bool) -> Result<(), Failure> {
    if idle {
        let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy)
            .map_err(|error| format!("can't be an idle thread: {error:?}"))?;
    }
    let body = body();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            if manner == Manner::Resetting {
                stream.set_zero_linger()?;
            }
            tokio::spawn(connection(stream, manner, body.clone()));
        }
    })
}

async fn connection(stream: TcpStream, manner: Manner, body: Bytes) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let is_health_check = request.uri().path().ends_with("/health");
        answer(if is_health_check { Manner::Fast } else { manner }, body.clone())
    });
    // A client that goes away ends its connection and nothing else.
    drop(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), answer)
            .await,
    );
}

async fn answer(
    manner: Manner,
    body: Bytes,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Reset> {
    match manner {
        Manner::Fast | Manner::Endless => {}
        Manner::Slow => tokio::time::sleep(SLOW).await,
        Manner::Hanging => std::future::pending().await,
        Manner::Resetting => return Err(Reset),
    }
    let body = if manner == Manner::Endless {
        BodyExt::boxed(StreamBody::new(stream::repeat_with(|| Ok(Frame::data(CHUNK)))))
    } else {
        Full::new(body).boxed()
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// What a good answer is.
pub(crate) fn body() -> Bytes {
    let tags: Vec<_> = (0..40).map(|n| format!("tag number {n}")).collect();
    let value = serde_json::json!({
        "id": "agent_0123abcd", "owner_id": "alice", "name": "bench", "steps": {"a": {"kind": "inference"}},
        "max_execution_time": 3600, "max_cost_budget": 0.0, "is_public": false, "tags": tags,
        "created_at": "2026-11-22T10:28:51.272435", "updated_at": "2026-11-22T10:28:51.272454",
    });
    Bytes::from(value.to_string())
}
