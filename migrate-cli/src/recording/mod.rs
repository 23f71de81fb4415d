//! Recorded exchanges: HTTP Archives, written by `migrate mirror record`, by browsers or by other tools.

mod write;
mod read;

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};

pub(crate) use read::Recording;
pub(crate) use write::Writer;

/// What an archive says of a body that the proxy left out: it is no text, or too long.
const LEFT_OUT: &str = "this body was not recorded";

/// One request and its recorded answer, whole.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// When it began.
    pub(crate) at: DateTime<Utc>,
    /// Id of the request; empty where it has none.
    pub(crate) request_id: String,
    /// Method.
    pub(crate) method: Method,
    /// Host, with the port if it is not the usual one.
    pub(crate) host: String,
    /// Path as the client sent it.
    pub(crate) path: String,
    /// Query, without the question mark.
    pub(crate) query: Option<String>,
    /// Headers; those that were masked and those that speak of one connection are left out.
    pub(crate) headers: HeaderMap,
    /// Names of the headers that were masked.
    pub(crate) masked: Vec<String>,
    /// Body; empty where there is none.
    pub(crate) body: Bytes,
    /// What was answered.
    pub(crate) answer: RecordedAnswer,
}

/// The recorded answer.
#[derive(Debug, Clone)]
pub(crate) struct RecordedAnswer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Headers, without those that speak of the body's coding: it is decoded.
    pub(crate) headers: HeaderMap,
    /// The body, decoded.
    pub(crate) body: Bytes,
    /// From the request to the end of the answer.
    pub(crate) latency: Duration,
}

impl Exchange {
    /// Path and query.
    pub(crate) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}
