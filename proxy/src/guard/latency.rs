//! Coarse log-linear buckets of latency, four for each doubling: close enough to compare, and cheap to keep.

use std::time::Duration;

/// How many there are: from below 64 µs to above 80 s.
pub(super) const BUCKETS: usize = 84;

/// Power of two at which the second bucket begins, microseconds.
const FIRST: u32 = 6;

/// Answers by bucket.
pub(super) type Buckets = [u64; BUCKETS];

/// The bucket of a latency.
pub(super) fn bucket(latency: Duration) -> usize {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    let Some(octave) = micros.checked_ilog2().filter(|octave| *octave >= FIRST) else { return 0 };
    let quarter = (micros >> (octave - 2)) & 3;
    let place = u64::from(octave - FIRST) * 4 + quarter + 1;
    usize::try_from(place).map_or(BUCKETS - 1, |place| place.min(BUCKETS - 1))
}

/// Where a bucket ends.
fn end(bucket: usize) -> Duration {
    let Some(place) = bucket.checked_sub(1).and_then(|place| u32::try_from(place).ok()) else {
        return Duration::from_micros(1 << FIRST);
    };
    Duration::from_micros(u64::from(5 + place % 4) << (place / 4 + FIRST - 2))
}

/// The latency that a share of the answers did not pass, up to a quarter of it too long; `None` without answers.
pub(super) fn quantile(buckets: &Buckets, share: f64) -> Option<Duration> {
    let all: u64 = buckets.iter().sum();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count below 2^53, not below zero"
    )]
    let wanted = ((all as f64 * share).ceil() as u64).max(1);
    let mut seen = 0;
    buckets
        .iter()
        .position(|count| {
            seen += count;
            seen >= wanted
        })
        .map(end)
}

/// How many answers surely took longer than that.
pub(super) fn slower_than(buckets: &Buckets, latency: Duration) -> u64 {
    buckets.iter().skip(bucket(latency) + 1).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quantile_is_where_its_bucket_ends() {
        let mut buckets = [0; BUCKETS];
        assert_eq!(quantile(&buckets, 0.9), None);
        for millis in 1..=100 {
            buckets[bucket(Duration::from_millis(millis))] += 1;
        }
        let p90 = quantile(&buckets, 0.9).unwrap();
        assert!((90..=115).contains(&p90.as_millis()), "{p90:?}");
        assert_eq!(slower_than(&buckets, Duration::from_millis(150)), 0);
        assert!(slower_than(&buckets, Duration::from_millis(40)) >= 50);
    }

    proptest! {
        #[test]
        fn a_latency_lies_in_its_bucket(micros in 0_u64..80_000_000) {
            let latency = Duration::from_micros(micros);
            let found = bucket(latency);
            prop_assert!(latency < end(found), "{latency:?} {:?}", end(found));
            if found > 0 {
                prop_assert!(latency >= end(found - 1));
                prop_assert!(end(found).as_micros() * 4 <= end(found - 1).as_micros() * 5);
            }
        }

        #[test]
        fn every_latency_has_a_bucket(nanos in any::<u64>()) {
            prop_assert!(bucket(Duration::from_nanos(nanos)) < BUCKETS);
        }
    }

    #[test]
    fn the_longest_latency_has_a_bucket() {
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }
}
