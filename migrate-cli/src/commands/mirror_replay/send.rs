//! Sends recorded requests to a backend, within a time and a size.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use evidence::Failure as NoAnswer;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::Client;
use url::Url;

use super::plan::Planned;
use crate::failure::Failure;

/// An answer, complete.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// As received, content codings not yet removed.
    pub(super) body: Bytes,
    pub(super) latency: Duration,
}

/// Why there is none to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missed {
    /// The backend failed.
    Failed(NoAnswer),
    /// It answered, with more than is compared.
    TooLarge,
}

/// Sends requests to one backend.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    http: Client,
    /// Without a slash at its end.
    base: String,
    /// Given on the command line; they win over what was recorded.
    headers: HeaderMap,
    max_body: usize,
}

impl Sender {
    /// A sender to `http://host:port`, and a path that goes before the recorded ones if there is any.
    pub(super) fn new(
        base: &str,
        headers: HeaderMap,
        timeout: Duration,
        max_body: usize,
    ) -> Result<Self, Failure> {
        let is_address =
            |url: &Url| url.scheme() == "http" && url.has_host() && url.query().is_none();
        if !Url::parse(base).is_ok_and(|url| is_address(&url)) {
            return Err(Failure::Usage {
                message: format!("`{base}` is no address of a backend"),
                help: "write it like --against http://127.0.0.1:8012".to_owned(),
            });
        }
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .timeout(timeout)
            .build();
        let http = http.map_err(|problem| Failure::Other {
            message: format!("the HTTP client could not be made: {problem}"),
            help: "try again; this machine seems to be short of something".to_owned(),
        })?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), headers, max_body })
    }

    /// Sends one request and reads its answer to the end.
    pub(super) async fn ask(&self, planned: &Planned) -> Result<Answer, Missed> {
        let began = Instant::now();
        let failed = |error: reqwest::Error| Missed::Failed(classify(&error));
        let mut headers = planned.exchange.headers.clone();
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        let request = self
            .http
            .request(planned.exchange.method.clone(), format!("{}{}", self.base, planned.target))
            .headers(headers)
            .body(planned.exchange.body.clone());
        let mut answer = request.send().await.map_err(failed)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len().saturating_add(chunk.len()) > self.max_body {
                return Err(Missed::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: body.freeze(),
            latency: began.elapsed(),
        })
    }
}

fn classify(error: &reqwest::Error) -> NoAnswer {
    if error.is_timeout() {
        NoAnswer::Timeout
    } else if error.is_connect() {
        NoAnswer::Connect
    } else if error.is_builder() || error.is_decode() {
        NoAnswer::Protocol
    } else {
        NoAnswer::Reset
    }
}

/// A header of the command line: `NAME: VALUE`, or `NAME: @FILE` for a value that must not stand in a list of processes.
pub(crate) fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE, or NAME: @FILE")?;
    let name = name.trim().parse::<HeaderName>().map_err(|error| error.to_string())?;
    let value = match value.trim().strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?,
        None => value.to_owned(),
    };
    let mut value = value.trim().parse::<HeaderValue>().map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok((name, value))
}
