//! Asks over HTTP, within a time and a size.

use std::time::Duration;

use bytes::BytesMut;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

use super::checks::Wrong;
use super::places::{Place, Places};
use crate::failure::Failure;

/// The largest answer that is read.
const MOST_BYTES: usize = 32 << 20;

/// Sends requests with the operator's headers.
#[derive(Debug, Clone)]
pub(super) struct Asker<'p> {
    pub(super) places: &'p Places<'p>,
    http: reqwest::Client,
    headers: HeaderMap,
}

/// What is sent along.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body<'b> {
    None,
    Json(&'b Value),
    /// As it stands, called JSON.
    Text(&'static str),
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Null where it is no JSON.
    pub(super) body: Value,
}

impl<'p> Asker<'p> {
    pub(super) fn new(
        places: &'p Places<'p>,
        headers: HeaderMap,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limit.min(Duration::from_secs(5)))
            .timeout(limit)
            .build();
        let http = http.map_err(|problem| Failure::Other {
            message: format!("the HTTP client could not be made: {problem}"),
            help: "try again; this machine seems to be short of something".to_owned(),
        })?;
        Ok(Self { places, http, headers })
    }

    /// The same with another value of a header.
    pub(super) fn with(&self, name: http::HeaderName, value: HeaderValue) -> Self {
        let mut other = self.clone();
        other.headers.insert(name, value);
        other
    }

    /// Asks for something of the agent API.
    pub(super) async fn api(
        &self,
        place: &Place,
        method: Method,
        rest: &str,
        body: Body<'_>,
    ) -> Result<Answer, Wrong> {
        let url = self.places.url(place, &method, rest);
        self.ask(place, method, &url, body).await
    }

    /// Asks for a URL.
    pub(super) async fn ask(
        &self,
        place: &Place,
        method: Method,
        url: &str,
        body: Body<'_>,
    ) -> Result<Answer, Wrong> {
        let told = format!("{method} {url}");
        let silent = |why: reqwest::Error| {
            let why = why.without_url();
            let mut found = format!("{told}: {why}");
            let mut cause = std::error::Error::source(&why);
            while let Some(source) = cause {
                found = format!("{found}: {source}");
                cause = source.source();
            }
            let who = place.who.word();
            Wrong::new(found, format!("see that the {who} runs and answers at {}", place.base))
        };
        let request = self.http.request(method, url).headers(self.headers.clone());
        let mut request = request.header(routes::PROBE, "verify");
        if !matches!(body, Body::None) {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request = match body {
            Body::None => request,
            Body::Json(value) => request.body(value.to_string()),
            Body::Text(text) => request.body(text),
        };
        let mut answer = request.send().await.map_err(silent)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut bytes = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(silent)? {
            if bytes.len().saturating_add(chunk.len()) > MOST_BYTES {
                let found = format!("{told}: more than {MOST_BYTES} bytes");
                return Err(Wrong::new(found, "name a part of the API that answers less"));
            }
            bytes.extend_from_slice(&chunk);
        }
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body })
    }
}

/// A member of an object; null where there is none.
pub(super) fn member<'v>(object: &'v Value, name: &str) -> &'v Value {
    const NULL: &Value = &Value::Null;
    object.get(name).unwrap_or(NULL)
}

impl Answer {
    /// The body, where the status is this one.
    pub(super) fn of(self, status: u16) -> Result<Value, Wrong> {
        if self.status == status {
            return Ok(self.body);
        }
        let mut said = self.body.to_string();
        if let Some((end, _)) = said.char_indices().nth(200) {
            said.truncate(end);
            said.push('…');
        }
        let found = format!("answered {} instead of {status}: {said}", self.status);
        let help = match self.status {
            401 | 403 => "give a key that may do this: --header \"x-api-key: @FILE\"",
            503 => {
                "see what the backend's log says, and whether its tables move (`migrate db split status`)"
            }
            _ => "see what the backend's log says of this request",
        };
        Err(Wrong::new(found, help))
    }
}
