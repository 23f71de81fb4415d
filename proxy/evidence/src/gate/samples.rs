//! How many samples it takes until a match rate can be relied on.

use crate::wilson::Z;

/// Fewest samples at which the Wilson lower bound of this match rate reaches `wanted`; `None` where no number does, because
/// the rate is not above it.
///
/// The bound is at least `m` exactly where `m` is within `Z` standard errors below the rate `p`, with the standard error
/// taken at `m`: `p - m >= Z * sqrt(m * (1 - m) / n)`, which gives `n >= Z^2 * m * (1 - m) / (p - m)^2`.
pub(super) fn enough(rate: f64, wanted: f64) -> Option<u64> {
    if wanted <= 0.0 {
        return Some(0);
    }
    let above = rate - wanted;
    if above <= 0.0 {
        return None;
    }
    let samples = (Z * Z * wanted * (1.0 - wanted) / (above * above)).ceil();
    // Nobody waits for more: the rate is as good as not above.
    if samples > 1e12 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number between 0 and 10^12"
    )]
    Some(samples as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wilson;

    #[test]
    fn known_sizes() {
        for (rate, wanted, samples) in [
            (1.0, 0.99, Some(381)),
            (1.0, 0.999, Some(3838)),
            (1.0, 0.9, Some(35)),
            (0.995, 0.99, Some(1522)),
            (0.99, 0.99, None),
            (0.5, 0.99, None),
            (0.5, 0.0, Some(0)),
        ] {
            assert_eq!(enough(rate, wanted), samples, "{rate} {wanted}");
        }
    }

    proptest! {
        /// At the number the bound is reached, and with one sample less it is not: checked at rates that exist at both.
        #[test]
        fn the_number_is_the_least(wanted in 0.01..0.999) {
            let samples = enough(1.0, wanted).unwrap();
            prop_assert!(wilson::interval(samples, samples).0 >= wanted - 1e-9);
            prop_assert!(samples == 1 || wilson::interval(samples - 1, samples - 1).0 < wanted + 1e-9);
        }

        #[test]
        fn the_present_rate_reaches_the_bound(
            missed in 1_u64..50,
            times in 2_u64..2000,
            wanted in 0.5..0.999,
        ) {
            let samples = missed * times;
            let rate = wilson::trust(samples - missed, samples).rate;
            prop_assume!(rate - wanted > 1e-4);
            let needed = enough(rate, wanted).unwrap();
            // The next number of samples at which the rate is exactly the present one.
            let rounds = needed.div_ceil(times).max(1);
            let lower = wilson::interval(rounds * (times - 1), rounds * times).0;
            prop_assert!(lower >= wanted - 1e-9, "{lower} of {}", rounds * times);
        }
    }
}
