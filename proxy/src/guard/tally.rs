//! What requests leave behind for the guard: plain counters that only grow, so that counting takes no lock, no memory
//! and no clock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::latency::{BUCKETS, Buckets, bucket};

/// The counters of one route in one generation.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Requests that went to the old backend first.
    pub(crate) old: Side,
    /// Requests that went to the new backend first, whoever answered in the end.
    pub(crate) new: Side,
}

/// The counters of one backend.
#[derive(Debug)]
pub(crate) struct Side {
    answered: AtomicU64,
    failed: AtomicU64,
    latency: [AtomicU64; BUCKETS],
}

/// What counters say, or how far they have moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) answered: u64,
    pub(super) failed: u64,
    pub(super) latency: Buckets,
}

impl Default for Side {
    fn default() -> Self {
        Self {
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            latency: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }
}

impl Default for Reading {
    fn default() -> Self {
        Self { answered: 0, failed: 0, latency: [0; BUCKETS] }
    }
}

impl Side {
    /// Counts one request. `latency`: until the answer's header; `None` where there is none to judge.
    pub(crate) fn record(&self, is_failed: bool, latency: Option<Duration>) {
        if let Some(counter) = latency.and_then(|latency| self.latency.get(bucket(latency))) {
            counter.fetch_add(1, Relaxed);
        }
        // Before `answered`, so that a reading never has more failures than answers but for the one in between.
        if is_failed {
            self.failed.fetch_add(1, Relaxed);
        }
        self.answered.fetch_add(1, Relaxed);
    }

    /// How far the counters have moved since the last reading, which becomes the present one.
    pub(super) fn since(&self, last: &mut Reading) -> Reading {
        let mut moved = Reading::default();
        let step = |counter: &AtomicU64, last: &mut u64| {
            let now = counter.load(Relaxed);
            now.saturating_sub(std::mem::replace(last, now))
        };
        moved.answered = step(&self.answered, &mut last.answered);
        moved.failed = step(&self.failed, &mut last.failed);
        let places = self.latency.iter().zip(&mut last.latency).zip(&mut moved.latency);
        for ((counter, last), moved) in places {
            *moved = step(counter, last);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_what_came_since_the_last_one() {
        let side = Side::default();
        let mut last = Reading::default();
        side.record(true, None);
        side.record(false, Some(Duration::from_millis(3)));
        let moved = side.since(&mut last);
        assert_eq!((moved.answered, moved.failed), (2, 1));
        assert_eq!(moved.latency[bucket(Duration::from_millis(3))], 1);
        side.record(false, None);
        let moved = side.since(&mut last);
        assert_eq!((moved.answered, moved.failed, moved.latency), (1, 0, [0; BUCKETS]));
        assert_eq!(side.since(&mut last), Reading::default());
    }

    #[test]
    fn counting_takes_no_memory() {
        let side = Side::default();
        let used = allocation_counter::measure(|| {
            for millis in 0..100 {
                side.record(millis % 3 == 0, Some(Duration::from_millis(millis)));
            }
        });
        assert_eq!(used.count_total, 0);
    }
}
