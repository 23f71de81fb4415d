//! When two numbers are equal, and what tells them apart if they are not.

use serde_json::{Number, Value};

use super::document::Document;
use super::literal::{is_integer, is_not_finite};

/// 2^53: beyond it not every integer is a double.
const EXACT_LIMIT: f64 = 9_007_199_254_740_992.0;

/// Longest text that is taken for a decimal.
const MAX_DECIMAL: usize = 400;

/// A number of a document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numeric<'v> {
    /// One that `serde_json` holds.
    Held(&'v Number),
    /// The text of any other; see [`super::literal`].
    Literal(&'v str),
}

/// How two numbers stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// The same value of the same type.
    Same,
    /// The same value, once as an integer and once as a float.
    Retyped,
    /// Different values that are one double, at least one of them an integer past 2^53.
    Rounded,
    /// Different values.
    Different,
}

/// A number so that equal numbers are equal, whatever their spelling.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Exact {
    /// An integer, or a float that is a whole number, inside of 128 bits.
    Integer(i128),
    /// A whole number outside of it, as the text of an integer.
    Large(String),
    /// Any other double.
    Float(f64),
    /// `NaN` and the infinities, which are no values to calculate with, and numbers past every double.
    Word(String),
}

/// 2^126: whole doubles below it are exact in `i128`.
const WHOLE_LIMIT: f64 = 85_070_591_730_234_615_865_843_651_857_942_052_864.0;

impl<'v> Numeric<'v> {
    pub(super) fn of(value: &'v Value, document: &Document) -> Option<Self> {
        match value {
            Value::Number(number) => Some(Self::Held(number)),
            Value::String(text) if document.is_literal(value) => Some(Self::Literal(text)),
            _ => None,
        }
    }

    pub(super) fn exact(self) -> Exact {
        let number = match self {
            Self::Held(number) => number,
            Self::Literal(word) if is_integer(word) => {
                return match word.parse() {
                    Ok(integer) => Exact::Integer(integer),
                    Err(_too_large) => Exact::Large(word.to_owned()),
                };
            }
            Self::Literal(word) => return Exact::Word(word.to_owned()),
        };
        if let Some(integer) = number.as_i128() {
            return Exact::Integer(integer);
        }
        let float = number.as_f64().unwrap_or(f64::NAN);
        if float.fract() != 0.0 {
            return Exact::Float(float);
        }
        if float.abs() < WHOLE_LIMIT {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a whole number inside of the range"
            )]
            return Exact::Integer(float as i128);
        }
        // All digits of the double: at most 309.
        let digits = format!("{float:.0}");
        digits.parse().map_or(Exact::Large(digits), Exact::Integer)
    }

    /// Whether it is one of the words that are no JSON.
    pub(super) fn is_not_finite(self) -> bool {
        matches!(self, Self::Literal(word) if is_not_finite(word))
    }

    /// The digits, with sign, of what is written as an integer.
    pub(super) fn integer(self) -> Option<String> {
        match self {
            Self::Held(number) => (!number.is_f64()).then(|| number.to_string()),
            Self::Literal(word) => is_integer(word).then(|| word.to_owned()),
        }
    }

    fn is_integer(self) -> bool {
        match self {
            Self::Held(number) => !number.is_f64(),
            Self::Literal(word) => is_integer(word),
        }
    }

    /// The nearest double.
    fn double(self) -> f64 {
        match self {
            Self::Held(number) => number.as_f64().unwrap_or(f64::NAN),
            Self::Literal(word) => word.parse().unwrap_or(f64::NAN),
        }
    }

    pub(super) fn relation(self, new: Self) -> Relation {
        if self.exact() == new.exact() {
            let is_same = self.is_integer() == new.is_integer();
            return if is_same { Relation::Same } else { Relation::Retyped };
        }
        let (old_double, new_double) = (self.double(), new.double());
        #[expect(clippy::float_cmp, reason = "whether it is the very same double is the question")]
        let is_one_double = old_double == new_double && old_double.is_finite();
        if is_one_double && old_double.abs() >= EXACT_LIMIT {
            Relation::Rounded
        } else {
            Relation::Different
        }
    }

    /// Whether two numbers are equal up to a relative tolerance of the larger one.
    pub(super) fn is_within(self, new: Self, tolerance: f64) -> bool {
        let (old, new) = (self.double(), new.double());
        tolerance > 0.0
            && old.is_finite()
            && new.is_finite()
            && (old - new).abs() <= tolerance * old.abs().max(new.abs())
    }

    /// Whether a text is this number.
    pub(super) fn is_written(self, text: &str) -> bool {
        if text.len() > MAX_DECIMAL {
            return false;
        }
        let Ok(document) = Document::parse(text.as_bytes()) else { return false };
        Numeric::of(&document.root, &document).is_some_and(|written| {
            !written.is_not_finite()
                && matches!(self.relation(written), Relation::Same | Relation::Retyped)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relation(old: &str, new: &str) -> Relation {
        let read = |text: &str| Document::parse(text.as_bytes()).unwrap();
        let (old, new) = (read(old), read(new));
        number(&old).relation(number(&new))
    }

    fn number(document: &Document) -> Numeric<'_> {
        Numeric::of(&document.root, document).unwrap()
    }

    #[test]
    fn a_number_is_its_value() {
        let long = "123456789012345678901234567890123456789012345678901234567890";
        for (old, new, wanted) in [
            ("1", "1", Relation::Same),
            ("1.0", "1e0", Relation::Same),
            ("1", "1.0", Relation::Retyped),
            ("0", "-0.0", Relation::Retyped),
            ("0.1", "0.10000001", Relation::Different),
            ("9007199254740993", "9007199254740992", Relation::Rounded),
            ("9007199254740993", "9007199254740992.0", Relation::Rounded),
            ("9007199254740992", "9007199254740992.0", Relation::Retyped),
            ("9007199254740993", "9007199254740995", Relation::Different),
            ("18446744073709551615", "18446744073709551614", Relation::Rounded),
            ("18446744073709551615", "18446744073709551616", Relation::Rounded),
            ("18446744073709551616", "18446744073709551616", Relation::Same),
            ("18446744073709551616", "18446744073709551617", Relation::Rounded),
            ("18446744073709551616", "18446744073709551616.0", Relation::Retyped),
            ("-9223372036854775808", "-9223372036854775807", Relation::Rounded),
            ("-9223372036854775809", "-9223372036854775810", Relation::Rounded),
            (long, long, Relation::Same),
            (
                long,
                "123456789012345678901234567890123456789012345678901234567891",
                Relation::Rounded,
            ),
            (long, "1.2345678901234567e59", Relation::Rounded),
            (long, "1.3e59", Relation::Different),
            ("1e23", "99999999999999991611392", Relation::Retyped),
            ("1e400", "1e400", Relation::Same),
            ("1e400", "1e401", Relation::Different),
            ("NaN", "NaN", Relation::Same),
            ("NaN", "Infinity", Relation::Different),
            ("Infinity", "1e400", Relation::Different),
            ("NaN", "0", Relation::Different),
        ] {
            assert_eq!(relation(old, new), wanted, "{old} {new}");
            assert_eq!(relation(new, old), wanted, "{new} {old}");
        }
    }

    #[test]
    fn tolerance_is_relative() {
        let within = |old: &str, new: &str| {
            let (old, new): (Number, Number) =
                (serde_json::from_str(old).unwrap(), serde_json::from_str(new).unwrap());
            Numeric::Held(&old).is_within(Numeric::Held(&new), 1e-6)
        };
        assert!(within("1000000.0", "1000000.5"));
        assert!(!within("1.0", "1.5"));
        assert!(within("-1.0000000", "-1.0000005"));
        assert!(!within("0", "0.0000001"));
        assert!(!within("1e-9", "-1e-9"));
    }

    #[test]
    fn a_text_is_a_number_when_it_is_that_number() {
        let number: Number = serde_json::from_str("1.5").unwrap();
        let number = Numeric::Held(&number);
        assert!(number.is_written("1.5") && number.is_written("1.50"));
        for text in ["1.6", "", "x", "[1.5]", "\"1.5\"", "NaN"] {
            assert!(!number.is_written(text), "{text}");
        }
        assert!(Numeric::Literal("18446744073709551617").is_written("18446744073709551617"));
        assert!(!Numeric::Literal("18446744073709551617").is_written("18446744073709551616"));
        assert!(!Numeric::Literal("NaN").is_written("NaN"));
    }

    proptest! {
        #[test]
        fn equality_of_integers_is_exact(old: i128, new: i128) {
            let is_same = relation(&old.to_string(), &new.to_string()) == Relation::Same;
            prop_assert_eq!(is_same, old == new);
            let long = |n: i128| format!("{n}00000000000000000000");
            prop_assert_eq!(relation(&long(old), &long(new)) == Relation::Same, old == new);
        }
    }
}
