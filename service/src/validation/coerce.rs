//! Turns a JSON value into the type that a field wants, as laxly as the monolith does and no more.

use serde_json::{Map, Value};

use crate::python::number::{self, Odd};

/// Why a value does not fit: the code and the message of the monolith.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What, for programs.
    pub code: &'static str,
    /// What, for people.
    pub message: String,
}

impl Refusal {
    /// A refusal with its code and message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

const INT_PARSING: &str = "Input should be a valid integer, unable to parse string as an integer";
const INT_SIZE: &str = "Unable to parse input string as an integer, exceeded maximum size";
const INT_FRACTION: &str = "Input should be a valid integer, got a number with a fractional part";
const FLOAT_PARSING: &str = "Input should be a valid number, unable to parse string as a number";
const BOOL_PARSING: &str = "Input should be a valid boolean, unable to interpret input";

/// Most digits of a whole number, as Python counts them.
const MOST_DIGITS: usize = 4300;

/// As [`whole`], but numbers beyond 64 bits are refused: no column holds them.
pub fn integer(value: &Value) -> Result<i64, Refusal> {
    whole(value)?.as_i64().ok_or_else(too_large)
}

/// Whole numbers of any size, integral floats, booleans, and text that spells a whole number (`" 60 "`, `"1_000"`,
/// `"2.0"`).
pub fn whole(value: &Value) -> Result<Value, Refusal> {
    match value {
        Value::Bool(truth) => Ok(i64::from(*truth).into()),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => integral(float).map(Value::from),
            _ => Ok(value.clone()),
        },
        Value::String(text) => whole_from_text(text),
        value => match number::held(value) {
            Some(Odd::Integer(_)) => Ok(value.clone()),
            Some(_) => Err(not_finite()),
            None => Err(Refusal::new("int_type", "Input should be a valid integer")),
        },
    }
}

fn too_large() -> Refusal {
    Refusal::new("int_parsing_size", INT_SIZE)
}

fn not_finite() -> Refusal {
    Refusal::new("finite_number", "Input should be a finite number")
}

fn integral(float: f64) -> Result<i64, Refusal> {
    if float.fract() != 0.0 {
        return Err(Refusal::new("int_from_float", INT_FRACTION));
    }
    // Whole floats print without a fraction, so that the range check is that of parsing.
    format!("{float:.0}").parse().map_err(|_why| too_large())
}

fn whole_from_text(text: &str) -> Result<Value, Refusal> {
    let parsing = || Refusal::new("int_parsing", INT_PARSING);
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.get(..1).unwrap_or_default(), digits),
        None => ("", text),
    };
    let whole = match digits.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return Err(parsing()),
        None => digits,
    };
    let whole = without_separators(whole).ok_or_else(parsing)?;
    if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return Err(parsing());
    }
    if whole.len() > MOST_DIGITS {
        return Err(too_large());
    }
    Ok(format!("{sign}{whole}").parse::<i64>().map_or_else(
        |_why| {
            number::hold(&format!(
                "{}{}",
                sign.trim_start_matches('+'),
                whole.trim_start_matches('0')
            ))
        },
        Value::from,
    ))
}

/// The text without `_`, which may stand between digits, one at a time.
fn without_separators(text: &str) -> Option<String> {
    let misplaced = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!misplaced).then(|| text.replace('_', ""))
}

/// Numbers, booleans, and text that spells a number, infinities and NaN included: bounds come before those.
pub fn number(value: &Value) -> Result<f64, Refusal> {
    let not_a_number = || Refusal::new("float_type", "Input should be a valid number");
    match value {
        Value::Bool(truth) => Ok(f64::from(u8::from(*truth))),
        Value::String(text) => without_separators(text.trim())
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| Refusal::new("float_parsing", FLOAT_PARSING)),
        value => match (number::held(value), number::as_f64(value)) {
            // A whole number that no double is near to.
            (Some(Odd::Integer(_)), Some(float)) if float.is_infinite() => Err(not_a_number()),
            (_, float) => float.ok_or_else(not_a_number),
        },
    }
}

/// A number that a column and an answer can hold.
pub fn finite(number: f64) -> Result<f64, Refusal> {
    if number.is_finite() { Ok(number) } else { Err(not_finite()) }
}

/// Booleans, 0 and 1, and the words `yes`/`no`, `on`/`off`, `true`/`false`, `t`/`f`, `y`/`n`, `1`/`0` in any case.
pub fn boolean(value: &Value) -> Result<bool, Refusal> {
    let parsing = || Refusal::new("bool_parsing", BOOL_PARSING);
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Ok(false),
            Some(1.0) => Ok(true),
            _ if integer(value).is_ok() => Err(parsing()),
            _ => Err(bool_type()),
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "on" | "t" | "true" | "y" | "yes" => Ok(true),
            "0" | "off" | "f" | "false" | "n" | "no" => Ok(false),
            _ => Err(parsing()),
        },
        _ => Err(bool_type()),
    }
}

fn bool_type() -> Refusal {
    Refusal::new("bool_type", "Input should be a valid boolean")
}

/// JSON objects only.
pub fn object(value: &Value) -> Result<&Map<String, Value>, Refusal> {
    let map = value.as_object().filter(|_| number::held(value).is_none());
    map.ok_or_else(|| Refusal::new("dict_type", "Input should be a valid dictionary"))
}

/// JSON arrays only.
pub fn list(value: &Value) -> Result<&[Value], Refusal> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| Refusal::new("list_type", "Input should be a valid list"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn integers() {
        for (value, number) in [
            (json!(5), 5),
            (json!(-1), -1),
            (json!(2.0), 2),
            (json!(true), 1),
            (json!("60"), 60),
            (json!(" +7 "), 7),
            (json!("-3"), -3),
            (json!("1_000"), 1000),
            (json!("2.0"), 2),
            (json!("0042"), 42),
            (json!("+8"), 8),
            (json!("15.00"), 15),
            (json!("1_0.0"), 10),
            (json!("-0"), 0),
        ] {
            assert_eq!(integer(&value), Ok(number), "{value}");
        }
        for (value, code) in [
            (json!(1.5), "int_from_float"),
            (json!("1.5"), "int_parsing"),
            (json!("ten"), "int_parsing"),
            (json!(""), "int_parsing"),
            (json!("--1"), "int_parsing"),
            (json!("+-1"), "int_parsing"),
            (json!("-_1"), "int_parsing"),
            (json!("1."), "int_parsing"),
            (json!("1.0_0"), "int_parsing"),
            (json!("\u{661}"), "int_parsing"),
            (number::hold("NaN"), "finite_number"),
            (number::hold("123456789012345678901"), "int_parsing_size"),
            (json!("1__0"), "int_parsing"),
            (json!("1e3"), "int_parsing"),
            (json!(format!("{}1", "0".repeat(MOST_DIGITS))), "int_parsing_size"),
            (json!(null), "int_type"),
            (json!([1]), "int_type"),
            (json!(u64::MAX), "int_parsing_size"),
            (json!(1e300), "int_parsing_size"),
            (json!("99999999999999999999"), "int_parsing_size"),
        ] {
            assert_eq!(integer(&value).unwrap_err().code, code, "{value}");
        }
    }

    #[test]
    fn numbers() {
        for (value, float) in [
            (json!(1), 1.0),
            (json!("1.5"), 1.5),
            (json!(" 1e3 "), 1000.0),
            (json!(false), 0.0),
            (json!("25e-1"), 2.5),
            (json!("1_0.5"), 10.5),
            (json!("iNf"), f64::INFINITY),
            (number::hold("-Infinity"), f64::NEG_INFINITY),
        ] {
            assert_eq!(number(&value), Ok(float), "{value}");
        }
        assert!(number(&json!("-NaN")).is_ok_and(f64::is_nan));
        assert_eq!(finite(f64::NAN).unwrap_err().code, "finite_number");
        for (value, code) in [
            (json!("x"), "float_parsing"),
            (json!(""), "float_parsing"),
            (json!("1__0.5"), "float_parsing"),
            (json!("_1.5"), "float_parsing"),
            (json!("0x10"), "float_parsing"),
            (number::hold(&"9".repeat(400)), "float_type"),
            (json!(null), "float_type"),
            (json!({}), "float_type"),
        ] {
            assert_eq!(number(&value).unwrap_err().code, code, "{value}");
        }
    }

    #[test]
    fn whole_numbers_of_any_size() {
        let large = number::hold("-99999999999999999999");
        for (value, number) in [
            (json!("-0099999999999999999999.0"), &large),
            (large.clone(), &large),
            (json!("+9_223_372_036_854_775_808"), &number::hold("9223372036854775808")),
            (json!(u64::MAX), &json!(u64::MAX)),
            (json!(" 5 "), &json!(5)),
        ] {
            assert_eq!(whole(&value).as_ref(), Ok(number), "{value}");
        }
        assert_eq!(whole(&json!(1e20)).unwrap_err().code, "int_parsing_size");
    }

    #[test]
    fn booleans() {
        for yes in
            [json!(true), json!(1), json!(1.0), json!("YES"), json!("on"), json!("T"), json!("1")]
        {
            assert_eq!(boolean(&yes), Ok(true), "{yes}");
        }
        for no in [json!(false), json!(0), json!("no"), json!("Off"), json!("f"), json!("0")] {
            assert_eq!(boolean(&no), Ok(false), "{no}");
        }
        for (value, code) in [
            (json!("maybe"), "bool_parsing"),
            (json!(" yes"), "bool_parsing"),
            (json!(""), "bool_parsing"),
            (json!(2), "bool_parsing"),
            (json!(1e15), "bool_parsing"),
            (json!(i64::MIN), "bool_parsing"),
            (json!(1e20), "bool_type"),
            (json!(u64::MAX), "bool_type"),
            (json!(0.5), "bool_type"),
            (json!(null), "bool_type"),
        ] {
            assert_eq!(boolean(&value).unwrap_err().code, code, "{value}");
        }
    }

    proptest! {
        #[test]
        fn text_of_a_number_means_the_number(n in any::<i64>(), x in proptest::num::f64::NORMAL) {
            prop_assert_eq!(integer(&json!(n.to_string())), Ok(n));
            prop_assert_eq!(number(&json!(crate::python::float::repr(x))), Ok(x));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let value = Value::String(text);
            let _outcomes = (integer(&value), number(&value), boolean(&value));
        }
    }
}
