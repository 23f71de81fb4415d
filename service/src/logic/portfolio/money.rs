//! Amounts, prices and values as exact decimals: what columns and requests hold as doubles is read by its digits.

use std::fmt;
use std::str::FromStr as _;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer};

use super::Refusal;
use crate::tables::Float;

/// The places of an amount after the point. With eight digits before it that is fifteen, and every decimal of so many is
/// the shortest text of a double: a `FLOAT` column gives back exactly what was put into it, and so it does with sums.
const PLACES: u32 = 7;

/// Every amount is less.
const TOO_MUCH: i32 = 100_000_000;

/// The most digits of a price, and the most places: amount times price is exact, too (27 digits of 28, 19 places of 28).
const PRICE_DIGITS: u32 = 12;

/// An amount of a token, a price, a value or a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(Decimal);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// The whole of a hundred parts.
    pub const HUNDRED: Self = Self(Decimal::ONE_HUNDRED);

    /// The number that a double's shortest text spells, cut after 28 places; none where it is not finite or too large.
    pub fn of(double: f64) -> Option<Self> {
        Decimal::from_str(&double.to_string()).ok().map(|decimal| Self(decimal.normalize()))
    }

    /// What a column holds.
    pub fn column(column: &Float) -> Result<Self, Refusal> {
        column.get().and_then(Self::of).ok_or(Refusal::OutOfRange)
    }

    /// An amount as a column holds it. More places than an amount has are what binary arithmetic of another writer has left:
    /// the nearest amount counts.
    pub fn balance(column: &Float) -> Result<Self, Refusal> {
        Ok(Self::column(column)?.rounded(PLACES))
    }

    /// The nearest double.
    pub fn double(self) -> f64 {
        self.0.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The nearest double, for a column.
    pub fn to_column(self) -> Float {
        self.double().into()
    }

    /// Whether a column gives it back as it is.
    pub fn is_amount(self) -> bool {
        self.0.normalize().scale() <= PLACES && self.0.abs() < Decimal::from(TOO_MUCH)
    }

    /// Whether products of it with amounts are exact.
    pub fn is_price(self) -> bool {
        let price = self.0.normalize();
        price.mantissa().unsigned_abs() < 10_u128.pow(PRICE_DIGITS) && price.scale() <= PRICE_DIGITS
    }

    /// Whether it is more than nothing.
    pub fn is_positive(self) -> bool {
        self > Self::ZERO
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Result<Self, Refusal> {
        self.0.checked_add(other.0).map(Self).ok_or(Refusal::OutOfRange)
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Result<Self, Refusal> {
        self.0.checked_sub(other.0).map(Self).ok_or(Refusal::OutOfRange)
    }

    /// The product; exact up to 28 digits.
    pub fn times(self, other: Self) -> Result<Self, Refusal> {
        self.0.checked_mul(other.0).map(Self).ok_or(Refusal::OutOfRange)
    }

    /// The quotient, to 28 digits.
    pub fn over(self, other: Self) -> Result<Self, Refusal> {
        self.0.checked_div(other.0).map(Self).ok_or(Refusal::OutOfRange)
    }

    /// The part of `whole` that it is, in percent; nothing of nothing.
    pub fn percent_of(self, whole: Self) -> Result<Self, Refusal> {
        if whole == Self::ZERO { Ok(Self::ZERO) } else { self.times(Self::HUNDRED)?.over(whole) }
    }

    /// How far it is from `other`.
    pub fn distance(self, other: Self) -> Result<Self, Refusal> {
        Ok(Self(self.minus(other)?.0.abs()))
    }

    /// With so many places, the rest rounded.
    #[must_use]
    pub fn rounded(self, places: u32) -> Self {
        Self(self.0.round_dp(places).normalize())
    }

    /// With the places of an amount, the rest cut off.
    #[must_use]
    pub fn cut(self) -> Self {
        Self(self.0.round_dp_with_strategy(PLACES, RoundingStrategy::ToZero).normalize())
    }
}

/// The sum of many.
pub fn sum(parts: impl IntoIterator<Item = Money>) -> Result<Money, Refusal> {
    parts.into_iter().try_fold(Money::ZERO, Money::plus)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl From<i32> for Money {
    fn from(whole: i32) -> Self {
        Self(whole.into())
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let double = f64::deserialize(deserializer)?;
        Self::of(double).ok_or_else(|| serde::de::Error::custom("a number out of range"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The amount that a text spells.
    pub(crate) fn money(text: &str) -> Money {
        Money(Decimal::from_str(text).unwrap().normalize())
    }

    /// Every amount.
    pub(crate) fn amounts() -> impl Strategy<Value = Money> {
        (1_i64..1_000_000_000_000_000).prop_map(|n| Money(Decimal::new(n, PLACES).normalize()))
    }

    /// Prices with up to twelve digits and twelve places.
    pub(crate) fn prices() -> impl Strategy<Value = Money> {
        (1_i64..1_000_000_000_000, 0_u32..=PRICE_DIGITS)
            .prop_map(|(digits, places)| Money(Decimal::new(digits, places).normalize()))
    }

    #[test]
    fn doubles_are_read_by_their_digits() {
        for (double, text) in [
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-7, "0.0000001"),
            (1e21, "1000000000000000000000"),
            (-2.5, "-2.5"),
            (5e-324, "0"),
        ] {
            assert_eq!(Money::of(double).map(|m| m.to_string()).as_deref(), Some(text));
        }
        for double in [f64::NAN, f64::INFINITY, 1e29] {
            assert_eq!(Money::of(double), None);
        }
    }

    #[test]
    fn what_binary_arithmetic_has_left_of_a_balance_is_what_was_meant() {
        for (double, text) in [
            (0.1 + 0.2, "0.3"),
            (1.0 - 0.9, "0.1"),
            (0.3 - 0.1 - 0.2, "0"),
            (1_000_000.1, "1000000.1"),
        ] {
            assert_eq!(Money::balance(&double.into()), Ok(money(text)));
        }
        assert!(Money::balance(&f64::NAN.into()).is_err());
    }

    #[test]
    fn amounts_and_prices_have_so_many_digits() {
        for (text, is_amount, is_price) in [
            ("0.0000001", true, true),
            ("0.00000001", false, true),
            ("0.0000000000001", false, false),
            ("99999999.9999999", true, false),
            ("100000000", false, true),
            ("-99999999.5", true, true),
            ("1234567890123", false, false),
        ] {
            let money = money(text);
            assert_eq!((money.is_amount(), money.is_price()), (is_amount, is_price), "{text}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused_and_never_panics() {
        let large = money("70000000000000000000000000000");
        assert_eq!(large.plus(large), Err(Refusal::OutOfRange));
        assert_eq!(large.times(large), Err(Refusal::OutOfRange));
        assert_eq!(large.over(money("0.0001")), Err(Refusal::OutOfRange));
        assert_eq!(large.over(Money::ZERO), Err(Refusal::OutOfRange));
        assert_eq!(large.percent_of(Money::ZERO), Ok(Money::ZERO));
    }

    proptest! {
        #[test]
        fn a_column_gives_back_the_amount_that_was_put_into_it(amount in amounts()) {
            prop_assert!(amount.is_amount());
            prop_assert_eq!(Money::column(&amount.to_column()), Ok(amount));
            prop_assert_eq!(Money::balance(&amount.to_column()), Ok(amount));
        }

        #[test]
        fn columns_of_sums_are_exact(one in amounts(), other in amounts()) {
            let sum = one.plus(other).unwrap();
            prop_assert_eq!(sum.is_amount(), sum < money("100000000"));
            prop_assert!(one.minus(other).unwrap().is_amount());
        }

        #[test]
        fn amount_times_price_is_exact(amount in amounts(), price in prices()) {
            let value = amount.times(price).unwrap();
            let exact = amount.0.mantissa() * price.0.mantissa();
            let scale = amount.0.scale() + price.0.scale();
            prop_assert_eq!(value.0, Decimal::from_i128_with_scale(exact, scale));
        }

        #[test]
        fn a_cut_amount_is_no_more_and_less_than_a_step_away(whole in amounts(), price in prices()) {
            let wanted = whole.over(price).unwrap();
            let cut = wanted.cut();
            prop_assert!(cut <= wanted && wanted.minus(cut).unwrap() < money("0.0000001"));
            prop_assert_eq!(cut.is_amount(), wanted < money("100000000"));
        }
    }
}
