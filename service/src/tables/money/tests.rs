//! What holds of every amount, whoever reckons with it and wherever it is kept.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The amount that a text spells.
pub(crate) fn money(text: &str) -> Money {
    Money(Decimal::from_str(text).unwrap().normalize())
}

/// Every amount that a `FLOAT` column gives back.
pub(crate) fn amounts() -> impl Strategy<Value = Money> {
    (1_i64..1_000_000_000_000_000).prop_map(|n| Money::steps(n).rounded(PLACES))
}

/// Prices with up to twelve digits and twelve places.
pub(crate) fn prices() -> impl Strategy<Value = Money> {
    (1_i64..1_000_000_000_000, 0_u32..=12)
        .prop_map(|(digits, places)| Money::new(digits, places).rounded(places))
}

#[test]
fn numbers_are_read_as_they_are_written_and_kept_to_the_seventh_place() {
    for (number, count) in [
        (0.1, 1_000_000),
        (0.001, 10_000),
        (1000.0, 10_000_000_000),
        (0.1 + 0.2, 3_000_000),
        (-1.5, -15_000_000),
        (0.000_000_05, 0),
        (0.000_000_15, 2),
        (0.000_000_25, 2),
        (-0.000_000_15, -2),
        (5e-324, 0),
        (1e300, i64::MAX),
        (-1e300, -i64::MAX),
        (f64::INFINITY, i64::MAX),
        (9.3e11, i64::MAX),
    ] {
        assert_eq!(Money::of(number).write(), Cell::Integer(count), "{number}");
    }
    assert_eq!(Money::of(10.0).to_json(), json!(10.0));
    assert_eq!(Money::of(0.000_002_5).to_json(), json!(0.000_002_5));
    assert!(Money::read(Cell::from("much")).is_err());
    assert!(Exact::read(Cell::from("much")).is_err());
}

#[test]
fn exact_values_have_the_digits_that_were_sent() {
    for (number, text) in [
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-9, "0.000000001"),
        (1e21, "1000000000000000000000"),
        (-2.5, "-2.5"),
        (5e-324, "0"),
    ] {
        assert_eq!(Money::exactly(number).map(|m| m.to_string()).as_deref(), Some(text));
    }
    for number in [f64::NAN, f64::INFINITY, 1e29] {
        assert_eq!(Money::exactly(number), None);
    }
}

#[test]
fn sums_of_what_is_kept_stay_within_it() {
    let most = Money::of(1e300);
    assert_eq!((most + most, most - most), (most, Money::ZERO));
    assert_eq!(Money::ZERO - most - most, Money::of(-1e300));
    assert_eq!([0.1, 0.2].map(Money::of).into_iter().sum::<Money>(), Money::of(0.3));
}

#[test]
fn what_binary_arithmetic_has_left_of_a_balance_is_what_was_meant() {
    for (double, text) in
        [(0.1 + 0.2, "0.3"), (1.0 - 0.9, "0.1"), (0.3 - 0.1 - 0.2, "0"), (1_000_000.1, "1000000.1")]
    {
        assert_eq!(Money::balance(&double.into()), Ok(money(text)));
    }
    assert!(Money::balance(&f64::NAN.into()).is_err());
}

#[test]
fn a_double_has_fifteen_digits_to_spare() {
    for (text, fits) in [
        ("0.0000001", true),
        ("0.00000001", false),
        ("99999999.9999999", true),
        ("100000000", false),
        ("-99999999.5", true),
    ] {
        assert_eq!(money(text).fits_float(), fits, "{text}");
    }
}

#[test]
fn what_is_too_large_is_refused_and_never_panics() {
    let large = money("70000000000000000000000000000");
    assert_eq!(large.plus(large), Err(TooLarge));
    assert_eq!(large.times(large), Err(TooLarge));
    assert_eq!(large.over(money("0.0001")), Err(TooLarge));
    assert_eq!(large.over(Money::ZERO), Err(TooLarge));
    assert_eq!(large.percent_of(Money::ZERO), Ok(Money::ZERO));
    assert_eq!(large + large, Money::steps(MOST_STEPS));
}

proptest! {
    #[test]
    fn what_is_stored_reads_back(count in -i64::MAX..=i64::MAX) {
        let amount = Money::steps(count);
        prop_assert_eq!(amount.write(), Cell::Integer(count));
        prop_assert_eq!(Money::read(amount.write()), Ok(amount));
    }

    #[test]
    fn a_text_has_every_digit(amount in amounts(), price in prices()) {
        let value = Exact(amount.times(price).unwrap());
        prop_assert_eq!(Exact::read(value.write()), Ok(value));
    }

    #[test]
    fn steps_are_in_the_order_of_amounts(one in any::<i64>(), other in any::<i64>(), places in 0_u32..=7) {
        let [one, other] = [one, other].map(|digits| Money::round(Decimal::new(digits, places)));
        prop_assert_eq!(one.count().cmp(&other.count()), one.cmp(&other));
    }

    // Doubles have 15 decimal digits to spare.
    #[test]
    fn what_is_sent_is_what_was_meant(count in -999_999_999_999_999..=999_999_999_999_999_i64) {
        let amount = Money::steps(count);
        prop_assert_eq!(Money::of(amount.number()), amount);
    }

    #[test]
    fn rounding_goes_to_the_nearest_step_half_to_even(digits in any::<i64>()) {
        // Two places more than are kept.
        let kept = i128::from(Money::round(Decimal::new(digits, PLACES + 2)).count());
        let (exact, step) = (i128::from(digits), 100);
        let off = (kept * step - exact).abs();
        prop_assert!(2 * off < step || 2 * off == step && kept % 2 == 0, "{} {}", exact, kept);
    }

    #[test]
    fn a_float_column_gives_back_the_amount_that_was_put_into_it(amount in amounts()) {
        prop_assert!(amount.fits_float());
        prop_assert_eq!(Money::column(&amount.to_column()), Ok(amount));
        prop_assert_eq!(Money::balance(&amount.to_column()), Ok(amount));
    }

    #[test]
    fn float_columns_of_sums_are_exact(one in amounts(), other in amounts()) {
        let sum = one.plus(other).unwrap();
        prop_assert_eq!(sum.fits_float(), sum < money("100000000"));
        prop_assert!(one.minus(other).unwrap().fits_float());
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
        prop_assert!(cut <= wanted && wanted.minus(cut).unwrap() < Money::steps(1));
        prop_assert_eq!(cut.fits_float(), wanted < money("100000000"));
    }
}
