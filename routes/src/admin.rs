//! What the proxy's admin interface answers: data that the proxy writes and `migrate` reads, and nothing else.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::generation::Generation;
use crate::stage::Stage;

/// `GET /api/routes`: the generation in force and what it says. `?wait=DIGEST&timeout=MILLISECONDS` answers as soon as that
/// generation is in force, or the last attempt to load a table failed, or the time (at most 30 s) is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoutesReport {
    /// The generation that new requests see.
    pub generation: Generation,
    /// Since when.
    pub in_force_since: DateTime<Utc>,
    /// Why a newer file is not in force; absent while the file is good.
    pub rejected: Option<RejectedTable>,
    /// The proxy that answers.
    pub proxy: ProxyIdentity,
    /// Backend of every path that no route names.
    pub fallback: String,
    /// Every backend.
    pub backends: Vec<BackendReport>,
    /// Every route.
    pub routes: Vec<RouteReport>,
}

/// A table that did not parse or validate and so changed nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RejectedTable {
    /// When it was refused.
    pub at: DateTime<Utc>,
    /// Digest of the refused text (absent when the file could not be read).
    pub digest: Option<crate::generation::Digest>,
    /// One line per problem: `file:line:column: message; help`.
    pub problems: Vec<String>,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyIdentity {
    /// Of the program.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// The route table that it follows.
    pub table: String,
}

/// A backend and its servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackendReport {
    /// Name.
    pub name: String,
    /// At least one target is healthy.
    pub healthy: bool,
    /// Servers.
    pub targets: Vec<TargetReport>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    /// `host:port`.
    pub address: String,
    /// What the last checks say.
    pub healthy: bool,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteReport {
    /// Name.
    pub name: String,
    /// Pattern.
    pub path: String,
    /// Methods; absent: every method.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub methods: Option<Vec<String>>,
    /// Where it stands.
    pub stage: Stage,
    /// Backend it comes from.
    pub old: String,
    /// Backend it goes to.
    pub new: String,
    /// Share of clients on the new side at stage canary.
    pub canary_percent: f64,
    /// Share of requests mirrored at stages shadow and canary.
    pub mirror_sample: f64,
    /// Requests answered since the proxy started, by backend name.
    pub answered: BTreeMap<String, u64>,
    /// Requests that went to the old backend because the new one failed.
    pub failovers: u64,
}

/// `GET /api/evidence[?route=NAME]`: what comparing has shown so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceReport {
    /// Since when evidence is gathered.
    pub since: DateTime<Utc>,
    /// By route, in order of the table.
    pub routes: Vec<RouteEvidence>,
}

/// Evidence of one route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteEvidence {
    /// Name of the route.
    pub route: String,
    /// Mirrored requests that were not sent, or whose answers were not compared, by reason (`in_flight`, `bytes`, `too_large`,
    /// `client_gone`, …).
    pub dropped: BTreeMap<String, u64>,
    /// By operation (method + generalised path).
    pub operations: Vec<OperationEvidence>,
}

/// Evidence of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationEvidence {
    /// `GET /api/v1/agent/workflows/{id}`.
    pub operation: String,
    /// Pairs of answers that were compared.
    pub compared: u64,
    /// Those without a difference.
    pub matched: u64,
    /// Mirrored requests that the other backend failed to answer (connect, reset, time-out), by reason.
    pub failed: BTreeMap<String, u64>,
    /// Of the primary.
    pub primary_latency: Latency,
    /// Of the mirrored request.
    pub mirrored_latency: Latency,
    /// Differences by fingerprint, most frequent first.
    pub differences: Vec<DifferenceGroup>,
}

/// Latency in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Measured requests.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

/// All differences of one kind at one generalised path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DifferenceGroup {
    /// Stable short hash of operation, kind and path.
    pub fingerprint: String,
    /// What sort of difference.
    pub kind: DifferenceKind,
    /// Generalised JSON path (`$[*].tags`), header name, or `status`.
    pub path: String,
    /// How often.
    pub count: u64,
    /// First seen.
    pub first_seen: DateTime<Utc>,
    /// Last seen.
    pub last_seen: DateTime<Utc>,
    /// One bounded, masked example.
    pub example: Option<DifferenceExample>,
}

/// Kinds of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// Status codes differ.
    Status,
    /// A compared header differs.
    Header,
    /// The old answer has it, the new one does not.
    Missing,
    /// The new answer has it, the old one does not.
    Extra,
    /// Both have it, with different JSON types.
    Type,
    /// Both have it, with different values.
    Value,
    /// The same elements in another order.
    Order,
    /// Arrays (or undecoded bodies) of different length.
    Length,
}

/// One exchange that showed a difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DifferenceExample {
    /// `GET /path?query` with secrets masked.
    pub request: String,
    /// Request id of the primary's exchange.
    pub request_id: String,
    /// Exact JSON path of the difference (`$[3].tags`).
    pub at: String,
    /// What the old backend's answer has there, cut to 512 characters.
    pub old: String,
    /// What the new backend's answer has there, cut to 512 characters.
    pub new: String,
}
