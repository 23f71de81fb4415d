//! What became of one mirrored request.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use routes::compare::CompareRules;
use xxhash_rust::xxh3::xxh3_64;

use crate::compare::Comparison;

/// What evidence was gathered with; evidence of another basis says nothing and starts anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Basis {
    /// Hash of the compare rules.
    rules: u64,
    /// Build of the new backend, where its health endpoint names one.
    build: Option<Arc<str>>,
}

impl Basis {
    /// The basis of a route.
    pub fn new(rules: &CompareRules, build: Option<Arc<str>>) -> Self {
        let CompareRules { ignore, timestamp, unordered, tolerance, headers } = rules;
        let paths = |paths: &[serde_json_path::JsonPath]| {
            paths.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let unordered: Vec<_> =
            unordered.iter().map(|(path, field)| (path.to_string(), field)).collect();
        let text =
            format!("{:?}", (paths(ignore), paths(timestamp), unordered, tolerance, headers));
        Self { rules: xxh3_64(text.as_bytes()), build }
    }
}

/// The exchange that was mirrored.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Name of the route.
    pub route: Arc<str>,
    /// What it is compared by.
    pub basis: Arc<Basis>,
    /// When the client's request came.
    pub at: DateTime<Utc>,
    /// Of the request.
    pub method: Method,
    /// Path and query as the client sent them. Secrets in it are masked before it is stored.
    pub target: String,
    /// Id of the client's request.
    pub request_id: String,
}

/// One outcome.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Of what.
    pub exchange: Exchange,
    /// From the request to the end of the primary's answer.
    pub primary_latency: Duration,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a mirrored request.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Both answers were compared.
    Compared {
        /// Of the primary.
        primary: StatusCode,
        /// Of the mirrored request.
        mirrored: StatusCode,
        /// From the mirrored request to the end of its answer.
        latency: Duration,
        /// What comparing them showed.
        comparison: Comparison,
    },
    /// The other backend did not answer.
    Failed(Failure),
}

/// Why a mirrored request was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// No connection.
    Connect,
    /// The connection ended before the answer did.
    Reset,
    /// No whole answer in time.
    Timeout,
    /// What came is no HTTP.
    Protocol,
    /// The body is not what its content coding says.
    Undecodable,
}

impl Failure {
    /// The word of reports and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Undecodable => "undecodable",
        }
    }
}
