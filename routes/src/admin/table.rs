//! `/api/routes`: the generation in force.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::generation::{Digest, Generation};
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
    /// Where the table is kept, and whether the proxy reaches it.
    #[serde(default)]
    pub source: SourceReport,
    /// The certificate that clients are served with; absent without TLS.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub certificate: Option<CertificateReport>,
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
    pub digest: Option<Digest>,
    /// One line per problem: `file:line:column: message; help`.
    pub problems: Vec<String>,
}

/// A certificate that clients are served with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateReport {
    /// Where it was read.
    pub file: String,
    /// When the one in force ends.
    pub not_after: DateTime<Utc>,
    /// Why what the files hold now is not in force; absent while it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rejected: Option<RejectedCertificate>,
}

impl CertificateReport {
    /// In words.
    pub fn describe(&self) -> String {
        let end = self.not_after.format("%Y-%m-%d %H:%M:%S");
        let refused = match &self.rejected {
            Some(rejected) => format!("; what the file holds now is refused: {}", rejected.why),
            None => String::new(),
        };
        format!("certificate {} until {end}{refused}", self.file)
    }
}

/// Files that hold nothing to serve, so that the certificate before them stays in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedCertificate {
    /// When it was refused.
    pub at: DateTime<Utc>,
    /// What is wrong with it.
    pub why: String,
}

/// What a proxy follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// `file` or `postgres`.
    pub kind: String,
    /// Since when and why the database can't be reached; absent while it can. The last good generation stays in force.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lost: Option<LostSource>,
}

impl Default for SourceReport {
    fn default() -> Self {
        Self { kind: "file".to_owned(), lost: None }
    }
}

/// A database that can't be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostSource {
    /// Since when.
    pub since: DateTime<Utc>,
    /// What was tried, and what came of it.
    pub why: String,
    /// The proxy started from its own copy and has not seen the database since.
    pub from_copy: bool,
}

impl LostSource {
    /// In words.
    pub fn describe(&self) -> String {
        let since = self.since.format("%Y-%m-%d %H:%M:%S");
        let copy = if self.from_copy { ", started from its copy of it" } else { "" };
        format!("without the table's database since {since}{copy}: {}", self.why)
    }
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
    /// Build that its healthy targets name at their health endpoint (`mixed: A, B` while they disagree); absent where they
    /// name none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub build: Option<String>,
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
    /// The guard's last word on this route, until an operator flips it or acknowledges it; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub guard: Option<GuardReport>,
}

/// A route that the guard took back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardReport {
    /// When.
    pub at: DateTime<Utc>,
    /// The stage it was at.
    pub from: Stage,
    /// The stage it was put back to.
    pub to: Stage,
    /// Which limit was crossed, with the figures: `error rate 31.0 % of 42 (limit 2 %, old backend 0.0 %)`.
    pub reason: String,
    /// Whether the table and the journal say so as well; `false` while writing them has not worked yet.
    pub written: bool,
}
