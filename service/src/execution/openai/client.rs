//! Sends a question and reads the answer as it comes, keeping no more of it than the answer itself.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use trust::is_distrusted;

use super::answer::{Answer, NoAnswer};
use super::sse::{Lines, TooLong};
use crate::config::openai::OpenAiSettings;
use crate::outgoing::{Outgoing, OutgoingError, outgoing};

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
    /// The way there.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
}

/// Why a call brought no answer. Nothing that the server says is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody answers there.
    #[error("the model's server cannot be reached")]
    Unreachable,
    /// It is not who it says it is, as far as anybody knows.
    #[error(
        "the certificate of the model's server is not trusted; TLS_CA_FILE can name who vouches for it"
    )]
    Distrusted,
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
        !matches!(self, Self::Unreachable | Self::Distrusted | Self::Refused { .. })
    }
}

/// A way to one server.
pub struct Client {
    inner: Outgoing,
    address: Uri,
    authorization: Option<HeaderValue>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the configured server. `authorities` is a file of certificates that are trusted besides the system's.
    pub fn new(settings: &OpenAiSettings, authorities: Option<&Path>) -> Result<Self, ClientError> {
        let base = settings.base_url.as_str().trim_end_matches('/');
        let address: Uri = format!("{base}/chat/completions").parse()?;
        let authorization = settings.api_key.as_ref().map(|key| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal()))
                .map_err(|_why| ClientError::Key)?;
            value.set_sensitive(true);
            Ok::<_, ClientError>(value)
        });
        let inner = outgoing(address.scheme() == Some(&http::uri::Scheme::HTTPS), authorities)?;
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
        let response = self.inner.request(request).await.map_err(|error| match error {
            error if is_distrusted(&error) => CallError::Distrusted,
            error if error.is_connect() => CallError::Unreachable,
            _ => CallError::Broken,
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
