//! What outcomes add up to: counts and latencies of one operation, in one minute or over all.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::latency::Latencies;
use super::outcome::{Compared, Failure};

/// Counts by reason.
pub(crate) type Reasons = BTreeMap<Cow<'static, str>, u64>;

/// Counts and latencies. Tallies of the same thing add up in any order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) matched: u64,
    pub(crate) mismatched: u64,
    pub(crate) inconclusive: u64,
    pub(crate) controlled: u64,
    pub(crate) new_failed_alone: u64,
    pub(crate) old_failed_alone: u64,
    /// Mirrored requests without an answer.
    pub(crate) failed: Reasons,
    /// Requests that were not mirrored or not compared; of a route, not of an operation.
    pub(crate) dropped: Reasons,
    pub(crate) old_latency: Latencies,
    pub(crate) new_latency: Latencies,
}

impl Tally {
    pub(crate) fn compared(&self) -> u64 {
        self.matched + self.mismatched + self.inconclusive
    }

    /// Mirrored requests that these counts are about.
    pub(crate) fn outcomes(&self) -> u64 {
        self.compared() + self.failed.values().sum::<u64>()
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        *self.failed.entry(Cow::Borrowed(failure.as_str())).or_default() += 1;
    }

    pub(crate) fn compare(&mut self, compared: &Compared) {
        let Compared { old, new, comparison, control, .. } = compared;
        // Both sides of the same exchanges, or the two could not be set against each other.
        self.old_latency.record(old.latency);
        self.new_latency.record(new.latency);
        self.controlled += u64::from(control.is_some());
        match (old.status.is_server_error(), new.status.is_server_error()) {
            (false, true) => self.new_failed_alone += 1,
            (true, false) => self.old_failed_alone += 1,
            _ => {}
        }
        match (comparison.differences.is_empty(), comparison.noise.is_empty()) {
            (true, true) => self.matched += 1,
            (true, false) => self.inconclusive += 1,
            (false, _) => self.mismatched += 1,
        }
    }

    /// Adds what another has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.matched += other.matched;
        self.mismatched += other.mismatched;
        self.inconclusive += other.inconclusive;
        self.controlled += other.controlled;
        self.new_failed_alone += other.new_failed_alone;
        self.old_failed_alone += other.old_failed_alone;
        add(&mut self.failed, &other.failed);
        add(&mut self.dropped, &other.dropped);
        self.old_latency.merge(&other.old_latency);
        self.new_latency.merge(&other.new_latency);
    }
}

/// Adds counts by reason.
pub(crate) fn add(reasons: &mut Reasons, more: &Reasons) {
    for (reason, count) in more {
        *reasons.entry(reason.clone()).or_default() += count;
    }
}
