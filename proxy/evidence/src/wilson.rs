//! The Wilson score interval: how sure a share is that was seen in a sample.

use routes::admin::Trust;

/// 97.5 % quantile of the normal distribution: 95 % of it lie within this many standard deviations.
pub(crate) const Z: f64 = 1.959_963_984_540_054;

/// The 95 % Wilson score interval of `hits` in `samples` (E. B. Wilson, 1927; formula 4 of
/// <https://doi.org/10.1080/01621459.1927.10502953>). Without samples nothing is known: 0 to 1.
pub fn interval(hits: u64, samples: u64) -> (f64, f64) {
    if samples == 0 {
        return (0.0, 1.0);
    }
    let n = count(samples);
    let rate = count(hits.min(samples)) / n;
    let z2 = Z * Z;
    let centre = rate + z2 / (2.0 * n);
    let spread = Z * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    (((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0))
}

/// The match rate and its interval.
pub fn trust(matched: u64, samples: u64) -> Trust {
    let (lower, upper) = interval(matched, samples);
    let rate = if samples == 0 { 0.0 } else { count(matched) / count(samples) };
    Trust { samples, rate, lower, upper }
}

/// Counts stay far below 2^53, up to which doubles are exact.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        for (hits, samples, lower, upper) in [
            (0, 10, 0.0, 0.277_533),
            (10, 10, 0.722_467, 1.0),
            (81, 263, 0.255_289, 0.366_210),
            (381, 381, 0.990_018, 1.0),
        ] {
            let found = interval(hits, samples);
            assert!((found.0 - lower).abs() < 1e-5, "{hits}/{samples}: {found:?}");
            assert!((found.1 - upper).abs() < 1e-4, "{hits}/{samples}: {found:?}");
        }
        assert_eq!(interval(0, 0), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_rate_and_narrows(hits in 0..1000_u64, more in 0..1000_u64) {
            let samples = hits + more;
            prop_assume!(samples > 0);
            let (lower, upper) = interval(hits, samples);
            let rate = trust(hits, samples).rate;
            prop_assert!(0.0 <= lower && lower <= rate + 1e-12 && rate <= upper + 1e-12 && upper <= 1.0);
            let (low10, up10) = interval(hits * 10, samples * 10);
            prop_assert!(up10 - low10 < upper - lower);
        }
    }
}
