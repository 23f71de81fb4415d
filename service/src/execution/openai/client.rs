//! Sends a question and reads the answer as it comes, keeping no more of it than the answer itself.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;

use super::answer::{Answer, NoAnswer};
use super::sse::{Lines, TooLong};
use crate::config::openai::OpenAiSettings;

/// The most bytes that one answer may come as, events and their names included.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address.
    #[error("OPENAI_BASE_URL does not lead to an address")]
    Address(#[from] http::uri::InvalidUri),
    /// The key.
    #[error("OPENAI_API_KEY has characters that no header can carry")]
    Key,
    /// The certificates that are trusted.
    #[error("the system's certificates cannot be read, and OPENAI_BASE_URL needs them")]
    Certificates(#[source] io::Error),
    /// The library.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// Why a call brought no answer. Nothing that the server says is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody answers there.
    #[error("the model's server cannot be reached")]
    Unreachable,
    /// It answered, but not well.
    #[error("the model's server answered {status}")]
    Refused {
        /// How.
        status: StatusCode,
        /// When it may be asked again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The answer broke off.
    #[error("the connection to the model's server broke")]
    Broken,
    /// It took too long.
    #[error("the model did not answer within {:.1} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// More came than an answer can be.
    #[error("the model's server sent more than {MOST_BYTES} bytes")]
    Endless,
    /// A stream was no stream of events.
    #[error(transparent)]
    Line(#[from] TooLong),
    /// What came was no answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
}

impl CallError {
    /// Whether asking again may help; and when, if the server said so.
    pub fn repeatable(&self) -> Option<Option<Duration>> {
        match self {
            Self::Unreachable => Some(None),
            Self::Refused { status, retry_after } => {
                let passes = status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS;
                passes.then_some(*retry_after)
            }
            _ => None,
        }
    }

    /// Whether a model may have worked before it came to this.
    pub fn may_have_cost(&self) -> bool {
        !matches!(self, Self::Unreachable | Self::Refused { .. })
    }
}

type Inner = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A way to one server.
pub struct Client {
    inner: Inner,
    address: Uri,
    authorization: Option<HeaderValue>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the configured server.
    pub fn new(settings: &OpenAiSettings) -> Result<Self, ClientError> {
        let base = settings.base_url.as_str().trim_end_matches('/');
        let address: Uri = format!("{base}/chat/completions").parse()?;
        let authorization = settings.api_key.as_ref().map(|key| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal()))
                .map_err(|_why| ClientError::Key)?;
            value.set_sensitive(true);
            Ok::<_, ClientError>(value)
        });
        let connector = connector(address.scheme() == Some(&http::uri::Scheme::HTTPS))?;
        let inner = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(8)
            .build(connector);
        Ok(Self { inner, address, authorization: authorization.transpose()? })
    }

    /// Asks once. The caller bounds the time.
    pub async fn ask(&self, body: String) -> Result<Answer, CallError> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.address.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert(USER_AGENT, HeaderValue::from_static("agent-service"));
        headers.extend(self.authorization.clone().map(|key| (AUTHORIZATION, key)));
        let response = self.inner.request(request).await.map_err(|error| {
            if error.is_connect() { CallError::Unreachable } else { CallError::Broken }
        })?;
        let status = response.status();
        if !status.is_success() {
            return Err(CallError::Refused {
                status,
                retry_after: retry_after(response.headers()),
            });
        }
        if is_stream(response.headers()) {
            read_stream(response).await
        } else {
            read(response).await
        }
    }
}

fn connector(https: bool) -> Result<HttpsConnector<HttpConnector>, ClientError> {
    let builder = HttpsConnectorBuilder::new();
    let provider = ring::default_provider();
    let builder = if https {
        builder.with_provider_and_native_roots(provider).map_err(ClientError::Certificates)?
    } else {
        // No certificate will be looked at, so a machine without any will do.
        let trusted = rustls::RootCertStore::empty();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        builder.with_tls_config(tls)
    };
    Ok(builder.https_or_http().enable_http1().build())
}

/// Seconds only: the other form, a date, is not used for this.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn is_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|text| text.starts_with("text/event-stream"))
}

async fn read(response: Response<Incoming>) -> Result<Answer, CallError> {
    let body = Limited::new(response.into_body(), MOST_BYTES).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            CallError::Endless
        } else {
            CallError::Broken
        }
    })?;
    Ok(Answer::whole(&body.to_bytes())?)
}

async fn read_stream(response: Response<Incoming>) -> Result<Answer, CallError> {
    let mut body = response.into_body();
    let (mut lines, mut answer, mut read) = (Lines::default(), Answer::default(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_why| CallError::Broken)?;
        let Some(piece) = frame.data_ref() else { continue };
        read = read.saturating_add(piece.len());
        if read > MOST_BYTES {
            return Err(CallError::Endless);
        }
        for data in lines.take(piece)? {
            if answer.event(&data)? {
                return Ok(answer);
            }
        }
    }
    if let Some(data) = lines.rest() {
        answer.event(&data)?;
    }
    // Some servers leave out the last word, but all say why they stopped.
    if answer.finish_reason.is_some() { Ok(answer) } else { Err(NoAnswer::Unfinished.into()) }
}
