//! Money: exact decimals inside, whole millionths in columns, numbers in answers.

use std::iter::Sum;
use std::ops::{Add, Sub};
use std::str::FromStr as _;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::cell::{Cell, Fault};
use super::column::{ColumnType, ColumnValue};

/// Decimal places of every amount.
const PLACES: u32 = 6;

/// The largest amount that a column holds, in millionths.
const MOST: i64 = i64::MAX;

/// An amount of money with six decimal places. What has more is rounded to the nearest, half to even; what no column holds is
/// kept at the largest that one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(Decimal);

impl Amount {
    /// No money.
    pub const NOTHING: Self = Self(Decimal::ZERO);

    /// The amount of a number, read as the shortest decimal text that stands for it: 0.1 is a tenth.
    pub fn of(number: f64) -> Self {
        match Decimal::from_str(&number.to_string()) {
            Ok(decimal) => Self::round(decimal),
            Err(_too_large) if number < 0.0 => Self::round(Decimal::MIN),
            Err(_too_large) => Self::round(Decimal::MAX),
        }
    }

    /// So many millionths.
    pub fn millionths(count: i64) -> Self {
        Self(Decimal::new(count, PLACES))
    }

    /// The amount nearest to an exact value.
    pub fn round(exact: Decimal) -> Self {
        let most = Decimal::new(MOST, PLACES);
        Self(exact.round_dp(PLACES).clamp(-most, most))
    }

    /// The exact value.
    pub const fn exact(self) -> Decimal {
        self.0
    }

    /// The number in answers.
    pub fn number(self) -> f64 {
        // Every decimal text is a number.
        self.0.to_string().parse().unwrap_or_default()
    }

    /// How many millionths.
    fn count(self) -> i64 {
        let mut decimal = self.0;
        decimal.rescale(PLACES);
        i64::try_from(decimal.mantissa()).unwrap_or(MOST)
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        // Two amounts are far from what a decimal holds.
        Self::round(self.0 + other.0)
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::round(self.0 - other.0)
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::of)
    }
}

impl ColumnValue for Amount {
    const TYPE: ColumnType = ColumnType::Money;

    fn read(cell: Cell) -> Result<Self, Fault> {
        match cell {
            Cell::Integer(count) => Ok(Self::millionths(count)),
            other => Err(Fault::new(&other, "amount in millionths")),
        }
    }

    fn write(&self) -> Cell {
        Cell::Integer(self.count())
    }

    fn to_json(&self) -> Value {
        self.number().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (number, count) in [
            (0.1, 100_000),
            (0.001, 1_000),
            (1000.0, 1_000_000_000),
            (0.1 + 0.2, 300_000),
            (-1.5, -1_500_000),
            (0.000_000_5, 0),
            (0.000_001_5, 2),
            (0.000_002_5, 2),
            (5e-324, 0),
            (1e300, i64::MAX),
            (-1e300, -i64::MAX),
            (9.3e12, i64::MAX),
        ] {
            assert_eq!(Amount::of(number).write(), Cell::Integer(count), "{number}");
        }
        assert_eq!(Amount::of(10.0).to_json(), json!(10.0));
        assert_eq!(Amount::of(0.000_025).to_json(), json!(0.000_025));
    }

    #[test]
    fn sums_stay_within_what_a_column_holds() {
        let most = Amount::of(1e300);
        assert_eq!((most + most, most - most), (most, Amount::default()));
        assert_eq!([0.1, 0.2].map(Amount::of).into_iter().sum::<Amount>(), Amount::of(0.3));
    }

    proptest! {
        #[test]
        fn what_is_stored_reads_back(count in -i64::MAX..=i64::MAX) {
            let amount = Amount::millionths(count);
            prop_assert_eq!(amount.write(), Cell::Integer(count));
            prop_assert_eq!(Amount::read(amount.write()), Ok(amount));
        }

        // Doubles have 15 decimal digits to spare.
        #[test]
        fn what_is_sent_is_what_was_meant(count in -999_999_999_999_999..=999_999_999_999_999_i64) {
            let amount = Amount::millionths(count);
            prop_assert_eq!(Amount::of(amount.number()), amount);
        }
    }
}
