//! Money: one type of exact decimals for every area, the one rule by which it is rounded, and how columns hold it.
//!
//! A number is read by its shortest text: 0.1 is a tenth. Reckoning is exact, up to 28 digits. What is kept has seven decimal
//! places, rounded to the nearest, half to even. Columns differ in their form only:
//!
//! - own columns of [`Money`] hold whole steps of the last place, which databases compare and add exactly
//! - own columns of [`Exact`] hold the text of a price or a product with all of its digits
//! - `FLOAT` columns of the monolith hold the nearest double, and give back by its shortest text whatever has fifteen digits:
//!   every amount below a hundred million

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};
use std::str::FromStr as _;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::cell::{Cell, Fault, Float};
use super::column::{ColumnType, ColumnValue};

/// Decimal places of what is kept.
const PLACES: u32 = 7;

/// The most steps that a column holds, which is 922 thousand million units.
const MOST_STEPS: i64 = i64::MAX;

/// What a `FLOAT` column gives back is less: eight digits and seven places are the fifteen that a double has to spare.
const TOO_MUCH_FOR_FLOAT: i32 = 100_000_000;

/// An amount of money or of a token, a price, or a share in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(Decimal);

/// A figure has more digits than can be reckoned with, or is divided by nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the figures are too large to be reckoned with")]
pub struct TooLarge;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// The whole of a hundred parts.
    pub const HUNDRED: Self = Self(Decimal::ONE_HUNDRED);

    /// The amount nearest to a number, and the most or the least that is kept for a number beyond.
    pub fn of(number: f64) -> Self {
        match Self::exactly(number) {
            Some(exact) => Self::round(exact.0),
            None if number < 0.0 => Self::round(Decimal::MIN),
            None => Self::round(Decimal::MAX),
        }
    }

    /// Exactly what a number's shortest text spells, cut after 28 places; none where it is not finite or too large.
    pub fn exactly(number: f64) -> Option<Self> {
        Decimal::from_str(&number.to_string()).ok().map(|decimal| Self(decimal.normalize()))
    }

    /// So many units of the last of so many places: 25 with 3 places is 0.025.
    pub fn new(digits: i64, places: u32) -> Self {
        Self(Decimal::new(digits, places))
    }

    /// So many steps of the last place that is kept.
    pub fn steps(count: i64) -> Self {
        Self(Decimal::new(count, PLACES))
    }

    /// The amount nearest to an exact value, within what is kept.
    pub fn round(exact: Decimal) -> Self {
        let most = Decimal::new(MOST_STEPS, PLACES);
        Self(exact.round_dp(PLACES).clamp(-most, most))
    }

    /// With so many places, the rest rounded.
    #[must_use]
    pub fn rounded(self, places: u32) -> Self {
        Self(self.0.round_dp(places).normalize())
    }

    /// With the places that are kept, the rest cut off: where rounding up would give more than there is.
    #[must_use]
    pub fn cut(self) -> Self {
        Self(self.0.round_dp_with_strategy(PLACES, RoundingStrategy::ToZero).normalize())
    }

    /// The exact value.
    pub const fn exact(self) -> Decimal {
        self.0
    }

    /// The nearest double, for answers.
    pub fn number(self) -> f64 {
        // Every decimal text is a number.
        self.0.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Whether it is more than nothing.
    pub fn is_positive(self) -> bool {
        self > Self::ZERO
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Result<Self, TooLarge> {
        self.0.checked_add(other.0).map(Self).ok_or(TooLarge)
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Result<Self, TooLarge> {
        self.0.checked_sub(other.0).map(Self).ok_or(TooLarge)
    }

    /// The product, exact up to 28 digits.
    pub fn times(self, other: Self) -> Result<Self, TooLarge> {
        self.0.checked_mul(other.0).map(Self).ok_or(TooLarge)
    }

    /// The quotient, to 28 digits.
    pub fn over(self, other: Self) -> Result<Self, TooLarge> {
        self.0.checked_div(other.0).map(Self).ok_or(TooLarge)
    }

    /// The part of `whole` that it is, in percent; nothing of nothing.
    pub fn percent_of(self, whole: Self) -> Result<Self, TooLarge> {
        if whole == Self::ZERO { Ok(Self::ZERO) } else { self.times(Self::HUNDRED)?.over(whole) }
    }

    /// How far it is from `other`.
    pub fn distance(self, other: Self) -> Result<Self, TooLarge> {
        Ok(Self(self.minus(other)?.0.abs()))
    }

    /// How many steps of the last place.
    fn count(self) -> i64 {
        let mut decimal = Self::round(self.0).0;
        decimal.rescale(PLACES);
        i64::try_from(decimal.mantissa()).unwrap_or(MOST_STEPS)
    }
}

/// `FLOAT` columns, which the monolith has for money.
impl Money {
    /// What a column holds.
    pub fn column(column: &Float) -> Result<Self, TooLarge> {
        column.get().and_then(Self::exactly).ok_or(TooLarge)
    }

    /// An amount as a column holds it. More places than are kept are what binary arithmetic of another writer has left: the
    /// nearest amount counts.
    pub fn balance(column: &Float) -> Result<Self, TooLarge> {
        Ok(Self::column(column)?.rounded(PLACES))
    }

    /// The nearest double, for a column.
    pub fn to_column(self) -> Float {
        self.number().into()
    }

    /// Whether it is an amount that a column gives back as it is.
    pub fn fits_float(self) -> bool {
        self.0.normalize().scale() <= PLACES && self.0.abs() < Decimal::from(TOO_MUCH_FOR_FLOAT)
    }
}

/// The sum of many.
pub fn sum(parts: impl IntoIterator<Item = Money>) -> Result<Money, TooLarge> {
    parts.into_iter().try_fold(Money::ZERO, Money::plus)
}

/// Of amounts that are kept; what is beyond them stays at the most that is.
impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::round(self.0.saturating_add(other.0))
    }
}

/// Of amounts that are kept; what is beyond them stays at the least that is.
impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::round(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
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
        f64::deserialize(deserializer).map(Self::of)
    }
}

impl ColumnValue for Money {
    const TYPE: ColumnType = ColumnType::Money;

    fn read(cell: Cell) -> Result<Self, Fault> {
        match cell {
            Cell::Integer(count) => Ok(Self::steps(count)),
            other => Err(Fault::new(&other, "whole number of steps of money")),
        }
    }

    fn write(&self) -> Cell {
        Cell::Integer(self.count())
    }

    fn to_json(&self) -> Value {
        self.number().into()
    }
}

/// A price or a product with all of its digits, in a column of text; what is sent is read without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exact(pub Money);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let exact = Money::exactly(f64::deserialize(deserializer)?);
        exact.map(Self).ok_or_else(|| serde::de::Error::custom(TooLarge))
    }
}

impl ColumnValue for Exact {
    const TYPE: ColumnType = ColumnType::Text(None);

    fn read(cell: Cell) -> Result<Self, Fault> {
        let text = cell.clone().text()?;
        let decimal = Decimal::from_str_exact(&text);
        decimal.map(|exact| Self(Money(exact))).map_err(|_why| Fault::new(&cell, "decimal"))
    }

    fn write(&self) -> Cell {
        Cell::Text(self.0.to_string())
    }

    fn to_json(&self) -> Value {
        self.0.to_json()
    }
}

#[cfg(test)]
pub(crate) mod tests;
