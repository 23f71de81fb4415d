//! An amount of money in a column: an exact decimal, stored as text and shown as a number.

use rust_decimal::Decimal;
use serde_json::Value;

use super::cell::{Cell, Fault};
use super::column::{ColumnType, ColumnValue};

/// An exact amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(pub Decimal);

impl Money {
    /// The decimal that the shortest text of a float says, as JSON says it; none where that has too many digits.
    pub fn of_float(amount: f64) -> Option<Self> {
        let text = amount.to_string();
        Decimal::from_str_exact(&text).ok().map(|decimal| Self(decimal.normalize()))
    }

    /// The nearest double, which prints as the amount where that has at most 15 digits.
    pub fn float(self) -> f64 {
        // A decimal's text is always a number.
        self.0.to_string().parse().unwrap_or(f64::NAN)
    }

    /// Both together; none where that has too many digits.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl ColumnValue for Money {
    const TYPE: ColumnType = ColumnType::Text(None);

    fn read(cell: Cell) -> Result<Self, Fault> {
        let text = cell.clone().text()?;
        let decimal = Decimal::from_str_exact(&text);
        decimal.map(Self).map_err(|_why| Fault::new(&cell, "decimal"))
    }

    fn write(&self) -> Cell {
        Cell::Text(self.0.normalize().to_string())
    }

    fn to_json(&self) -> Value {
        self.float().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_what_json_says() {
        for (float, text) in
            [(0.001, "0.001"), (1e-7, "0.0000001"), (2.50, "2.5"), (1e15, "1000000000000000")]
        {
            let money = Money::of_float(float).unwrap();
            assert_eq!(money.write(), Cell::from(text));
            assert_eq!(money.to_json().as_f64(), Some(float));
        }
        for float in [f64::NAN, f64::INFINITY, 1e300, 1e-300] {
            assert_eq!(Money::of_float(float), None, "{float}");
        }
        assert!(Money::read(Cell::from("much")).is_err());
    }

    proptest! {
        #[test]
        fn what_is_stored_reads_back(units in any::<i64>(), scale in 0_u32..12) {
            let money = Money(Decimal::new(units, scale));
            prop_assert_eq!(Money::read(money.write()).unwrap(), money);
        }
    }
}
