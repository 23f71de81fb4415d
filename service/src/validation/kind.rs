//! The kinds of value that a field can take, and the check of a value against its kind.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::coerce::{self, Refusal};
use super::problem::{Place, Problem};
use super::shape::Shape;
use crate::python::number;

/// What a field takes. Build one with the functions of the same names in lower case.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Text; numbers are never accepted as text.
    Text(TextLimits),
    /// A whole number of 64 bits.
    Integer(Bounds),
    /// A whole number of any size.
    AnyInteger(Bounds),
    /// A floating-point number.
    Number(Bounds),
    /// A floating-point number or an infinity.
    NumberOrInfinity,
    /// A floating-point number, infinities and NaN included.
    AnyNumber,
    /// A truth value.
    Boolean,
    /// One of a few words, exactly as written.
    Choice(&'static [&'static str]),
    /// Any JSON value.
    Anything,
    /// A JSON object with free keys.
    MapOf(Box<Self>),
    /// A JSON array.
    ListOf(Box<Self>),
    /// A nested object with fields of its own.
    Model(Shape),
    /// The first of several kinds that fits; each is reported under its label when none does.
    AnyOf(Vec<(&'static str, Self)>),
    /// The kind, or null.
    Nullable(Box<Self>),
}

/// Limits of a text, in characters.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextLimits {
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: Option<usize>,
    /// What the text must look like.
    pub pattern: Option<&'static LazyPattern>,
}

/// A regular expression, made on first use. Its text is what the message shows.
pub type LazyPattern = LazyLock<Regex>;

/// A pattern of this program.
#[expect(clippy::expect_used, reason = "patterns are constants, and describing the API makes each")]
pub fn pattern(text: &'static str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// Inclusive bounds of a number.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    /// Least value.
    pub ge: Option<f64>,
    /// Greatest value.
    pub le: Option<f64>,
}

impl Kind {
    /// Text without limits.
    pub fn text() -> Self {
        Self::Text(TextLimits::default())
    }

    /// Text of at most `max` characters.
    pub fn text_up_to(max: usize) -> Self {
        Self::Text(TextLimits { max: Some(max), ..TextLimits::default() })
    }

    /// Text of at least `min` and at most `max` characters.
    pub fn text_within(min: usize, max: usize) -> Self {
        Self::Text(TextLimits { min, max: Some(max), pattern: None })
    }

    /// Text in which `pattern` is found.
    pub fn text_like(pattern: &'static LazyPattern) -> Self {
        Self::Text(TextLimits { pattern: Some(pattern), ..TextLimits::default() })
    }

    /// A whole number without bounds.
    pub fn integer() -> Self {
        Self::Integer(Bounds::default())
    }

    /// A whole number of any size.
    pub fn any_integer() -> Self {
        Self::AnyInteger(Bounds::default())
    }

    /// A whole number between two bounds, both included.
    pub fn integer_within(ge: i32, le: i32) -> Self {
        Self::Integer(Bounds { ge: Some(ge.into()), le: Some(le.into()) })
    }

    /// A whole number that is at least `ge`.
    pub fn integer_from(ge: i32) -> Self {
        Self::Integer(Bounds { ge: Some(ge.into()), le: None })
    }

    /// A floating-point number without bounds.
    pub fn number() -> Self {
        Self::Number(Bounds::default())
    }

    /// A floating-point number between two bounds, both included.
    pub fn number_within(ge: f64, le: f64) -> Self {
        Self::Number(Bounds { ge: Some(ge), le: Some(le) })
    }

    /// A JSON object whose values may be anything.
    pub fn object() -> Self {
        Self::map_of(Self::Anything)
    }

    /// A JSON object whose values are of one kind.
    pub fn map_of(item: Self) -> Self {
        Self::MapOf(Box::new(item))
    }

    /// A JSON array of one kind.
    pub fn list_of(item: Self) -> Self {
        Self::ListOf(Box::new(item))
    }

    /// This kind, or null.
    #[must_use]
    pub fn or_null(self) -> Self {
        Self::Nullable(Box::new(self))
    }

    /// Checks `value`, adds what is wrong to `problems`, and gives the coerced value when nothing is.
    pub fn check(
        &self,
        value: &Value,
        place: &Place,
        problems: &mut Vec<Problem>,
    ) -> Option<Value> {
        match self.accept(value, place, problems) {
            Ok(value) => value,
            Err(refusal) => {
                problems.push(place.problem(refusal.code, refusal.message));
                None
            }
        }
    }

    /// `Err` is a problem of this very place; problems of deeper places go to the list, with `Ok(None)`.
    fn accept(
        &self,
        value: &Value,
        place: &Place,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<Value>, Refusal> {
        Ok(match self {
            Self::Text(limits) => Some(limits.check(value)?.into()),
            Self::Integer(bounds) => {
                // A number that is too large for any column is too large for its bounds first.
                bounds.check_whole(&coerce::whole(value)?)?;
                Some(coerce::integer(value)?.into())
            }
            Self::AnyInteger(bounds) => {
                let number = coerce::whole(value)?;
                bounds.check_whole(&number)?;
                Some(number)
            }
            Self::Number(bounds) => {
                let number = coerce::number(value)?;
                bounds.check(number)?;
                Some(coerce::finite(number)?.into())
            }
            Self::NumberOrInfinity => {
                let number = coerce::number(value)?;
                Some(number::of(if number.is_nan() { coerce::finite(number)? } else { number }))
            }
            Self::AnyNumber => Some(number::of(coerce::number(value)?)),
            Self::Boolean => Some(coerce::boolean(value)?.into()),
            Self::Choice(words) => Some(choose(words, value)?),
            Self::Anything => Some(value.clone()),
            Self::MapOf(item) => check_map(item, coerce::object(value)?, place, problems),
            Self::ListOf(item) => check_list(item, coerce::list(value)?, place, problems),
            Self::Model(shape) => shape.check(value, place, problems).map(Value::Object),
            Self::AnyOf(kinds) => check_any(kinds, value, place, problems),
            Self::Nullable(_) if value.is_null() => Some(Value::Null),
            Self::Nullable(kind) => return kind.accept(value, place, problems),
        })
    }
}

fn choose(words: &[&str], value: &Value) -> Result<Value, Refusal> {
    let known = value.as_str().is_some_and(|word| words.contains(&word));
    if known { Ok(value.clone()) } else { Err(Refusal::new("enum", one_of(words))) }
}

/// `Input should be 'a', 'b' or 'c'`.
pub(crate) fn one_of<W: std::fmt::Display>(words: &[W]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => format!("Input should be {last}"),
        Some((last, rest)) => format!("Input should be {} or {last}", rest.join(", ")),
        None => "Input should be absent".to_owned(),
    }
}

fn check_map(
    item: &Kind,
    map: &Map<String, Value>,
    place: &Place,
    problems: &mut Vec<Problem>,
) -> Option<Value> {
    let before = problems.len();
    let mut checked = Map::with_capacity(map.len());
    for (key, value) in map {
        if let Some(value) = item.check(value, &place.within(key), problems) {
            checked.insert(key.clone(), value);
        }
    }
    (problems.len() == before).then_some(Value::Object(checked))
}

fn check_list(
    item: &Kind,
    list: &[Value],
    place: &Place,
    problems: &mut Vec<Problem>,
) -> Option<Value> {
    let before = problems.len();
    let checked: Vec<Value> = list
        .iter()
        .enumerate()
        .filter_map(|(i, value)| item.check(value, &place.within(&i.to_string()), problems))
        .collect();
    (problems.len() == before).then_some(Value::Array(checked))
}

fn check_any(
    kinds: &[(&'static str, Kind)],
    value: &Value,
    place: &Place,
    problems: &mut Vec<Problem>,
) -> Option<Value> {
    let mut found = Vec::new();
    for (label, kind) in kinds {
        if let Some(value) = kind.check(value, &place.within(label), &mut found) {
            return Some(value);
        }
    }
    problems.append(&mut found);
    None
}

impl TextLimits {
    fn check(&self, value: &Value) -> Result<String, Refusal> {
        let text = value
            .as_str()
            .ok_or_else(|| Refusal::new("string_type", "Input should be a valid string"))?;
        let length = text.chars().count();
        if length < self.min {
            let s = plural(self.min);
            let message = format!("String should have at least {} character{s}", self.min);
            return Err(Refusal::new("string_too_short", message));
        }
        if let Some(max) = self.max.filter(|max| length > *max) {
            let message = format!("String should have at most {max} character{}", plural(max));
            return Err(Refusal::new("string_too_long", message));
        }
        if let Some(pattern) = self.pattern.filter(|pattern| !pattern.is_match(text)) {
            let message = format!("String should match pattern '{}'", pattern.as_str());
            return Err(Refusal::new("string_pattern_mismatch", message));
        }
        Ok(text.to_owned())
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl Bounds {
    /// Checks a whole number of any size: bounds are small, so that the nearest double will do.
    fn check_whole(self, number: &Value) -> Result<(), Refusal> {
        number::as_f64(number).map_or(Ok(()), |number| self.check(number))
    }

    fn check(self, number: f64) -> Result<(), Refusal> {
        // NaN is within no bounds, and this is the order in which the monolith notices.
        let is_low = |bound: f64| number.partial_cmp(&bound).is_none_or(Ordering::is_lt);
        let is_high = |bound: f64| number.partial_cmp(&bound).is_none_or(Ordering::is_gt);
        if let Some(le) = self.le.filter(|le| is_high(*le)) {
            let message = format!("Input should be less than or equal to {le}");
            return Err(Refusal::new("less_than_equal", message));
        }
        if let Some(ge) = self.ge.filter(|ge| is_low(*ge)) {
            let message = format!("Input should be greater than or equal to {ge}");
            return Err(Refusal::new("greater_than_equal", message));
        }
        Ok(())
    }
}
