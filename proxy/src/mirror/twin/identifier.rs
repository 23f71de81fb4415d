//! What is taken for an identifier, and which ones may name the same kind of thing.

use serde_json::Value;

/// Longest text that is taken for an identifier, bytes.
const MAX_LENGTH: usize = 128;

/// An identifier as one side knows it.
///
/// A text such as a UUID is unique whatever it names. A bare number is not: 7 may be a workflow and an execution, so a
/// number goes with the kind of thing that it names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Identifier {
    /// `workflow`; only for bare numbers.
    kind: Option<Box<str>>,
    text: Box<str>,
}

impl Identifier {
    /// A text at a place where identifiers stand: a segment of a path, a value of a query, a string in JSON. `place` is
    /// what the place says about the kind: the segment before, the query's key, the member's name.
    pub(super) fn of_text(text: &str, place: Option<&str>) -> Option<Self> {
        if text.is_empty() || text.len() > MAX_LENGTH {
            return None;
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let kind = kind(place?)?;
            return Some(Self { kind: Some(kind.into()), text: text.into() });
        }
        is_unique(text).then(|| Self { kind: None, text: text.into() })
    }

    /// A JSON value under a member's name; numbers only under a name that says that it is an identifier.
    pub(super) fn of_json(value: &Value, member: Option<&str>) -> Option<Self> {
        match value {
            Value::String(text) => {
                Self::of_text(text, member.filter(|name| names_identifier(name)))
            }
            Value::Number(number) if number.is_u64() => {
                Self::of_text(&number.to_string(), member.filter(|name| names_identifier(name)))
            }
            _ => None,
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the two can be names of one thing: both numbers of one kind, or texts with the same signs between words.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let signs = |text: &str| -> String {
            text.chars().filter(|sign| !sign.is_ascii_alphanumeric()).collect()
        };
        self.kind == other.kind && signs(&self.text) == signs(&other.text)
    }
}

/// Whether a member or a key of a query says that its value is an identifier.
pub(super) fn names_identifier(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    matches!(lower.as_str(), "id" | "uuid" | "guid" | "_id")
        || lower.ends_with("_id")
        || lower.ends_with("_uuid")
        || lower.ends_with("-id")
        || name.ends_with("Id")
        || name.ends_with("ID")
}

/// `workflow` from `workflow_id`, `workflowId`, `workflows`; nothing from a bare `id`.
fn kind(place: &str) -> Option<String> {
    let lower = place.to_ascii_lowercase();
    let stem = ["_uuid", "_id", "-id", "id"].iter().find_map(|end| lower.strip_suffix(end));
    let stem = stem.unwrap_or(&lower).trim_end_matches(['_', '-']);
    let singular = match stem.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => stem.strip_suffix('s').unwrap_or(stem).to_owned(),
    };
    (!singular.is_empty()).then_some(singular)
}

/// Whether a text looks like the name of one thing only: it has a digit, is no word with a number at its end, no time
/// and no number with a fraction.
fn is_unique(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'~');
    if text.len() < 6 || !text.bytes().all(allowed) {
        return false;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    if letters == 0 || (digits == 0 && !is_long_hex(text)) {
        return false;
    }
    let word = text.trim_end_matches(|last: char| last.is_ascii_digit());
    let is_numbered_word = word.len() >= 3
        && (1..=3).contains(&(text.len() - word.len()))
        && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    !is_numbered_word && !is_time(text)
}

/// Long hex that happens to have no digit, alone or behind a prefix.
fn is_long_hex(text: &str) -> bool {
    let last = text.rsplit(['_', '-']).next().unwrap_or(text);
    last.len() >= 8 && last.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `2026-01-31T…`: a date at the beginning.
fn is_time(text: &str) -> bool {
    let shape: String =
        text.chars().take(10).map(|sign| if sign.is_ascii_digit() { '0' } else { sign }).collect();
    shape == "0000-00-00"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_names_one_thing_is_told_from_words_numbers_and_times() {
        for text in [
            "agent_0a1b2c3d4e5f",
            "550e8400-e29b-41d4-a716-446655440000",
            "exec-7f3a",
            "deadbeefcafe",
            "agent_deadbeef",
            "01J9ZQK3X4",
        ] {
            assert!(Identifier::of_text(text, None).is_some(), "{text}");
        }
        for text in [
            "",
            "basic",
            "zero-knowledge",
            "data_facade",
            "oauth2",
            "level10",
            "2026-01-31T10:00:00",
            "0.1.0",
            "7",
            "a b1 c2",
            "1.0.0",
        ] {
            assert!(Identifier::of_text(text, None).is_none(), "{text}");
        }
    }

    #[test]
    fn bare_numbers_go_with_their_kind() {
        let in_path = Identifier::of_text("7", Some("workflows")).unwrap();
        assert_eq!(Identifier::of_json(&json!(7), Some("workflow_id")), Some(in_path.clone()));
        assert_eq!(Identifier::of_json(&json!("7"), Some("workflowId")), Some(in_path.clone()));
        assert_ne!(Identifier::of_json(&json!(7), Some("execution_id")), Some(in_path));
        assert_eq!(Identifier::of_json(&json!(7), Some("limit")), None);
        assert_eq!(Identifier::of_json(&json!(7), None), None);
    }

    #[test]
    fn names_of_one_thing_are_alike() {
        let id = |text| Identifier::of_text(text, Some("things")).unwrap();
        assert!(id("agent_0a1b2c").is_like(&id("agent_ffff00ff")));
        assert!(!id("agent_0a1b2c").is_like(&id("agent-0a1b2c")));
        assert!(id("17").is_like(&id("4")));
        assert!(!id("17").is_like(&id("agent_0a1b2c")));
    }
}
