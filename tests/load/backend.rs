//! A backend that answers every request with the same JSON of about one kilobyte.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Failure;

/// Serves until it is ended, on one thread.
pub(crate) fn serve(listen: SocketAddr) -> Result<(), Failure> {
    let body = body();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let body = body.clone();
            tokio::spawn(async move {
                let answer = service_fn(move |_: Request<hyper::body::Incoming>| {
                    let mut response = Response::new(Full::new(body.clone()));
                    response
                        .headers_mut()
                        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                    async move { Ok::<_, Infallible>(response) }
                });
                // A client that goes away ends its connection and nothing else.
                drop(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await,
                );
            });
        }
    })
}

fn body() -> Bytes {
    let tags: Vec<_> = (0..40).map(|n| format!("tag number {n}")).collect();
    let value = serde_json::json!({
        "id": "agent_0123abcd", "owner_id": "alice", "name": "bench", "steps": {"a": {"kind": "inference"}},
        "max_execution_time": 3600, "max_cost_budget": 0.0, "is_public": false, "tags": tags,
        "created_at": "2026-11-22T10:28:51.272435", "updated_at": "2026-11-22T10:28:51.272454",
    });
    Bytes::from(value.to_string())
}
