//! Short, masked pieces of an answer that show a difference to a person.

use serde_json::Value;

use super::secret::{MASK, is_secret_name};

/// Longest excerpt, in characters.
const MAX_CHARACTERS: usize = 512;

/// What one side has where the two differ.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown<'a> {
    /// Nothing stands there.
    Absent,
    /// A JSON value, shown as compact JSON without the values of secret members.
    Json(&'a Value),
    /// Words of our own (a length, a hash) or a piece of text.
    Text(&'a str),
}

impl Shown<'_> {
    pub(super) fn excerpt(self) -> String {
        match self {
            Self::Absent => String::new(),
            Self::Json(value) => json(value),
            Self::Text(text) => cut(text),
        }
    }
}

/// The beginning of a text.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => {
            // The last character gives way to the sign that something was cut.
            let end = text.get(..end).and_then(|kept| kept.char_indices().next_back());
            let kept = end.and_then(|(end, _)| text.get(..end)).unwrap_or_default();
            format!("{kept}…")
        }
        None => text.to_owned(),
    }
}

fn json(value: &Value) -> String {
    let mut out = String::new();
    write_json(value, &mut out);
    cut(&out)
}

/// Writes at least the beginning of a value; stops soon after the excerpt is full.
fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => {
            out.push_str(&Value::from(cut(text)).to_string());
        }
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if out.len() > 4 * MAX_CHARACTERS {
                    return;
                }
                out.push_str(if index == 0 { "" } else { "," });
                write_json(element, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                if out.len() > 4 * MAX_CHARACTERS {
                    return;
                }
                out.push_str(if index == 0 { "" } else { "," });
                out.push_str(&Value::from(cut(name)).to_string());
                out.push(':');
                if is_secret_name(name) {
                    out.push_str(&Value::from(MASK).to_string());
                } else {
                    write_json(member, out);
                }
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secret_members_are_masked_at_any_depth() {
        let value = json!({"name": "a", "auth": [{"api_key": {"v": "planted"}, "password": 7}]});
        assert_eq!(
            Shown::Json(&value).excerpt(),
            r#"{"name":"a","auth":[{"api_key":"***","password":"***"}]}"#
        );
    }

    #[test]
    fn excerpts_are_short_and_whole_characters() {
        let long = json!(["é".repeat(5000), "x".repeat(5000)]);
        let excerpt = Shown::Json(&long).excerpt();
        assert_eq!(excerpt.chars().count(), MAX_CHARACTERS);
        assert!(excerpt.ends_with('…'));
        assert_eq!(cut(&"x".repeat(MAX_CHARACTERS)).chars().count(), MAX_CHARACTERS);
        let many = Value::from(vec![json!({}); 100_000]);
        assert_eq!(Shown::Json(&many).excerpt().chars().count(), MAX_CHARACTERS);
    }
}
