//! Turns a JSON value into the type that a field wants, as laxly as the monolith does and no more.

use serde_json::{Map, Value};

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
const NOT_FINITE: &str = "finite_number";
const BOOL_PARSING: &str = "Input should be a valid boolean, unable to interpret input";

/// Whole numbers, integral floats, booleans, and text that spells a whole number (`" 60 "`, `"1_000"`, `"2.0"`).
/// Numbers beyond 64 bits are refused: no column holds them.
pub fn integer(value: &Value) -> Result<i64, Refusal> {
    match value {
        Value::Bool(truth) => Ok(i64::from(*truth)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Ok(number),
            (None, Some(float)) if number.is_f64() => integral(float),
            _ => Err(Refusal::new("int_parsing_size", INT_SIZE)),
        },
        Value::String(text) => integer_from_text(text),
        _ => Err(Refusal::new("int_type", "Input should be a valid integer")),
    }
}

fn integral(float: f64) -> Result<i64, Refusal> {
    if float.fract() != 0.0 {
        return Err(Refusal::new("int_from_float", INT_FRACTION));
    }
    // Whole floats print without a fraction, so that the range check is that of parsing.
    format!("{float:.0}").parse().map_err(|_why| Refusal::new("int_parsing_size", INT_SIZE))
}

fn integer_from_text(text: &str) -> Result<i64, Refusal> {
    let parsing = || Refusal::new("int_parsing", INT_PARSING);
    let digits = plain_digits(text).ok_or_else(parsing)?;
    let digits = match digits.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return Err(parsing()),
        None => &digits,
    };
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return Err(parsing());
    }
    digits.parse().map_err(|_why| Refusal::new("int_parsing_size", INT_SIZE))
}

/// The text without blanks around it and without `_` between digits.
fn plain_digits(text: &str) -> Option<String> {
    let text = text.trim();
    let misplaced = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!misplaced).then(|| text.replace('_', ""))
}

/// Numbers, booleans, and text that spells a number. Infinities and NaN are refused: no answer can show them.
pub fn number(value: &Value) -> Result<f64, Refusal> {
    let number = match value {
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => plain_digits(text)
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| Refusal::new("float_parsing", FLOAT_PARSING))?,
        _ => return Err(Refusal::new("float_type", "Input should be a valid number")),
    };
    if number.is_finite() {
        Ok(number)
    } else {
        Err(Refusal::new(NOT_FINITE, "Input should be a finite number"))
    }
}

/// As [`number`], but text that spells an infinity or NaN is left as it is: [`any_float`] reads it.
pub fn any_number(value: &Value) -> Result<Value, Refusal> {
    match number(value) {
        Ok(number) => Ok(number.into()),
        Err(refusal) if refusal.code == NOT_FINITE => Ok(value.clone()),
        Err(refusal) => Err(refusal),
    }
}

/// What [`any_number`] has let through.
pub fn any_float(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| plain_digits(value.as_str()?)?.parse().ok())
}

/// Booleans, 0 and 1, and the words `yes`/`no`, `on`/`off`, `true`/`false`, `t`/`f`, `y`/`n`, `1`/`0` in any case.
pub fn boolean(value: &Value) -> Result<bool, Refusal> {
    let parsing = || Refusal::new("bool_parsing", BOOL_PARSING);
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Ok(false),
            Some(1.0) => Ok(true),
            Some(other) if other.fract() == 0.0 => Err(parsing()),
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
    value.as_object().ok_or_else(|| Refusal::new("dict_type", "Input should be a valid dictionary"))
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
            (json!("007"), 7),
        ] {
            assert_eq!(integer(&value), Ok(number), "{value}");
        }
        for (value, code) in [
            (json!(1.5), "int_from_float"),
            (json!("1.5"), "int_parsing"),
            (json!("ten"), "int_parsing"),
            (json!(""), "int_parsing"),
            (json!("--1"), "int_parsing"),
            (json!("1__0"), "int_parsing"),
            (json!("1e3"), "int_parsing"),
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
        for (value, float) in
            [(json!(1), 1.0), (json!("1.5"), 1.5), (json!(" 1e3 "), 1000.0), (json!(false), 0.0)]
        {
            assert_eq!(number(&value), Ok(float), "{value}");
        }
        for (value, code) in [
            (json!("x"), "float_parsing"),
            (json!(""), "float_parsing"),
            (json!("nan"), "finite_number"),
            (json!("-inf"), "finite_number"),
            (json!(null), "float_type"),
            (json!({}), "float_type"),
        ] {
            assert_eq!(number(&value).unwrap_err().code, code, "{value}");
        }
    }

    #[test]
    fn numbers_past_all_bounds() {
        for (text, float) in
            [("inf", f64::INFINITY), (" -Infinity ", f64::NEG_INFINITY), ("1e400", f64::INFINITY)]
        {
            assert_eq!(any_number(&json!(text)).map(|value| any_float(&value)), Ok(Some(float)));
        }
        assert!(any_float(&any_number(&json!("NaN")).unwrap()).unwrap().is_nan());
        assert_eq!(any_number(&json!("1.5")), Ok(json!(1.5)));
        assert_eq!(any_number(&json!("x")).unwrap_err().code, "float_parsing");
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
