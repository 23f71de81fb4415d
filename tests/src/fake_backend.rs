//! A scripted HTTP/1.1 backend in the test's own process: says what it is told to, and remembers what it was asked.

mod answer;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub use answer::{Answer, WEBSOCKET_ACCEPT, WEBSOCKET_KEY};

use answer::{Body, Refused};

/// The header by which every answer says who gave it.
pub const MARK: &str = "x-test-backend";
/// The path that health checks ask for; it is answered apart from the script and not remembered.
pub const HEALTH: &str = "/healthz";
/// How many requests are remembered, the latest ones.
const REMEMBERED: usize = 10_000;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method.
    pub method: Method,
    /// Path and query, byte for byte.
    pub target: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body; empty when the script does not read it.
    pub body: Bytes,
}

impl Seen {
    /// A header's value; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Debug, Default)]
struct Script {
    default: Answer,
    /// The first whose prefix the target has.
    by_prefix: Vec<(String, Answer)>,
    /// So many of ten requests get this answer instead.
    some: Option<(u64, Answer)>,
    unhealthy: bool,
    seen: VecDeque<Seen>,
    count: u64,
}

/// A running backend. It ends when dropped.
#[derive(Debug)]
pub struct FakeBackend {
    name: &'static str,
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    server: Option<AbortHandle>,
}

impl FakeBackend {
    /// Starts one that answers everything with `200` and `{"backend": NAME}`.
    pub async fn start(name: &'static str) -> Self {
        let script = Script {
            default: Answer::json(&format!(r#"{{"backend":"{name}"}}"#)),
            ..Script::default()
        };
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut backend =
            Self { name, address: any, script: Arc::new(Mutex::new(script)), server: None };
        backend.resume().await;
        backend
    }

    /// `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers everything like this from now on, but for what [`Self::on`] names.
    pub fn answer(&self, answer: Answer) {
        self.script.lock().unwrap().default = answer;
    }

    /// Answers requests whose target starts with `prefix` like this; the latest call for a prefix counts.
    pub fn on(&self, prefix: &str, answer: Answer) {
        let mut script = self.script.lock().unwrap();
        script.by_prefix.retain(|(known, _)| known != prefix);
        script.by_prefix.push((prefix.to_owned(), answer));
    }

    /// Answers so many of ten requests like this, and the others as before; 0 ends it.
    pub fn answer_some(&self, of_ten: u64, answer: Answer) {
        self.script.lock().unwrap().some = (of_ten > 0).then_some((of_ten, answer));
    }

    /// Answers health checks with `503`, or well again.
    pub fn set_healthy(&self, healthy: bool) {
        self.script.lock().unwrap().unhealthy = !healthy;
    }

    /// The requests so far, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.iter().cloned().collect()
    }

    /// How many requests there were.
    pub fn count(&self) -> u64 {
        self.script.lock().unwrap().count
    }

    /// Forgets what it saw.
    pub fn forget(&self) {
        let mut script = self.script.lock().unwrap();
        script.seen.clear();
        script.count = 0;
    }

    /// Goes away as a killed process does: the port refuses, open connections break.
    pub async fn vanish(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
        }
        crate::wait::until("the backend's port refuses", crate::LIMIT, async || {
            TcpStream::connect(self.address).await.is_err().then_some(())
        })
        .await;
    }

    /// Listens, again at the same address after [`Self::vanish`].
    pub async fn resume(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let task = tokio::spawn(serve(self.name, listener, Arc::clone(&self.script)));
        self.server = Some(task.abort_handle());
    }
}

impl Drop for FakeBackend {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn serve(name: &'static str, listener: TcpListener, script: Arc<Mutex<Script>>) {
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let script = Arc::clone(&script);
        connections.spawn(async move {
            let service = service_fn(move |request| respond(name, Arc::clone(&script), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // Ends with an error when the script cuts it, or when the peer does.
            connection.await.ok();
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn respond(
    name: &'static str,
    script: Arc<Mutex<Script>>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Refused> {
    let target = request.uri().to_string();
    if target == HEALTH {
        let status = if script.lock().unwrap().unhealthy { 503 } else { 200 };
        return Answer::status(status).respond(name);
    }
    let answer = {
        let script = script.lock().unwrap();
        let named = script.by_prefix.iter().find(|(prefix, _)| target.starts_with(prefix));
        // Spread evenly: 3 of ten are the numbers 0, 3 and 6.
        let some = script.some.as_ref().filter(|(of_ten, _)| script.count * of_ten % 10 < *of_ten);
        let usual = named.map_or(&script.default, |(_, answer)| answer);
        some.map_or(usual, |(_, answer)| answer).clone()
    };
    let upgrade = answer.upgrades().then(|| hyper::upgrade::on(&mut request));
    let key = request.headers().get("sec-websocket-key").cloned();
    let (head, body) = request.into_parts();
    let body = if answer.reads_body() { read_all(body).await } else { Bytes::new() };
    let seen = Seen { method: head.method, target, headers: head.headers, body };
    let mut answer = answer.for_request(remember(&script, seen));
    if let Some(upgrade) = upgrade {
        tokio::spawn(send_back(upgrade, answer.message_pause()));
    }
    if let (Some(key), Some(_)) = (key, answer.message_pause()) {
        answer = answer.header("sec-websocket-accept", &derive_accept_key(key.as_bytes()));
    }
    answer.wait().await;
    answer.respond(name)
}

/// Byte by byte, or message by message with a pause before each; ends when the peer hangs up.
async fn send_back(upgrade: OnUpgrade, pause: Option<Duration>) {
    let Ok(upgraded) = upgrade.await else { return };
    if let Some(pause) = pause {
        send_messages_back(upgraded, pause).await;
    } else {
        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
        tokio::io::copy(&mut read, &mut write).await.ok();
    }
}

async fn send_messages_back(upgraded: Upgraded, pause: Duration) {
    let io = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            tokio::time::sleep(pause).await;
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
}

async fn read_all(body: Incoming) -> Bytes {
    // A client that goes away in the middle leaves nothing to remember.
    body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default()
}

/// The number of the request, from 1.
fn remember(script: &Mutex<Script>, seen: Seen) -> u64 {
    let mut script = script.lock().unwrap();
    script.count += 1;
    script.seen.push_back(seen);
    if script.seen.len() > REMEMBERED {
        script.seen.pop_front();
    }
    script.count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::{self, RawConnection};

    #[tokio::test]
    async fn it_vanishes_with_its_connections_and_comes_back_where_it_was() {
        let mut backend = FakeBackend::start("old").await;
        let mut open = RawConnection::open(backend.address()).await;
        open.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(open.read_head().await.contains("x-test-backend: old"));
        let before = backend.address();
        backend.vanish().await;
        assert_eq!(open.read_to_end().await, r#"{"backend":"old"}"#);
        backend.resume().await;
        assert_eq!(backend.address(), before);
        let answer = raw::exchange(before, "GET / HTTP/1.0\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
        assert_eq!(backend.count(), 2);
    }

    #[tokio::test]
    async fn the_script_answers_by_prefix_and_health_apart() {
        let backend = FakeBackend::start("new").await;
        backend.on("/slow", Answer::chunks(&["a", "b"], Duration::from_millis(1)));
        backend.on("/cut", Answer::cut());
        backend.set_healthy(false);
        let get = async |path| {
            raw::exchange(backend.address(), &format!("GET {path} HTTP/1.0\r\n\r\n")).await
        };
        assert!(get("/slow/1").await.ends_with("ab"));
        assert_eq!(get("/cut").await, "");
        assert!(get(HEALTH).await.starts_with("HTTP/1.0 503"));
        assert_eq!(backend.count(), 2, "health checks are not remembered");
    }

    #[tokio::test]
    async fn after_the_handshake_an_upgraded_connection_echoes() {
        let backend = FakeBackend::start("new").await;
        backend.answer(Answer::upgrade());
        let mut socket = RawConnection::open(backend.address()).await;
        let key = WEBSOCKET_KEY;
        socket
            .send(format!(
                "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n"
            ))
            .await;
        let head = socket.read_head().await;
        assert!(head.starts_with("HTTP/1.1 101") && head.contains(WEBSOCKET_ACCEPT), "{head}");
        socket.send("ping").await;
        assert_eq!(socket.read_until("ping").await, "ping");
    }
}
