//! What the table allows mirroring, the gate and the guard to do, and how evidence is kept; all with defaults.

use std::time::Duration;

use serde_json_path::JsonPath;

/// `mirror.*` and `verify` of one route.
#[derive(Debug, Clone, PartialEq)]
pub struct MirrorSettings {
    /// `mirror.sample`: share of reads that is mirrored at the stages shadow and canary, `0.0..=1.0`. Default 1.
    pub sample: f64,
    /// `mirror.rate`: most mirrored requests a second, so that a small new backend can stand them; with `sample` both
    /// must let a request through. Default: no limit.
    pub rate: Option<f64>,
    /// `mirror.control`: share of mirrored reads for which the old backend is asked again after the new one, `0.0..=1.0`.
    /// Default 0.
    pub control: f64,
    /// `mirror.rehearse`: share of writes that is rehearsed where the new backend has `mirror_writes = "dry-run"`, `0.0..=1.0`.
    /// Default 0.1, because each costs its client up to `before_budget`.
    pub rehearse: f64,
    /// `mirror.before_budget`: longest that a write waits for its rehearsal. Default 50 ms.
    pub before_budget: Duration,
    /// `verify`: share of reads that is mirrored to the old backend at stage service, `0.0..=1.0`. Default 0.
    pub verify: f64,
}

impl Default for MirrorSettings {
    fn default() -> Self {
        Self {
            sample: 1.0,
            rate: None,
            control: 0.0,
            rehearse: 0.1,
            before_budget: Duration::from_millis(50),
            verify: 0.0,
        }
    }
}

/// `gate`: what evidence must show before a cutover to canary or service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateSettings {
    /// Fewest conclusive exchanges of each operation. Default 100.
    pub min_samples: u64,
    /// Least lower bound of the 95 % Wilson interval of the match rate, `0.0..=1.0`. Default 0.99.
    ///
    /// With `n` exchanges that all match the bound is `n / (n + 3.84)`: 0.99 takes 381 of them.
    pub min_match: f64,
    /// Largest p99 of the new backend over that of the old one. Default 1.5.
    pub max_latency_ratio: f64,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self { min_samples: 100, min_match: 0.99, max_latency_ratio: 1.5 }
    }
}

/// `guard`: when the proxy takes a route back by itself, at the stages canary and service.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardSettings {
    /// Sliding window. Default 10 s.
    pub window: Duration,
    /// Fewest answers of the new backend in the window before it is judged. Default 20.
    pub min_requests: u64,
    /// Largest share of failed answers (5xx, failed over, none) above the old backend's own, `0.0..=1.0`. Default 0.02.
    pub max_error_rate: f64,
    /// Largest latency of the new backend over that of the old one. Default 3.
    pub max_latency_ratio: f64,
    /// Where a JSON notice is posted when a route was taken back. Default: nowhere.
    pub webhook: Option<String>,
    /// `guard = { enabled = false }` switches it off. Default on.
    pub enabled: bool,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            min_requests: 20,
            max_error_rate: 0.02,
            max_latency_ratio: 3.0,
            webhook: None,
            enabled: true,
        }
    }
}

/// `[evidence]`: where evidence is kept, how much and how long.
#[derive(Debug, Clone)]
pub struct EvidenceSettings {
    /// `sqlite://PATH` (relative to the table's folder) or `postgres://…`. Default `sqlite://evidence.db`.
    pub url: String,
    /// How long minutes and examples are kept. Default 30 days.
    pub retention: Duration,
    /// Largest size of the store, bytes; the oldest goes first. Default 256 MiB.
    pub max_bytes: u64,
    /// Most examples kept of one fingerprint. Default 5.
    pub examples: usize,
    /// Places in bodies that are masked before anything is stored, besides those that look like secrets.
    pub mask: Vec<JsonPath>,
}

impl Default for EvidenceSettings {
    fn default() -> Self {
        Self {
            url: "sqlite://evidence.db".to_owned(),
            retention: Duration::from_hours(30 * 24),
            max_bytes: 256 << 20,
            examples: 5,
            mask: Vec::new(),
        }
    }
}

/// `[admin]`: what the admin interface may be used for besides looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AdminSettings {
    /// `allow_flips`: flips from the dashboard, with a token. Default no.
    pub allow_flips: bool,
}

/// `twin` of a backend: the two databases whose rows are compared after a mirrored write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwinSettings {
    /// The database that the old backend writes: `sqlite://PATH` or `postgres://…`.
    pub shared: String,
    /// The clone that this backend writes.
    pub clone: String,
}
