//! What the demo's clients saw, counted by act.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Failures that are kept in words.
const KEPT_FAILURES: usize = 5;
/// Longest latency that is told apart, microseconds.
const LONGEST: u64 = 60_000_000;

/// Who answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    /// The answer had the stand-in monolith's mark.
    Old,
    /// The answer had no mark.
    New,
}

/// One act's counts.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Of the act.
    pub(super) name: &'static str,
    latency: Histogram<u64>,
    failed: u64,
    /// The first failures, in words.
    pub(super) failures: Vec<String>,
    sides: BTreeMap<Side, u64>,
    /// Which sides each client was answered by.
    clients: BTreeMap<String, BTreeSet<Side>>,
}

/// One act's figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) act: &'static str,
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) answered_by_old: u64,
    pub(super) answered_by_new: u64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl Tally {
    /// Nothing counted yet.
    pub(super) fn new(name: &'static str) -> Option<Self> {
        let latency = Histogram::new_with_bounds(1, LONGEST, 3).ok()?;
        Some(Self {
            name,
            latency,
            failed: 0,
            failures: Vec::new(),
            sides: BTreeMap::new(),
            clients: BTreeMap::new(),
        })
    }

    /// Counts one request.
    pub(super) fn count(&mut self, client: &str, took: Duration, result: Result<Side, String>) {
        self.latency.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST));
        match result {
            Ok(side) => {
                *self.sides.entry(side).or_default() += 1;
                self.clients.entry(client.to_owned()).or_default().insert(side);
            }
            Err(failure) => {
                self.failed += 1;
                if self.failures.len() < KEPT_FAILURES {
                    self.failures.push(format!("{client}: {failure}"));
                }
            }
        }
    }

    /// Adds another act's counts.
    pub(super) fn add(&mut self, other: &Self) {
        // Both have the same bounds, so that nothing is lost.
        let _same_bounds = self.latency.add(&other.latency);
        self.failed += other.failed;
        let room = KEPT_FAILURES.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.iter().take(room).cloned());
        for (side, count) in &other.sides {
            *self.sides.entry(*side).or_default() += count;
        }
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.latency.len()
    }

    /// Requests that failed.
    pub(super) fn failed(&self) -> u64 {
        self.failed
    }

    /// Requests that this side answered.
    pub(super) fn answered_by(&self, side: Side) -> u64 {
        self.sides.get(&side).copied().unwrap_or_default()
    }

    /// Clients that were answered by a side that is not theirs.
    pub(super) fn astray(&self, wanted: impl Fn(&str) -> Side) -> usize {
        let strayed = self
            .clients
            .iter()
            .filter(|(client, sides)| sides.iter().any(|side| *side != wanted(client)));
        strayed.count()
    }

    /// Clients that were answered at all.
    pub(super) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Median and 99th percentile of the answers' latency in milliseconds, and the counts.
    pub(super) fn figures(&self) -> Figures {
        Figures {
            act: self.name,
            requests: self.requests(),
            failed: self.failed,
            answered_by_old: self.answered_by(Side::Old),
            answered_by_new: self.answered_by(Side::New),
            p50_ms: self.milliseconds(0.5),
            p99_ms: self.milliseconds(0.99),
        }
    }

    fn milliseconds(&self, quantile: f64) -> f64 {
        let time = Duration::from_micros(self.latency.value_at_quantile(quantile));
        flip::follow::milliseconds(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_what_was_counted() {
        let mut tally = Tally::new("one").unwrap();
        for number in 1..=100 {
            tally.count("a", Duration::from_millis(number), Ok(Side::Old));
        }
        tally.count("b", Duration::from_millis(1), Ok(Side::New));
        tally.count("b", Duration::from_mins(15), Err("reset".to_owned()));
        let figures = tally.figures();
        assert_eq!((figures.requests, figures.failed), (102, 1));
        assert_eq!((figures.answered_by_old, figures.answered_by_new), (100, 1));
        assert!((49.0..=52.0).contains(&figures.p50_ms), "{}", figures.p50_ms);
        assert_eq!(tally.failures, ["b: reset"]);
        assert_eq!(tally.astray(|_| Side::Old), 1);
        assert_eq!(tally.astray(|client| if client == "a" { Side::Old } else { Side::New }), 0);
    }

    #[test]
    fn sums_have_everything() {
        let mut sum = Tally::new("all").unwrap();
        for _ in 0..3 {
            let mut act = Tally::new("act").unwrap();
            act.count("a", Duration::from_millis(2), Ok(Side::New));
            act.count("a", Duration::from_millis(2), Err("x".to_owned()));
            sum.add(&act);
        }
        assert_eq!((sum.requests(), sum.failed(), sum.answered_by(Side::New)), (6, 3, 3));
        assert_eq!(sum.failures.len(), 3);
    }
}
