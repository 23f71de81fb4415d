//! What ratings make of an agent's reputation, and of a service's place among others.

/// The reputation of an agent that nobody has rated.
pub const AT_FIRST: i64 = 1000;

/// Who has less lists nothing.
pub const LEAST_TO_LIST: i64 = 500;

/// The highest reputation, at which the multiplier of prices is 1.5. The monolith dropped every change, so it had no bounds.
pub const MOST: i64 = 10_000;

/// Reputation that one step of a rating is worth.
const WEIGHT: i64 = 100;

/// The rating that changes nothing.
const INDIFFERENT: i64 = 3;

/// A step of the mean rating in places: more than any reputation.
const RATING_STEP: i64 = MOST + 1;

/// The mean is told apart to so many parts of a star.
const PARTS: i64 = 1_000_000;

/// The reputation of an agent after a rating from 1 to 5, within 0 and [`MOST`].
pub fn after(reputation: i64, rating: i64) -> i64 {
    reputation.saturating_add((rating - INDIFFERENT) * WEIGHT).clamp(0, MOST)
}

/// Whether a guild takes somebody: with half its own reputation.
pub const fn suffices(reputation: i64, of_guild: i64) -> bool {
    reputation >= of_guild / 2
}

/// The mean of ratings; 0 for none.
pub fn mean(sum: i64, count: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "nobody is rated 2^53 times")]
    if count > 0 { sum as f64 / count as f64 } else { 0.0 }
}

/// Where a service stands in search results, the smallest first: by mean rating, then by reputation, both descending.
pub fn place(sum: i64, count: i64, reputation: i64) -> i64 {
    let mean = sum.saturating_mul(PARTS).checked_div(count).unwrap_or(0);
    -(mean * RATING_STEP + reputation)
}

/// The places that services with at least this mean rating have: no greater than this.
pub fn last_place(min_rating: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a rating within 0 and 5, in millionths"
    )]
    let mean = (min_rating.clamp(0.0, 6.0) * PARTS as f64).round() as i64;
    -(mean * RATING_STEP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rating_is_worth_what_the_contract_says() {
        let changes = [1, 2, 3, 4, 5].map(|rating| after(1000, rating) - 1000);
        assert_eq!(changes, [-200, -100, 0, 100, 200]);
        assert_eq!((after(100, 1), after(9_900, 5)), (0, MOST));
    }

    #[test]
    fn half_is_rounded_down() {
        assert!(suffices(500, 1001) && !suffices(499, 1001));
    }

    #[test]
    fn a_mean_in_millionths_is_met_by_itself() {
        for (sum, count) in [(9, 2), (13, 3), (14, 3), (5, 1), (1, 1), (22, 7)] {
            let rounded = (mean(sum, count) * 1e6).floor() / 1e6;
            assert!(place(sum, count, 0) <= last_place(rounded), "{sum}/{count}");
            assert!(place(sum, count, 0) > last_place(rounded + 1e-6), "{sum}/{count}");
        }
        assert_eq!(place(0, 0, 1000), -1000);
    }

    proptest! {
        #[test]
        fn a_reputation_stays_within_bounds(start in 0..=MOST, ratings in prop::collection::vec(1..=5_i64, 0..200)) {
            let end = ratings.into_iter().fold(start, after);
            prop_assert!((0..=MOST).contains(&end));
        }

        #[test]
        fn places_are_in_the_order_of_rating_and_reputation(
            one in (0..=500_i64, 100..=100_i64, 0..=MOST),
            other in (0..=500_i64, 100..=100_i64, 0..=MOST),
        ) {
            let by_place = place(other.0, other.1, other.2).cmp(&place(one.0, one.1, one.2));
            prop_assert_eq!(by_place, (one.0, one.2).cmp(&(other.0, other.2)));
        }
    }
}
