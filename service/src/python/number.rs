//! Numbers that Python reads in JSON and `serde_json` cannot hold: NaN, the infinities, whole numbers beyond 64 bits.
//!
//! Such a number stands in a [`Value`] as an object with one key that says so. What reads and writes JSON here knows
//! it; a client that sends such an object by hand has sent the number.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::{Map, Value};

/// The key of an object that is a number.
const KEY: &str = "\u{0}number";

/// A number that has no place in [`serde_json::Number`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd<'v> {
    /// The digits of a whole number beyond 64 bits, with their sign.
    Integer(&'v str),
    /// No number.
    Nan,
    /// More than any number.
    Infinity,
    /// Less than any number.
    NegativeInfinity,
}

impl<'v> Odd<'v> {
    /// The number that a text spells as Python's JSON does.
    fn parse(text: &'v str) -> Option<Self> {
        match text {
            "NaN" => Some(Self::Nan),
            "Infinity" => Some(Self::Infinity),
            "-Infinity" => Some(Self::NegativeInfinity),
            _ => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
                (plain && digits.len() > 18).then_some(Self::Integer(text))
            }
        }
    }

    /// As Python writes it into JSON.
    pub const fn json(self) -> &'v str {
        match self {
            Self::Integer(digits) => digits,
            Self::Nan => "NaN",
            Self::Infinity => "Infinity",
            Self::NegativeInfinity => "-Infinity",
        }
    }

    /// As Python's `repr` shows it.
    pub const fn repr(self) -> &'v str {
        match self {
            Self::Integer(digits) => digits,
            Self::Nan => "nan",
            Self::Infinity => "inf",
            Self::NegativeInfinity => "-inf",
        }
    }

    /// The nearest double.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(digits) => digits.parse().unwrap_or(f64::NAN),
            Self::Nan => f64::NAN,
            Self::Infinity => f64::INFINITY,
            Self::NegativeInfinity => f64::NEG_INFINITY,
        }
    }
}

/// The value of a number as Python's JSON spells it: `NaN`, `-Infinity`, `18446744073709551616`.
pub fn hold(text: &str) -> Value {
    Value::Object(Map::from_iter([(KEY.to_owned(), Value::String(text.to_owned()))]))
}

/// The value of any double.
pub fn of(double: f64) -> Value {
    match double {
        number if number.is_nan() => hold("NaN"),
        f64::INFINITY => hold("Infinity"),
        f64::NEG_INFINITY => hold("-Infinity"),
        number => number.into(),
    }
}

/// The number that [`hold`] has put into a value.
pub fn held(value: &Value) -> Option<Odd<'_>> {
    let Value::Object(map) = value else { return None };
    // Most objects are told apart by their size.
    if map.len() != 1 {
        return None;
    }
    Odd::parse(map.get(KEY)?.as_str()?)
}

/// Whether Python calls it an `int`, truth values apart.
pub fn is_integer(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        value => matches!(held(value), Some(Odd::Integer(_))),
    }
}

/// The nearest double of any number, however it is held.
pub fn as_f64(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        value => held(value).map(Odd::as_f64),
    }
}

/// Reads any number as the nearest double, for a field of a struct.
pub fn double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    as_f64(&value).ok_or_else(|| D::Error::custom("no number"))
}

/// As [`double`], where null and nothing are none.
pub fn any_double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if value.is_null() { Ok(None) } else { double(value).map(Some).map_err(D::Error::custom) }
}

/// Reads a whole number of any size as the nearest one of 64 bits, for a field of a struct; null and nothing are none.
pub fn any_long<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(match (value.as_i64(), as_f64(&value)) {
        (Some(number), _) => Some(number),
        (None, Some(large)) => Some(if large < 0.0 { i64::MIN } else { i64::MAX }),
        (None, None) => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_held_is_found_again() {
        let large = "-123456789012345678901234567890";
        for text in ["NaN", "Infinity", "-Infinity", large] {
            assert_eq!(held(&hold(text)).map(Odd::json), Some(text));
        }
        assert_eq!(as_f64(&hold(large)), Some(-1.234_567_890_123_456_8e29));
        assert!(is_integer(&hold(large)) && is_integer(&json!(5)));
        assert!(!is_integer(&hold("NaN")) && !is_integer(&json!(5.0)));
        assert!(as_f64(&hold("NaN")).is_some_and(f64::is_nan));
    }

    #[test]
    fn every_double_has_a_value_and_fields_take_every_number() {
        for double in [1.5, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(as_f64(&of(double)), Some(double));
            assert_eq!(any_double(of(double)).ok(), Some(Some(double)));
        }
        assert!(double(of(f64::NAN)).is_ok_and(f64::is_nan));
        assert!(double(json!("1")).is_err());
        assert_eq!(any_double(Value::Null).ok(), Some(None));
        for (value, long) in [
            (json!(5), Some(5)),
            (json!(u64::MAX), Some(i64::MAX)),
            (hold("-123456789012345678901"), Some(i64::MIN)),
            (Value::Null, None),
        ] {
            assert_eq!(any_long(value).ok(), Some(long));
        }
    }

    #[test]
    fn nothing_else_passes_for_a_number() {
        for value in [
            json!({}),
            json!({"number": "NaN"}),
            json!({KEY: "1"}),
            json!({KEY: "\"], \"x\": 1"}),
            json!({KEY: 5}),
            json!({KEY: "NaN", "a": 1}),
            json!("NaN"),
        ] {
            assert_eq!(held(&value), None, "{value}");
        }
    }
}
