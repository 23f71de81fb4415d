//! What a fake backend may answer, the ways in which backends break included.

use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::write::GzEncoder;
use futures::{StreamExt as _, stream};
use http::{Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;

use super::MARK;

/// How long the beginning of an answer may take to go out before the connection is cut.
const FLUSHED: Duration = Duration::from_millis(50);

/// A key that a WebSocket client may send, and what the server must make of it (RFC 6455, section 1.3).
pub const WEBSOCKET_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The answer to [`WEBSOCKET_KEY`].
pub const WEBSOCKET_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub(super) type Body = BoxBody<Bytes, Refused>;

/// The backend breaks the connection here.
#[derive(Debug, thiserror::Error)]
#[error("the script cuts the connection")]
pub(super) struct Refused;

/// One scripted answer.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(String, String)>,
    content: Content,
    delay: Duration,
    reads_body: bool,
}

#[derive(Debug, Clone)]
enum Content {
    Whole(Bytes),
    /// Each `#` stands for the number of the request.
    Numbered(&'static str),
    /// Each `#` stands for 16 random hex digits.
    Random(&'static str),
    /// No answer: the connection ends.
    Cut,
    /// These bytes of a longer body, then the connection ends.
    CutAfter(Bytes),
    /// One after the other, with a pause before each.
    Chunks(Vec<Bytes>, Duration),
    /// The same chunk for ever.
    Endless(Bytes, Duration),
    /// Switches protocols and sends back what it gets.
    Upgrade,
    /// Becomes a WebSocket and sends back each message after a while.
    WebSocket(Duration),
}

impl Default for Answer {
    fn default() -> Self {
        Self::status(200)
    }
}

impl Answer {
    fn new(content: Content) -> Self {
        Self {
            status: StatusCode::OK,
            headers: Vec::new(),
            content,
            delay: Duration::ZERO,
            reads_body: true,
        }
    }

    /// An empty answer with this status.
    pub fn status(status: u16) -> Self {
        Self::new(Content::Whole(Bytes::new())).with_status(status)
    }

    /// `200` with a JSON text.
    pub fn json(text: &str) -> Self {
        Self::new(Content::Whole(Bytes::copy_from_slice(text.as_bytes())))
            .header("content-type", "application/json")
    }

    /// `200` with a JSON text in which `#` is the number of the request, so that no two answers are the same.
    pub fn numbered(text: &'static str) -> Self {
        Self::new(Content::Numbered(text)).header("content-type", "application/json")
    }

    /// `200` with a JSON text in which `#` is 16 random hex digits, others in each answer.
    pub fn random(text: &'static str) -> Self {
        Self::new(Content::Random(text)).header("content-type", "application/json")
    }

    /// `200` with bytes of no particular type.
    pub fn bytes(body: impl Into<Bytes>) -> Self {
        Self::new(Content::Whole(body.into())).header("content-type", "application/octet-stream")
    }

    /// No answer at all: the connection ends after the request has been read.
    pub fn cut() -> Self {
        Self::new(Content::Cut)
    }

    /// The head and the beginning of a longer body, then the end of the connection.
    pub fn cut_after(beginning: &'static str) -> Self {
        Self::new(Content::CutAfter(Bytes::from_static(beginning.as_bytes())))
    }

    /// Server-sent events or another slow stream: `pause` before each chunk.
    pub fn chunks(chunks: &[&'static str], pause: Duration) -> Self {
        let chunks = chunks.iter().map(|chunk| Bytes::from_static(chunk.as_bytes())).collect();
        Self::new(Content::Chunks(chunks, pause))
    }

    /// A body without an end: a kilobyte after each `pause`.
    pub fn endless(pause: Duration) -> Self {
        Self::new(Content::Endless(Bytes::from(vec![b'x'; 1024]), pause))
    }

    /// A WebSocket handshake; afterwards every byte is sent back.
    pub fn upgrade() -> Self {
        Self::new(Content::Upgrade)
            .with_status(101)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-accept", WEBSOCKET_ACCEPT)
    }

    /// A WebSocket that sends back each message, after `pause`.
    pub fn websocket(pause: Duration) -> Self {
        Self::new(Content::WebSocket(pause))
            .with_status(101)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
    }

    /// The same answer with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).unwrap();
        self
    }

    /// The same answer with one header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer after a while.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same answer given before the request's body has arrived.
    #[must_use]
    pub fn unread(mut self) -> Self {
        self.reads_body = false;
        self
    }

    /// The same answer compressed.
    #[must_use]
    pub fn gzip(mut self) -> Self {
        if let Content::Whole(plain) = &self.content {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).unwrap();
            self.content = Content::Whole(encoder.finish().unwrap().into());
        }
        self.header("content-encoding", "gzip")
    }

    pub(super) fn upgrades(&self) -> bool {
        matches!(self.content, Content::Upgrade | Content::WebSocket(_))
    }

    /// How long a WebSocket waits before it sends a message back; none: it is no WebSocket.
    pub(super) fn message_pause(&self) -> Option<Duration> {
        match self.content {
            Content::WebSocket(pause) => Some(pause),
            _ => None,
        }
    }

    pub(super) fn reads_body(&self) -> bool {
        self.reads_body && !self.upgrades()
    }

    pub(super) async fn wait(&self) {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
    }

    /// The answer to request number `number`.
    pub(super) fn for_request(mut self, number: u64) -> Self {
        match self.content {
            Content::Numbered(text) => {
                self.content = Content::Whole(text.replace('#', &number.to_string()).into());
            }
            Content::Random(text) => {
                let digits = format!("{:016x}", RandomState::new().hash_one(number));
                self.content = Content::Whole(text.replace('#', &digits).into());
            }
            _ => {}
        }
        self
    }

    pub(super) fn respond(self, name: &str) -> Result<Response<Body>, Refused> {
        let mut response = Response::builder().status(self.status).header(MARK, name);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let body = match self.content {
            Content::Cut => return Err(Refused),
            Content::Upgrade | Content::WebSocket(_) => whole(Bytes::new()),
            Content::Whole(bytes) => whole(bytes),
            Content::Numbered(text) | Content::Random(text) => {
                whole(Bytes::from_static(text.as_bytes()))
            }
            Content::CutAfter(bytes) => {
                let beginning = stream::iter([Ok(Frame::data(bytes))]);
                // What was written before a cut is lost unless it has had time to go out.
                let cut = stream::once(tokio::time::sleep(FLUSHED)).map(|()| Err(Refused));
                streamed(beginning.chain(cut))
            }
            Content::Chunks(chunks, pause) => streamed(stream::iter(chunks).then(move |chunk| {
                let pause = tokio::time::sleep(pause);
                async move {
                    pause.await;
                    Ok(Frame::data(chunk))
                }
            })),
            Content::Endless(chunk, pause) => {
                streamed(stream::repeat(chunk).then(move |chunk| async move {
                    tokio::time::sleep(pause).await;
                    Ok(Frame::data(chunk))
                }))
            }
        };
        Ok(response.body(body).unwrap())
    }
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

fn streamed(
    frames: impl futures::Stream<Item = Result<Frame<Bytes>, Refused>> + Send + Sync + 'static,
) -> Body {
    BoxBody::new(StreamBody::new(frames))
}
