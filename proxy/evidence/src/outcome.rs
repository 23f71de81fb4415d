//! What became of one mirrored request.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use routes::compare::CompareRules;
use xxhash_rust::xxh3::xxh3_64;

use compare::Comparison;

/// What evidence was gathered with; evidence of another basis says nothing and starts anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Basis {
    /// Hash of the compare rules.
    pub rules: u64,
    /// Build of the new backend, where its health endpoint names one.
    pub build: Option<Arc<str>>,
}

impl Basis {
    /// The basis of a route.
    pub fn new(rules: &CompareRules, build: Option<Arc<str>>) -> Self {
        let CompareRules {
            ignore,
            timestamp,
            identifier,
            number,
            unordered,
            tolerance,
            headers,
            allow,
        } = rules;
        let paths = |paths: &[serde_json_path::JsonPath]| {
            paths.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let unordered: Vec<_> =
            unordered.iter().map(|(path, field)| (path.to_string(), field)).collect();
        let equal = (paths(ignore), paths(timestamp), paths(identifier), paths(number));
        let text = format!("{:?}", (equal, unordered, tolerance, headers, allow));
        Self { rules: xxh3_64(text.as_bytes()), build }
    }

    /// What stands for a route on this basis in the store: the same on every proxy.
    pub(crate) fn key(&self, route: &str) -> i64 {
        let Self { rules, build } = self;
        xxh3_64(format!("{route}\0{rules}\0{build:?}").as_bytes()).cast_signed()
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
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a mirrored request.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Both answers were compared.
    Compared(Box<Compared>),
    /// The other backend did not answer.
    Failed(Failure),
}

/// Two answers and what comparing them showed.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The old backend's answer.
    pub old: Answered,
    /// The new backend's answer.
    pub new: Answered,
    /// What differs, and what of it a control request showed to be noise.
    pub comparison: Comparison,
    /// The old backend's answer against its answer to the control request, where there was one.
    pub control: Option<Comparison>,
    /// Both bodies as masked text of bounded length, for an example; only where something differs and both are text.
    pub bodies: Option<Bodies>,
}

/// One side's answer.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// Status code.
    pub status: StatusCode,
    /// From the request to the end of the answer.
    pub latency: Duration,
}

/// Both bodies as masked text of bounded length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bodies {
    /// The old backend's.
    pub old: String,
    /// The new backend's.
    pub new: String,
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
