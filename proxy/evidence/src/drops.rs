//! Counts what was not mirrored or not compared, by reason, without a lock: dropping is what a busy proxy does most.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use super::tally::Reasons;

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
    /// The request asks to leave HTTP: a WebSocket has no answer to compare.
    Upgrade,
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
    /// A rehearsal was answered after its write had to go on.
    Late,
    /// Rehearsals pause, because several in a row were answered late.
    Paused,
    /// The new backend gave a rehearsal up.
    GivenUp,
    /// A rehearsal's answer did not say that it was rolled back.
    NotRolledBack,
    /// Writes are no longer rehearsed, because one was not rolled back.
    WritesOff,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 20] = [
        Self::InFlight,
        Self::Bytes,
        Self::TooLarge,
        Self::ClientGone,
        Self::Unhealthy,
        Self::RequestBody,
        Self::Stream,
        Self::Upgrade,
        Self::Undecodable,
        Self::Stopped,
        Self::Control,
        Self::Busy,
        Self::PrimaryFailed,
        Self::Overlapping,
        Self::Diverged,
        Self::Late,
        Self::Paused,
        Self::GivenUp,
        Self::NotRolledBack,
        Self::WritesOff,
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
            Self::Upgrade => "upgrade",
            Self::Undecodable => "undecodable",
            Self::Stopped => "stopped",
            Self::Control => "control",
            Self::Busy => "busy",
            Self::PrimaryFailed => "primary_failed",
            Self::Overlapping => "overlapping",
            Self::Diverged => "diverged",
            Self::Late => "late",
            Self::Paused => "paused",
            Self::GivenUp => "given_up",
            Self::NotRolledBack => "not_rolled_back",
            Self::WritesOff => "writes_off",
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
    pub(crate) fn counts(&self) -> Reasons {
        self.each(|counter| counter.load(Ordering::Relaxed))
    }

    /// The same, and begins to count at nothing again.
    pub(crate) fn take(&self) -> Reasons {
        self.each(|counter| counter.swap(0, Ordering::Relaxed))
    }

    fn each(&self, read: impl Fn(&AtomicU64) -> u64) -> Reasons {
        DropReason::ALL
            .iter()
            .zip(&self.0)
            .map(|(reason, counter)| (Cow::Borrowed(reason.as_str()), read(counter)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}
