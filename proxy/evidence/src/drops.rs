//! Counts what was not mirrored or not compared, by reason, without a lock: dropping is what a busy proxy does most.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a request was not mirrored, or its answers not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// As many mirrored exchanges as allowed were in flight.
    InFlight,
    /// As many captured bytes as allowed were held.
    Bytes,
    /// A body is too large to compare.
    TooLarge,
    /// The client left, or the primary failed, before the answer's end.
    ClientGone,
    /// No server of the other backend is healthy.
    Unhealthy,
    /// The request has a body, which is not captured.
    RequestBody,
    /// The answer is a stream of events without an end.
    Stream,
    /// The primary's body is not what its content coding says.
    Undecodable,
    /// The mirror is not running: starting or stopping.
    Stopped,
    /// The old backend did not answer the control request, or not so that it could be compared.
    Control,
    /// The machine has no time to spare: copies would be felt by the client.
    Busy,
    /// The primary failed at a write (5xx), so that nobody knows how much of it was done.
    PrimaryFailed,
    /// A write to the same object was at the primary at the same time: which came first is not known.
    Overlapping,
    /// A write to the same object did not reach the twin, or failed there.
    Diverged,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::InFlight,
        Self::Bytes,
        Self::TooLarge,
        Self::ClientGone,
        Self::Unhealthy,
        Self::RequestBody,
        Self::Stream,
        Self::Undecodable,
        Self::Stopped,
        Self::Control,
        Self::Busy,
        Self::PrimaryFailed,
        Self::Overlapping,
        Self::Diverged,
    ];

    /// The word of reports and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Bytes => "bytes",
            Self::TooLarge => "too_large",
            Self::ClientGone => "client_gone",
            Self::Unhealthy => "unhealthy",
            Self::RequestBody => "request_body",
            Self::Stream => "stream",
            Self::Undecodable => "undecodable",
            Self::Stopped => "stopped",
            Self::Control => "control",
            Self::Busy => "busy",
            Self::PrimaryFailed => "primary_failed",
            Self::Overlapping => "overlapping",
            Self::Diverged => "diverged",
        }
    }
}

/// One counter for each reason.
#[derive(Debug, Default)]
pub struct Drops([AtomicU64; DropReason::ALL.len()]);

impl Drops {
    /// Counts one.
    pub fn add(&self, reason: DropReason) {
        if let Some(counter) = self.0.get(reason as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reasons that were seen, with their counts.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        DropReason::ALL
            .iter()
            .zip(&self.0)
            .map(|(reason, count)| (reason.as_str().to_owned(), count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    pub(super) fn reset(&self) {
        for counter in &self.0 {
            counter.store(0, Ordering::Relaxed);
        }
    }
}
