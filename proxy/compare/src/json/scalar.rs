//! When two numbers are equal, and what is a time.

use chrono::{DateTime, NaiveDateTime};
use serde_json::Number;

/// A number so that equal numbers are equal, whatever their spelling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Exact {
    /// An integer of at most 64 bits, or a float that is a whole number below 2^100.
    Integer(i128),
    /// Any other double.
    Float(f64),
}

/// 2^100: far beyond 64 bits, and well inside of `i128`.
const WHOLE_LIMIT: f64 = 1_267_650_600_228_229_401_496_703_205_376.0;

pub(super) fn exact(number: &Number) -> Exact {
    if let Some(integer) = number.as_i128() {
        return Exact::Integer(integer);
    }
    let float = number.as_f64().unwrap_or(f64::NAN);
    if float.fract() == 0.0 && float.abs() < WHOLE_LIMIT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number inside of the range")]
        return Exact::Integer(float as i128);
    }
    Exact::Float(float)
}

/// Whether two numbers are equal, up to a relative tolerance of the larger one.
pub(super) fn numbers_equal(old: &Number, new: &Number, tolerance: f64) -> bool {
    if exact(old) == exact(new) {
        return true;
    }
    let (Some(old), Some(new)) = (old.as_f64(), new.as_f64()) else { return false };
    tolerance > 0.0 && (old - new).abs() <= tolerance * old.abs().max(new.abs())
}

/// Longest text that can be a time: date, time, nine digits, zone, and some room.
const MAX_TIME: usize = 40;

/// Whether a text is a time: RFC 3339 with or without zone, with `T` or a blank, with up to nine digits of fraction.
pub(super) fn is_time(text: &str) -> bool {
    if text.len() > MAX_TIME || fraction_digits(text) > 9 {
        return false;
    }
    DateTime::parse_from_rfc3339(text).is_ok()
        || ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
            .iter()
            .any(|format| NaiveDateTime::parse_from_str(text, format).is_ok())
}

fn fraction_digits(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_number_is_its_value() {
        for (old, new, is_equal) in [
            ("1", "1.0", true),
            ("1", "1e0", true),
            ("0", "-0.0", true),
            ("9007199254740993", "9007199254740992", false),
            ("9007199254740993", "9007199254740992.0", false),
            ("9007199254740992", "9007199254740992.0", true),
            ("18446744073709551615", "18446744073709551614", false),
            ("18446744073709551615", "18446744073709551616", false),
            ("-9223372036854775808", "-9223372036854775807", false),
            ("0.1", "0.10000001", false),
        ] {
            assert_eq!(numbers_equal(&number(old), &number(new), 0.0), is_equal, "{old} {new}");
            assert_eq!(numbers_equal(&number(new), &number(old), 0.0), is_equal, "{new} {old}");
        }
    }

    #[test]
    fn tolerance_is_relative() {
        let equal = |old, new| numbers_equal(&number(old), &number(new), 1e-6);
        assert!(equal("1000000.0", "1000000.5"));
        assert!(!equal("1.0", "1.5"));
        assert!(equal("-1.0000000", "-1.0000005"));
        assert!(!equal("0", "0.0000001"));
        assert!(!equal("1e-9", "-1e-9"));
    }

    #[test]
    fn times_of_both_sides_parse() {
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.123456+00:00",
            "2026-01-02 03:04:05.123456",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.1",
            "2026-01-02 03:04:05-05:30",
            "2026-01-02T03:04:05.123456789Z",
        ] {
            assert!(is_time(text), "{text}");
        }
        for text in [
            "",
            "2026-01-02",
            "now",
            "2026-13-02T03:04:05Z",
            "2026-01-02T03:04:05.1234567890Z",
            "12",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_or_is_not_a_time(text in ".{0,60}") {
            let _ = is_time(&text);
        }

        #[test]
        fn equality_of_integers_is_exact(old: i64, new: i64) {
            let equal = numbers_equal(&old.into(), &new.into(), 0.0);
            prop_assert_eq!(equal, old == new);
        }
    }
}
