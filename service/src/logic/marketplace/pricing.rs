//! What a service costs at the moment, and who gets what of it; exact decimals.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::tables::Money;
use crate::tables::own::marketplace::Service;

/// The least base price, in thousandths.
const LEAST: i64 = 1;

/// The greatest base price.
const MOST: i32 = 1000;

/// So many jobs, and no fewer, make a service sought after.
const FEW_JOBS: i64 = 10;

/// What a price depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What the provider asks for.
    pub base_price: Money,
    /// From 0 to 10 000.
    pub reputation: i64,
    /// Jobs that were completed.
    pub completed_jobs: i64,
    /// The sum of all ratings.
    pub rating_sum: i64,
    /// How many there are.
    pub rating_count: i64,
}

/// A payment, parted: the two make it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// What the marketplace keeps: 2.5 %, rounded.
    pub fee: Money,
    /// What the provider earns.
    pub earned: Money,
}

/// A factor of a price as a fraction, so that nothing is rounded before the price itself.
#[derive(Debug, Clone, Copy)]
struct Factor {
    over: i64,
    under: i64,
}

impl Factor {
    const ONE: Self = Self { over: 1, under: 1 };

    /// Rounded, for answers.
    fn number(self) -> f64 {
        Money::round(Decimal::from(self.over) / Decimal::from(self.under)).number()
    }
}

impl Standing {
    /// That of a stored service.
    pub fn of(service: &Service) -> Self {
        Self {
            base_price: service.base_price,
            reputation: service.reputation.get().unwrap_or(0),
            completed_jobs: service.completed_jobs.get().unwrap_or(0),
            rating_sum: service.rating_sum.get().unwrap_or(0),
            rating_count: service.rating_count.get().unwrap_or(0),
        }
    }

    /// The contract's dynamic price, rounded once:
    /// `base x (1 + .5 reputation/10000) x (1 + .5 jobs/100 if jobs > 10) x (1 + .3 rating/5)`.
    pub fn price(&self) -> Money {
        let factors = [self.by_reputation(), self.by_demand(), self.by_rating()];
        let product = |part: fn(Factor) -> i64| {
            factors.iter().try_fold(Decimal::ONE, |product, factor| {
                product.checked_mul(Decimal::from(part(*factor)))
            })
        };
        let exact = product(|factor| factor.over)
            .and_then(|over| self.base_price.exact().checked_mul(over))
            .zip(product(|factor| factor.under))
            .and_then(|(over, under)| over.checked_div(under));
        Money::round(exact.unwrap_or(Decimal::MAX))
    }

    /// What a client with this budget pays.
    pub fn price_within(&self, budget: Money) -> Money {
        self.price().min(budget)
    }

    fn by_reputation(&self) -> Factor {
        Factor { over: 20_000 + self.reputation, under: 20_000 }
    }

    fn by_demand(&self) -> Factor {
        if self.completed_jobs > FEW_JOBS {
            Factor { over: 200_i64.saturating_add(self.completed_jobs), under: 200 }
        } else {
            Factor::ONE
        }
    }

    /// `.3/5` of the mean, which is the sum over the count.
    fn by_rating(&self) -> Factor {
        let Self { rating_sum: sum, rating_count: count, .. } = *self;
        if count > 0 {
            let fifties = count.saturating_mul(50);
            Factor { over: fifties.saturating_add(sum.saturating_mul(3)), under: fifties }
        } else {
            Factor::ONE
        }
    }
}

/// Why a base price is out of bounds, in the monolith's words.
pub fn out_of_bounds(base_price: Money) -> Option<&'static str> {
    if base_price < Money::new(LEAST, 3) {
        Some("Price below minimum: 0.001")
    } else if base_price > Money::from(MOST) {
        Some("Price above maximum: 1000.0")
    } else {
        None
    }
}

/// Parts a payment.
pub fn parts(payment: Money) -> Parts {
    let fee = Money::round(payment.exact() / Decimal::from(40));
    Parts { fee, earned: payment - fee }
}

/// What a service costs now, as answers show it. With a budget for which nobody can ask for it, nothing would be paid.
pub fn quote(service: &Service, budget: Option<Money>) -> Value {
    let standing = Standing::of(service);
    let price = standing.price();
    let suffices = budget.is_none_or(|budget| budget >= standing.base_price);
    let payment = suffices.then(|| budget.map_or(price, |budget| price.min(budget)));
    let parts = payment.map(parts);
    json!({
        "service_id": service.id,
        "base_price": standing.base_price.number(),
        "reputation_multiplier": standing.by_reputation().number(),
        "demand_multiplier": standing.by_demand().number(),
        "rating_multiplier": standing.by_rating().number(),
        "price": price.number(),
        "budget": budget.map(Money::number),
        "suffices": suffices,
        "payment": payment.map(Money::number),
        "fee": parts.map(|parts| parts.fee.number()),
        "earned": parts.map(|parts| parts.earned.number()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn standing(base_price: f64, reputation: i64, jobs: i64, ratings: &[i64]) -> Standing {
        Standing {
            base_price: Money::of(base_price),
            reputation,
            completed_jobs: jobs,
            rating_sum: ratings.iter().sum(),
            rating_count: i64::try_from(ratings.len()).unwrap(),
        }
    }

    #[test]
    fn the_formula_of_the_contract() {
        for (standing, price) in [
            (standing(100.0, 1000, 0, &[]), 105.0),
            (standing(100.0, 1000, 10, &[]), 105.0),
            (standing(100.0, 1000, 11, &[]), 110.775),
            (standing(100.0, 0, 0, &[5]), 130.0),
            (standing(100.0, 10_000, 100, &[5, 5]), 292.5),
            // 0.1 x 1.05 x 1.26 and a third of a star: 0.1 x 1.05 x (1 + .06 x 13/3)
            (standing(0.1, 1000, 0, &[4, 4, 5]), 0.1323),
            (standing(0.001, 1, 0, &[]), 0.001),
        ] {
            assert_eq!(standing.price(), Money::of(price), "{standing:?}");
        }
    }

    #[test]
    fn a_payment_is_no_more_than_the_budget() {
        let standing = standing(100.0, 1000, 0, &[]);
        assert_eq!(standing.price_within(Money::of(104.999_999)), Money::of(104.999_999));
        assert_eq!(standing.price_within(Money::of(500.0)), Money::of(105.0));
    }

    #[test]
    fn the_fee_is_a_fortieth() {
        for (payment, fee, earned) in
            [(105.0, 2.625, 102.375), (0.001, 0.000_025, 0.000_975), (0.000_002, 0.0, 0.000_002)]
        {
            let parts = parts(Money::of(payment));
            assert_eq!((parts.fee, parts.earned), (Money::of(fee), Money::of(earned)));
        }
    }

    #[test]
    fn the_bounds_of_base_prices_are_included() {
        for (price, problem) in [
            (0.000_999_9, Some("Price below minimum: 0.001")),
            (0.001, None),
            (1000.0, None),
            (1_000.000_000_1, Some("Price above maximum: 1000.0")),
            (-1.0, Some("Price below minimum: 0.001")),
            (1e300, Some("Price above maximum: 1000.0")),
        ] {
            assert_eq!(out_of_bounds(Money::of(price)), problem, "{price}");
        }
    }

    /// The same product as one fraction of whole steps, rounded half to even.
    fn reckoned(base: i64, standing: &Standing) -> i128 {
        let jobs = if standing.completed_jobs > 10 { standing.completed_jobs } else { 0 };
        let count = i128::from(standing.rating_count.max(1));
        let over = i128::from(base)
            * i128::from(20_000 + standing.reputation)
            * i128::from(200 + jobs)
            * (50 * count + 3 * i128::from(standing.rating_sum));
        let under = 20_000 * 200 * 50 * count;
        let (whole, rest) = (over / under, over % under);
        whole + i128::from(2 * rest > under || 2 * rest == under && whole % 2 == 1)
    }

    /// Every base price, in steps of the seventh place.
    fn base_prices() -> std::ops::RangeInclusive<i64> {
        10_000..=10_000_000_000
    }

    proptest! {
        #[test]
        fn a_price_is_exact_to_the_last_place(
            base in base_prices(), reputation in 0..=10_000_i64, jobs in 0..=100_000_i64,
            ratings in prop::collection::vec(1..=5_i64, 0..50),
        ) {
            let mut standing = standing(0.0, reputation, jobs, &ratings);
            standing.base_price = Money::steps(base);
            let steps = i64::try_from(reckoned(base, &standing)).unwrap();
            prop_assert_eq!(standing.price(), Money::steps(steps));
        }

        #[test]
        fn a_price_is_never_below_its_base_and_grows_with_everything(
            base in base_prices(), reputation in 0..10_000_i64, jobs in 0..=1_000_000_i64,
            count in 1..1_000_000_i64,
        ) {
            let one = Standing {
                base_price: Money::steps(base), reputation, completed_jobs: jobs,
                rating_sum: count * 3, rating_count: count,
            };
            let prices = [
                one.base_price,
                one.price(),
                Standing { reputation: reputation + 1, ..one }.price(),
                Standing { reputation: reputation + 1, completed_jobs: jobs + 1, ..one }.price(),
                Standing {
                    reputation: reputation + 1, completed_jobs: jobs + 1, rating_sum: count * 3 + 1, ..one
                }.price(),
            ];
            prop_assert!(prices.is_sorted(), "{:?}", prices);
        }

        #[test]
        fn nothing_of_a_payment_is_lost(steps in 0..=i64::MAX) {
            let payment = Money::steps(steps);
            let Parts { fee, earned } = parts(payment);
            prop_assert_eq!(fee + earned, payment);
            let forty_fees = fee.exact() * Decimal::from(40);
            prop_assert!((forty_fees - payment.exact()).abs() <= Decimal::new(20, 7));
        }

        #[test]
        fn no_standing_panics(
            base in any::<f64>(), reputation in 0..=10_000_i64, jobs in any::<i64>(),
            sum in any::<i64>(), count in any::<i64>(),
        ) {
            let base_price = Money::of(base);
            let budget = Money::of(1e6);
            let standing = Standing { base_price, reputation, completed_jobs: jobs, rating_sum: sum, rating_count: count };
            prop_assert!(standing.price_within(budget) <= budget);
        }
    }
}
