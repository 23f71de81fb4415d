//! A bound on how often something happens, kept in one atomic number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A token bucket in the form of the generic cell rate algorithm (ITU-T I.371): instead of tokens it keeps the time at
/// which the bucket will be full again.
#[derive(Debug)]
pub(super) struct Rate {
    epoch: Instant,
    /// Nanoseconds from the epoch to when the bucket is full.
    full_at: AtomicU64,
    /// Nanoseconds that a token takes to come.
    interval: u64,
    /// Nanoseconds that an empty bucket takes to be full.
    depth: u64,
}

impl Rate {
    /// At most `rate` a second (above 0), and `burst` at once after a silence.
    pub(super) fn new(rate: f64, burst: u32, epoch: Instant) -> Self {
        let interval =
            nanoseconds(Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX));
        let depth = interval.saturating_mul(u64::from(burst.max(1)));
        Self { epoch, full_at: AtomicU64::new(0), interval, depth }
    }

    /// Takes one, if there is one now.
    pub(super) fn take(&self, now: Instant) -> bool {
        let now = nanoseconds(now.saturating_duration_since(self.epoch));
        let taken = |full_at: u64| {
            let next = full_at.max(now).saturating_add(self.interval);
            (next - now <= self.depth).then_some(next)
        };
        // Nothing else is ordered by it.
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Counts so many more as taken, although none was there: later ones wait for them, but for no more than `most`.
    pub(super) fn charge(&self, count: u32, most: u32, now: Instant) {
        let now = nanoseconds(now.saturating_duration_since(self.epoch));
        let debt = |count: u32| self.interval.saturating_mul(u64::from(count));
        let latest = now.saturating_add(debt(most));
        let charged = |full_at: u64| {
            Some(full_at.max(now).saturating_add(debt(count)).min(latest).max(full_at))
        };
        // Nothing else is ordered by it, and it always succeeds.
        let _always = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charged);
    }

    /// Whether what was charged is more than has come since.
    pub(super) fn owes(&self, now: Instant) -> bool {
        let now = nanoseconds(now.saturating_duration_since(self.epoch));
        self.full_at.load(Ordering::Relaxed) > now.saturating_add(self.depth)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let start = Instant::now();
        let rate = Rate::new(10.0, 3, start);
        let at = |milliseconds| rate.take(start + Duration::from_millis(milliseconds));
        assert_eq!([at(0), at(0), at(0), at(0)], [true, true, true, false]);
        assert_eq!([at(99), at(100), at(150), at(200)], [false, true, false, true]);
        // A long silence is no credit beyond the burst.
        assert_eq!([at(90_000), at(90_000), at(90_000), at(90_000)], [true, true, true, false]);
    }

    #[test]
    fn a_rate_below_one_a_second_comes_to_one_at_last() {
        let start = Instant::now();
        let rate = Rate::new(0.001, 1, start);
        assert!(rate.take(start));
        assert!(!rate.take(start + Duration::from_secs(999)));
        assert!(rate.take(start + Duration::from_secs(1000)));
    }

    #[test]
    fn what_is_charged_is_waited_for_up_to_a_bound() {
        let start = Instant::now();
        let rate = Rate::new(10.0, 1, start);
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        rate.charge(3, 5, start);
        assert_eq!([299, 300].map(|time| rate.take(at(time))), [false, true]);
        (0..100).for_each(|_| rate.charge(3, 5, at(1000)));
        assert_eq!(
            [1499, 1500].map(|time| rate.owes(at(time)) || !rate.take(at(time))),
            [true, false]
        );
        // A long silence is no credit for what is charged after it.
        rate.charge(5, 5, at(90_000));
        assert_eq!([90_399, 90_400].map(|time| rate.owes(at(time))), [true, false]);
        assert_eq!([90_499, 90_500].map(|time| rate.take(at(time))), [false, true]);
    }

    proptest! {
        /// However requests come, no span of time has more than the burst and what the rate gives for it.
        #[test]
        fn no_span_has_more_than_its_due(
            steps in prop::collection::vec(0..50_u64, 1..300),
            per_second in 1..500_u32,
            burst in 1..20_u32,
        ) {
            let start = Instant::now();
            let rate = Rate::new(f64::from(per_second), burst, start);
            let mut milliseconds = 0;
            let mut taken = Vec::new();
            for step in steps {
                milliseconds += step;
                if rate.take(start + Duration::from_millis(milliseconds)) {
                    taken.push(milliseconds);
                }
            }
            prop_assert!(!taken.is_empty());
            for (index, from) in taken.iter().enumerate() {
                for (count, to) in taken[index..].iter().enumerate() {
                    let due = u64::from(burst) + (to - from) * u64::from(per_second) / 1000 + 1;
                    prop_assert!((count as u64) < due, "{count} more from {from} to {to}");
                }
            }
        }
    }
}
