//! What running a step costs: exact amounts, prices by the million tokens, and a budget that is never passed.
//!
//! These amounts are not [`Money`](crate::tables::Money), which keeps seven places: one token costs less than that.

use std::fmt;

/// Parts of one unit of the currency: prices to the millionth by the million tokens come out whole.
const PARTS: u64 = 1_000_000_000_000;
const DIGITS: usize = 12;

/// An exact amount of money, in 10⁻¹² of the currency's unit. Sums stop at the greatest amount, 18 million units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cost(u64);

impl Cost {
    /// The amount in a column, where the monolith's schema has a float. Amounts below 2000 units come back exactly.
    /// Nothing for what is no amount: negative, infinite or no number.
    pub fn from_float(amount: f64) -> Option<Self> {
        const GREATEST: f64 = 18_000_000.0;
        if !(0.0..GREATEST).contains(&amount) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above: not negative, and the product is below 2^64"
        )]
        let parts = (amount * 1e12).round() as u64;
        Some(Self(parts))
    }

    /// The amount as the column takes it.
    pub fn to_float(self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the column is a float; below 2000 units nothing is lost"
        )]
        let parts = self.0 as f64;
        parts / 1e12
    }

    /// This and another amount.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left of this when another amount is taken; nothing where there is not so much.
    pub fn less(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = format!("{:0width$}", self.0 % PARTS, width = DIGITS);
        let rest = rest.trim_end_matches('0');
        if rest.is_empty() {
            write!(f, "{}", self.0 / PARTS)
        } else {
            write!(f, "{}.{rest}", self.0 / PARTS)
        }
    }
}

/// A price: so many 10⁻¹² units for one token, which is so many millionths for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price(u64);

impl Price {
    /// Reads a decimal number of units by the million tokens, with up to six decimals, below a million.
    pub fn parse(text: &str) -> Result<Self, String> {
        const WRONG: &str = "is no price for a million tokens; give a decimal number below 1000000 with up to six decimals";
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = (1..=6).contains(&whole.len()) && rest.len() <= 6;
        if !plain || !digits(whole) || !digits(rest) || text.ends_with('.') {
            return Err(WRONG.to_owned());
        }
        format!("{whole}{rest:0<6}").parse().map(Self).map_err(|_why| WRONG.to_owned())
    }

    /// What so many tokens cost.
    pub const fn of(self, tokens: u64) -> Cost {
        Cost(self.0.saturating_mul(tokens))
    }

    /// The most tokens that this amount pays for; none where tokens cost nothing, so that there is no most.
    pub const fn tokens_for(self, amount: Cost) -> Option<u64> {
        amount.0.checked_div(self.0)
    }
}

/// What tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prices {
    /// Of tokens that are sent.
    pub input: Price,
    /// Of tokens that come back.
    pub output: Price,
}

impl Prices {
    /// What a call costs.
    pub const fn of(self, sent: u64, received: u64) -> Cost {
        self.input.of(sent).plus(self.output.of(received))
    }

    /// The most tokens that may come back, `wanted` at most, so that a call stays within what is left of a budget even
    /// where each byte that is sent counts as a token. Nothing where not even one can be paid for.
    pub fn affordable(self, remaining: Option<Cost>, sent_bytes: u64, wanted: u64) -> Option<u64> {
        let Some(remaining) = remaining else { return Some(wanted) };
        let left = remaining.less(self.input.of(sent_bytes))?;
        let tokens = self.output.tokens_for(left).map_or(wanted, |most| most.min(wanted));
        (tokens > 0).then_some(tokens)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prices(input: &str, output: &str) -> Prices {
        Prices { input: Price::parse(input).unwrap(), output: Price::parse(output).unwrap() }
    }

    #[test]
    fn prices_are_exact() {
        let prices = prices("0.15", "0.6");
        assert_eq!(prices.of(1_000_000, 0).to_string(), "0.15");
        assert_eq!(prices.of(1, 1).to_string(), "0.00000075");
        assert_eq!(prices.of(0, 0).to_string(), "0");
        assert_eq!(Price::parse("12").unwrap().of(1_000_000).to_string(), "12");
        for wrong in ["", ".", "1.", "-1", "1e3", "1.0000001", "1000000", "x", "١"] {
            assert!(Price::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_amount_is_none() {
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(Cost::from_float(wrong), None);
        }
        assert_eq!(Cost::from_float(0.0), Some(Cost::default()));
    }

    #[test]
    fn without_prices_there_is_no_limit() {
        let free = Prices::default();
        assert_eq!(free.affordable(Cost::from_float(0.0), 1000, 64), Some(64));
        assert_eq!(prices("1", "1").affordable(None, 1000, 64), Some(64));
        assert_eq!(prices("1", "1").affordable(Cost::from_float(0.001), 1000, 64), None);
        assert_eq!(prices("1", "1").affordable(Cost::from_float(0.00101), 1000, 64), Some(10));
    }

    proptest! {
        #[test]
        fn amounts_survive_the_column(parts in 0_u64..2_000_000_000_000_000) {
            prop_assert_eq!(Cost::from_float(Cost(parts).to_float()), Some(Cost(parts)));
        }

        #[test]
        fn what_is_affordable_is_within_the_budget(
            input in 0_u64..100_000_000, output in 0_u64..100_000_000, budget in 0_u64..u64::MAX / 4,
            bytes in 0_u64..1_000_000, wanted in 1_u64..100_000,
        ) {
            let prices = Prices { input: Price(input), output: Price(output) };
            if let Some(tokens) = prices.affordable(Some(Cost(budget)), bytes, wanted) {
                prop_assert!((1..=wanted).contains(&tokens));
                prop_assert!(prices.of(bytes, tokens) <= Cost(budget));
            }
        }
    }
}
