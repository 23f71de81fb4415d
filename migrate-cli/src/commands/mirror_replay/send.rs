//! Sends recorded requests to a backend, within a time and a size.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use evidence::Failure as NoAnswer;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use url::Url;

use super::plan::Planned;
use crate::asking::{Http, Reply, Silence};
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
#[derive(Debug)]
pub(super) enum Missed {
    /// The backend failed.
    Failed(NoAnswer),
    /// Nobody vouches for it.
    Distrusted(Arc<str>),
    /// It answered, with more than is compared.
    TooLarge,
}

/// Sends requests to one backend.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    http: Http,
    /// Without a slash at its end.
    base: String,
    /// Given on the command line; they win over what was recorded.
    headers: HeaderMap,
    max_body: usize,
}

impl Sender {
    /// A sender to `http://host:port` or `https://host:port`, and a path that goes before the recorded ones if there is any.
    pub(super) fn new(
        base: &str,
        http: Http,
        headers: HeaderMap,
        max_body: usize,
    ) -> Result<Self, Failure> {
        let is_address = |url: &Url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none()
        };
        if !Url::parse(base).is_ok_and(|url| is_address(&url)) {
            return Err(Failure::Usage {
                message: format!("`{base}` is no address of a backend"),
                help: "write it like --against http://127.0.0.1:8012".to_owned(),
            });
        }
        http.ready()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), headers, max_body })
    }

    /// Sends one request and reads its answer to the end.
    pub(super) async fn ask(&self, planned: &Planned) -> Result<Answer, Missed> {
        let began = Instant::now();
        let exchange = &planned.exchange;
        let mut headers = exchange.headers.clone();
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        let url = format!("{}{}", self.base, planned.target);
        let (method, body) = (exchange.method.clone(), exchange.body.clone());
        let reply = self.http.send(method, &url, headers, body, self.max_body).await;
        let Reply { status, headers, body } = reply.map_err(missed)?;
        Ok(Answer { status, headers, body, latency: began.elapsed() })
    }
}

fn missed(silence: Silence) -> Missed {
    match silence {
        Silence::Distrusted(why) => Missed::Distrusted(why),
        Silence::TooLarge(_) => Missed::TooLarge,
        Silence::Unconnected(_) => Missed::Failed(NoAnswer::Connect),
        Silence::Broken(_) => Missed::Failed(NoAnswer::Reset),
        Silence::Unsendable(_) => Missed::Failed(NoAnswer::Protocol),
        Silence::Late(_) => Missed::Failed(NoAnswer::Timeout),
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
