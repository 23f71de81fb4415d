//! What one pair of values looks like that the old backend gave for one question asked twice.
//!
//! Whether two values are times, or identifiers of one shape, is asked of the comparer itself: a rule is proposed only
//! where the comparer with that rule calls the two equal.

use std::sync::LazyLock;

use compare::{Answer, Question, Rules, compare};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use routes::compare::CompareRules;
use serde_json::Value;
use serde_json_path::JsonPath;

/// What a pair of values looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Clue {
    /// Both are times.
    Time,
    /// Both are identifiers of one shape.
    Identifier,
    /// Both are numbers.
    Number {
        /// The later one is larger.
        has_grown: bool,
        /// One of them is no integer.
        is_fraction: bool,
        /// Difference over the larger one.
        spread: f64,
    },
    /// Nothing that a rule could be made of.
    Nothing,
}

/// Shortest text without a digit that is taken for an identifier: shorter ones of one length are words (`queued`, `failed`).
const MIN_LETTERS: usize = 16;

static JSON: LazyLock<HeaderMap> = LazyLock::new(|| {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))])
});

/// The whole document.
fn root() -> Vec<JsonPath> {
    JsonPath::parse("$").into_iter().collect()
}

static TIMESTAMP: LazyLock<Rules> =
    LazyLock::new(|| CompareRules { timestamp: root(), ..CompareRules::default() }.into());
static IDENTIFIER: LazyLock<Rules> =
    LazyLock::new(|| CompareRules { identifier: root(), ..CompareRules::default() }.into());

/// Looks at a pair of values as a difference shows them: JSON texts, maybe cut or masked.
pub(super) fn clue(earlier: &str, later: &str) -> Clue {
    let (Ok(old), Ok(new)) = (serde_json::from_str(earlier), serde_json::from_str(later)) else {
        return Clue::Nothing;
    };
    match (&old, &new) {
        // Two masked values show nothing.
        (old, new) if old == new => Clue::Nothing,
        (Value::Number(old), Value::Number(new)) => {
            let (Some(old_value), Some(new_value)) = (old.as_f64(), new.as_f64()) else {
                return Clue::Nothing;
            };
            let larger = old_value.abs().max(new_value.abs());
            Clue::Number {
                has_grown: new_value > old_value,
                is_fraction: old.is_f64() || new.is_f64(),
                spread: if larger > 0.0 { (old_value - new_value).abs() / larger } else { 0.0 },
            }
        }
        (Value::String(old), Value::String(new)) => {
            if are_equal(earlier, later, &TIMESTAMP) {
                Clue::Time
            } else if could_identify(old)
                && could_identify(new)
                && are_equal(earlier, later, &IDENTIFIER)
            {
                Clue::Identifier
            } else {
                Clue::Nothing
            }
        }
        _ => Clue::Nothing,
    }
}

fn could_identify(text: &str) -> bool {
    text.len() >= MIN_LETTERS || text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether the comparer calls two documents equal by these rules.
pub(super) fn are_equal(old: &str, new: &str, rules: &Rules) -> bool {
    let question = Question { method: &Method::GET, path: "/", host: None };
    let of = |body| Answer { status: StatusCode::OK, headers: &JSON, body };
    let (old, new) = (of(old.as_bytes()), of(new.as_bytes()));
    compare(&question, &old, &new, rules, old.body.len().max(new.body.len()))
        .is_ok_and(|comparison| comparison.is_match())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_for_what_they_look_like() {
        for (old, new, expected) in [
            (r#""2026-01-02T03:04:05Z""#, r#""2026-01-02T03:04:06.5+00:00""#, Clue::Time),
            (r#""wf_0a1b2c""#, r#""wf_9f8e7d""#, Clue::Identifier),
            (
                r#""550e8400-e29b-41d4-a716-446655440000""#,
                r#""6ba7b810-9dad-41d1-80b4-00c04fd430c8""#,
                Clue::Identifier,
            ),
            (r#""queued""#, r#""failed""#, Clue::Nothing),
            (r#""***""#, r#""***""#, Clue::Nothing),
            (r#""wf_0a1b2c""#, r#""other""#, Clue::Nothing),
            (r#""cut off"#, r#""cut of"#, Clue::Nothing),
            ("[1]", "[2]", Clue::Nothing),
            ("null", "7", Clue::Nothing),
        ] {
            assert_eq!(clue(old, new), expected, "{old} {new}");
        }
    }

    #[test]
    fn numbers_grow_and_jitter() {
        let number = |old, new| match clue(old, new) {
            Clue::Number { has_grown, is_fraction, spread } => (has_grown, is_fraction, spread),
            other => panic!("{other:?}"),
        };
        assert_eq!(number("4", "5"), (true, false, 0.2));
        assert_eq!(number("5", "4"), (false, false, 0.2));
        let (has_grown, is_fraction, spread) = number("0.1000000001", "0.1");
        assert!(!has_grown && is_fraction && spread < 1e-8);
    }
}
