//! Asks a server over HTTP, within a time and a size.

use std::time::Duration;

use bytes::BytesMut;
use http::{HeaderMap, Method};
use reqwest::Body;
use serde_json::Value;

use crate::checks::Wrong;
use crate::failure::Failure;

/// The largest answer that is read.
const MOST_BYTES: usize = 32 << 20;

/// Sends requests.
#[derive(Debug, Clone)]
pub(crate) struct Http(reqwest::Client);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null where it is no JSON.
    pub(crate) body: Value,
}

impl Http {
    /// Waits for no answer longer than this.
    pub(crate) fn new(limit: Duration) -> Result<Self, Failure> {
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
        Ok(Self(http))
    }

    /// Asks for a URL; `help`: what to do where nobody answers.
    pub(crate) async fn ask(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Option<Body>,
        help: &str,
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
            Wrong::new(found, help)
        };
        let mut request = self.0.request(method, url).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
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
