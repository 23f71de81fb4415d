//! Evidence of one route on one basis, wherever it comes from: memory, the store, or both added up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use routes::admin::{BasisReport, Minute, OperationEvidence};

use super::groups::Groups;
use super::outcome::Basis;
use super::tally::{Reasons, Tally, add};
use super::wilson;

/// The name under which a route counts what belongs to none of its operations.
pub(crate) const ROUTE: &str = "";

/// The minute that stands for all minutes.
pub(crate) const ALL_MINUTES: i64 = 0;

/// Evidence of one route on one basis. Slots of the same route and basis add up in any order.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) route: Arc<str>,
    pub(crate) basis: Arc<Basis>,
    /// When the first and the last of its exchanges began.
    pub(crate) first_seen: DateTime<Utc>,
    pub(crate) last_seen: DateTime<Utc>,
    /// By minute since 1970, or [`ALL_MINUTES`], and operation, or [`ROUTE`].
    pub(crate) tallies: BTreeMap<i64, BTreeMap<Arc<str>, Tally>>,
    pub(crate) groups: BTreeMap<Arc<str>, Groups>,
}

/// What was told apart so far on one basis: bounds hold from one write to the next.
#[derive(Debug, Default)]
pub(crate) struct Known(pub(crate) BTreeMap<Arc<str>, BTreeSet<u64>>);

impl Slot {
    pub(crate) fn new(route: Arc<str>, basis: Arc<Basis>, at: DateTime<Utc>) -> Self {
        Self {
            route,
            basis,
            first_seen: at,
            last_seen: at,
            tallies: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Adds what another of the same route and basis has, with so many examples of each fingerprint.
    pub(crate) fn merge(&mut self, other: &Self, examples: usize) {
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        for (minute, theirs) in &other.tallies {
            let ours = self.tallies.entry(*minute).or_default();
            for (operation, tally) in theirs {
                ours.entry(Arc::clone(operation)).or_default().merge(tally);
            }
        }
        for (operation, groups) in &other.groups {
            self.groups.entry(Arc::clone(operation)).or_default().merge(groups, examples);
        }
    }

    /// Mirrored requests that this is about.
    pub(crate) fn outcomes(&self) -> u64 {
        self.each().map(|(_, tally)| tally.outcomes()).sum()
    }

    /// Of every operation, over all minutes.
    pub(crate) fn totals(&self) -> BTreeMap<Arc<str>, Tally> {
        let mut totals: BTreeMap<Arc<str>, Tally> = BTreeMap::new();
        for (operation, tally) in self.each() {
            totals.entry(Arc::clone(operation)).or_default().merge(tally);
        }
        totals
    }

    pub(crate) fn basis_report(&self) -> BasisReport {
        BasisReport {
            rules: format!("{:016x}", self.basis.rules),
            build: self.basis.build.as_deref().map(str::to_owned),
            since: self.first_seen,
        }
    }

    /// What was not mirrored or not compared.
    pub(crate) fn dropped(&self) -> Reasons {
        let mut dropped = Reasons::new();
        for (_, tally) in self.each() {
            add(&mut dropped, &tally.dropped);
        }
        dropped
    }

    pub(crate) fn operations(&self) -> Vec<OperationEvidence> {
        let report = |(name, tally): (Arc<str>, Tally)| OperationEvidence {
            operation: name.to_string(),
            compared: tally.compared(),
            matched: tally.matched,
            mismatched: tally.mismatched,
            inconclusive: tally.inconclusive,
            controlled: tally.controlled,
            trust: wilson::trust(tally.matched, tally.matched + tally.mismatched),
            failed: words(&tally.failed),
            new_failed_alone: tally.new_failed_alone,
            old_failed_alone: tally.old_failed_alone,
            old_latency: tally.old_latency.report(),
            new_latency: tally.new_latency.report(),
            differences: self.groups.get(&name).map(Groups::report).unwrap_or_default(),
        };
        self.totals().into_iter().filter(|(name, _)| &**name != ROUTE).map(report).collect()
    }

    /// The minutes from this one on, oldest first.
    pub(crate) fn timeline(&self, from: i64) -> Vec<Minute> {
        let from = from.max(ALL_MINUTES + 1);
        let minute = |(minute, tallies): (&i64, &BTreeMap<Arc<str>, Tally>)| {
            let mut all = Tally::default();
            for tally in tallies.values() {
                all.merge(tally);
            }
            // Requests that were not mirrored show nothing.
            (all.outcomes() > 0).then(|| Minute {
                at: DateTime::from_timestamp(minute * 60, 0).unwrap_or_default(),
                compared: all.compared(),
                matched: all.matched,
                mismatched: all.mismatched,
                inconclusive: all.inconclusive,
                failed: all.failed.values().sum(),
                old_latency: all.old_latency.report(),
                new_latency: all.new_latency.report(),
            })
        };
        self.tallies.range(from..).filter_map(minute).collect()
    }

    fn each(&self) -> impl Iterator<Item = (&Arc<str>, &Tally)> {
        self.tallies.values().flatten()
    }
}

/// The minute that a point in time is in, since 1970.
pub(crate) fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

pub(crate) fn words(reasons: &Reasons) -> BTreeMap<String, u64> {
    reasons.iter().map(|(reason, count)| (reason.to_string(), *count)).collect()
}
