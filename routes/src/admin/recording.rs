//! `/api/exchanges`: finished exchanges as they pass, for `migrate mirror record`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One line of `GET /api/exchanges[?route=NAME][&limit=N]`, a stream of JSON lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordingLine {
    /// The next exchange.
    Exchange(Box<RecordedExchange>),
    /// How many exchanges were lost so far, of any route: told when it has grown.
    Lost(u64),
    /// The last line, where the stream did not break off: the limit was reached, or the proxy stops.
    End(RecordingEnd),
}

/// How complete a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecordingEnd {
    /// Exchanges that were sent.
    pub exchanges: u64,
    /// Exchanges that were left out, of any route: the listener was too slow, or too many were being recorded.
    pub lost: u64,
}

/// A client's exchange with the primary, secrets masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedExchange {
    /// Name of the route.
    pub route: String,
    /// Id of the request.
    pub request_id: String,
    /// When the request went to its primary.
    pub started_at: DateTime<Utc>,
    /// From then to the last of the answer, milliseconds.
    pub latency_ms: f64,
    /// Of the request.
    pub method: String,
    /// Path and query as the client sent them.
    pub target: String,
    /// Of the request, as the primary got them.
    pub request_headers: Vec<(String, String)>,
    /// The request's body; empty where it has none, absent where it is no text or longer than `mirroring.max_body_bytes`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_body: Option<String>,
    /// Status of the answer.
    pub status: u16,
    /// Headers of the answer, as the primary sent them.
    pub headers: Vec<(String, String)>,
    /// The answer's body, likewise; content codings removed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<String>,
}
