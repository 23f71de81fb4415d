//! `/api/evidence`: what comparing has shown.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::difference::DifferenceGroup;

/// `GET /api/evidence[?route=NAME]`: what comparing has shown so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceReport {
    /// Since when evidence is gathered.
    pub since: DateTime<Utc>,
    /// Where it is kept, and whether that works.
    pub store: StoreReport,
    /// By route, in order of the table.
    pub routes: Vec<RouteEvidence>,
}

/// Where evidence is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreReport {
    /// `sqlite://…` or `postgres://…`, its password masked.
    pub url: String,
    /// Why evidence is kept in memory only at present (a full disk, a locked or damaged file, …); absent while all is well.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub degraded: Option<String>,
    /// Outcomes that are not stored yet.
    pub pending: u64,
    /// Outcomes that were given up because storing them did not work in time.
    pub lost: u64,
}

/// Evidence of one route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteEvidence {
    /// Name of the route.
    pub route: String,
    /// What this evidence was gathered with; absent before the first exchange.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub basis: Option<BasisReport>,
    /// Mirrored requests that were not sent, or whose answers were not compared, by reason (`in_flight`, `bytes`, `too_large`,
    /// `client_gone`, …).
    pub dropped: BTreeMap<String, u64>,
    /// Why writes of this route are not mirrored although the backend's `mirror_writes` asks for it; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub writes_off: Option<String>,
    /// By operation (method + generalised path).
    pub operations: Vec<OperationEvidence>,
}

/// Evidence counts only for the build of the new backend and the compare rules that it was gathered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasisReport {
    /// Hash of the compare rules, 16 hex digits.
    pub rules: String,
    /// Build of the new backend as its health endpoint names it; absent where it names none.
    pub build: Option<String>,
    /// When the first exchange of this basis was compared.
    pub since: DateTime<Utc>,
}

/// Evidence of one operation. `compared = matched + mismatched + inconclusive`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationEvidence {
    /// `GET /api/v1/agent/workflows/{id}`.
    pub operation: String,
    /// Pairs of answers that were compared.
    pub compared: u64,
    /// Those without a difference.
    pub matched: u64,
    /// Those with at least one difference that is not noise.
    pub mismatched: u64,
    /// Those whose differences a control request showed on the old side alone as well.
    pub inconclusive: u64,
    /// Exchanges with a control request, among those compared.
    pub controlled: u64,
    /// How much the match rate can be relied on.
    pub trust: Trust,
    /// Mirrored requests that the other backend failed to answer (connect, reset, time-out), by reason.
    pub failed: BTreeMap<String, u64>,
    /// Exchanges where the new backend answered with a server error (5xx) and the old one did not.
    pub new_failed_alone: u64,
    /// Exchanges where the old backend answered with a server error (5xx) and the new one did not.
    pub old_failed_alone: u64,
    /// Of the old backend.
    pub old_latency: Latency,
    /// Of the new backend.
    pub new_latency: Latency,
    /// Differences by fingerprint, most frequent first.
    pub differences: Vec<DifferenceGroup>,
}

/// The match rate among conclusive exchanges (`matched / (matched + mismatched)`) and its interval.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Trust {
    /// Conclusive exchanges.
    pub samples: u64,
    /// Match rate, 0..=1; 0 without samples.
    pub rate: f64,
    /// Lower bound of the 95 % Wilson score interval.
    pub lower: f64,
    /// Its upper bound; 1 without samples.
    pub upper: f64,
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
