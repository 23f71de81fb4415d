//! A scripted backend that can be killed like a process: its port refuses, its connections drop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinHandle, JoinSet};

type Body = BoxBody<Bytes, Infallible>;

/// What a backend has seen, and what it waits for.
pub(crate) struct Script {
    name: &'static str,
    /// Method and path of every request but health checks.
    seen: Mutex<Vec<String>>,
    /// Requests that are being answered.
    busy: AtomicUsize,
    /// Lets so many of `/hold` and `/events` go on.
    pub(crate) go: Semaphore,
    /// Ends upgraded connections, which are no longer the server's.
    killed: Notify,
}

/// A running backend.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) script: Arc<Script>,
    server: JoinHandle<()>,
}

impl Backend {
    /// On a free port.
    pub(crate) async fn start(name: &'static str) -> Self {
        Self::start_at(name, "127.0.0.1:0".parse().unwrap()).await
    }

    /// On a port that a killed one had.
    pub(crate) async fn start_at(name: &'static str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script {
            name,
            seen: Mutex::default(),
            busy: AtomicUsize::new(0),
            go: Semaphore::new(0),
            killed: Notify::new(),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&script)));
        Self { address, script, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends as `kill -9` does: nothing is answered any more, kept connections drop.
    pub(crate) async fn kill(self) -> SocketAddr {
        self.server.abort();
        self.script.killed.notify_waiters();
        // An aborted task drops its listener and, with the set, every connection.
        assert!(self.server.await.unwrap_err().is_cancelled());
        self.address
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.script.seen.lock().unwrap().clone()
    }

    pub(crate) fn busy(&self) -> usize {
        self.script.busy.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, script: Arc<Script>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let script = Arc::clone(&script);
        connections.spawn(async move {
            let service =
                hyper::service::service_fn(move |request| answer(Arc::clone(&script), request));
            let _client_may_leave = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
        });
    }
}

/// Dropping the connection without an answer is an error of the service.
#[derive(Debug, thiserror::Error)]
#[error("this connection ends here")]
struct HangUp;

async fn answer(script: Arc<Script>, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
    if request.uri().path() == "/health" {
        return Ok(Response::new(full("well")));
    }
    let line = format!("{} {}", request.method(), request.uri());
    script.seen.lock().unwrap().push(line);
    script.busy.fetch_add(1, Ordering::SeqCst);
    let answered = act(&script, request).await;
    script.busy.fetch_sub(1, Ordering::SeqCst);
    answered
}

async fn act(script: &Arc<Script>, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
    match request.uri().path() {
        "/die" => {
            let _whole_body = request.into_body().collect().await;
            Err(HangUp)
        }
        "/hang" => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            Err(HangUp)
        }
        "/hold" => {
            script.go.acquire().await.unwrap().forget();
            Ok(Response::new(full(script.name)))
        }
        "/events" => Ok(events(script)),
        "/socket" => Ok(upgrade(script, request)),
        "/hop" => Ok(Response::builder()
            .header("connection", "x-internal")
            .header("x-internal", "secret")
            .header("keep-alive", "timeout=5")
            .header("server", "scripted")
            .body(full("hop"))
            .unwrap()),
        _ => Ok(echo(script.name, request).await),
    }
}

/// Two events, the second once the test says so.
fn events(script: &Arc<Script>) -> Response<Body> {
    let script = Arc::clone(script);
    let first = futures::stream::once(async { Bytes::from_static(b"data: one\n\n") });
    let second = futures::stream::once(async move {
        script.go.acquire().await.unwrap().forget();
        Bytes::from_static(b"data: two\n\n")
    });
    let frames = first.chain(second).map(|data| Ok(Frame::data(data)));
    Response::builder()
        .header("content-type", "text/event-stream")
        .body(BodyExt::boxed(StreamBody::new(frames)))
        .unwrap()
}

/// Upgrades and sends back what comes.
fn upgrade(script: &Arc<Script>, request: Request<Incoming>) -> Response<Body> {
    let is_upgrade = request.headers().get("upgrade").is_some_and(|name| name == "websocket");
    if request.method() != Method::GET || !is_upgrade {
        return Response::builder().status(StatusCode::BAD_REQUEST).body(full("")).unwrap();
    }
    let script = Arc::clone(script);
    tokio::spawn(async move {
        let mut socket = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
        let (mut from, mut to) = tokio::io::split(&mut socket);
        tokio::select! {
            _ = tokio::io::copy(&mut from, &mut to) => {}
            () = script.killed.notified() => {}
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(full(""))
        .unwrap()
}

/// Who answers, and what it was asked.
async fn echo(name: &str, request: Request<Incoming>) -> Response<Body> {
    let headers: serde_json::Map<String, Value> = request
        .headers()
        .keys()
        .map(|name| {
            let values = request.headers().get_all(name).iter();
            let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
            (name.to_string(), json!(values.join("|")))
        })
        .collect();
    let (method, target) = (request.method().to_string(), request.uri().to_string());
    let body = request.into_body().collect().await.map(|body| body.to_bytes().len());
    let told = json!({
        "backend": name,
        "method": method,
        "target": target,
        "headers": headers,
        "body": body.unwrap_or_default(),
    });
    Response::builder()
        .header("content-type", "application/json")
        .body(full(told.to_string()))
        .unwrap()
}

fn full(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).boxed()
}
