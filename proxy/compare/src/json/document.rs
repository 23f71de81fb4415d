//! Reads a JSON text without losing what a map of members can't hold: members that come twice.

use std::collections::HashMap;
use std::fmt;

use routes::admin::DifferenceKind;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::difference::Findings;
use crate::excerpt::Shown;
use crate::path::{Path, Step};

/// A JSON text, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The value; of members with the same name it holds the last, as most readers do.
    pub root: Value,
    /// The values of members that a later member of the same name hides, by name, in order of the text.
    pub repeated: Vec<(String, Value)>,
}

impl Document {
    /// Reads a text.
    ///
    /// # Errors
    /// The text is no JSON, or nested deeper than 128.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let mut repeated = Vec::new();
        let mut reader = serde_json::Deserializer::from_slice(text);
        let root = Node { repeated: &mut repeated }.deserialize(&mut reader)?;
        reader.end()?;
        Ok(Self { root, repeated })
    }

    /// The JSON type of the root.
    pub fn kind(&self) -> &'static str {
        match self.root {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }
}

/// Records members that only one side repeats. Rules do not reach them: they stand at no path of the value.
pub(super) fn compare_repeated(old: &Document, new: &Document, findings: &mut Findings) {
    fn count(document: &Document) -> HashMap<(&str, String), i64> {
        let mut counts = HashMap::new();
        for (name, value) in &document.repeated {
            *counts.entry((name.as_str(), value.to_string())).or_default() += 1;
        }
        counts
    }
    let mut report = |kind, these: &Document, those: &Document| {
        let mut left = count(those);
        for (name, value) in &these.repeated {
            let key = (name.as_str(), value.to_string());
            let is_matched = left.get_mut(&key).is_some_and(|left| {
                *left -= 1;
                *left >= 0
            });
            if !is_matched {
                let mut path = Path::default();
                path.push(Step::Member(name));
                let shown = Shown::Json(value);
                let (old, new) = match kind {
                    DifferenceKind::Missing => (shown, Shown::Absent),
                    _ => (Shown::Absent, shown),
                };
                findings.add_repeated(kind, &path, old, new);
            }
        }
    };
    if old.repeated.is_empty() && new.repeated.is_empty() {
        return;
    }
    report(DifferenceKind::Missing, old, new);
    report(DifferenceKind::Extra, new, old);
}

/// Reads one value and notes the members that come twice.
struct Node<'r> {
    repeated: &'r mut Vec<(String, Value)>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) =
            elements.next_element_seed(Node { repeated: &mut *self.repeated })?
        {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Node { repeated: &mut *self.repeated })?;
            match object.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(mut place) => {
                    let hidden = place.insert(value);
                    self.repeated.push((place.key().clone(), hidden));
                }
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn repeated_members_are_kept() {
        let text = br#"{"a": 1, "b": {"a": [2], "a": 3}, "a": 4}"#;
        let document = Document::parse(text).unwrap();
        assert_eq!(document.root, json!({"a": 4, "b": {"a": 3}}));
        assert_eq!(document.repeated, [("a".into(), json!([2])), ("a".into(), json!(1))]);
    }

    #[test]
    fn depth_and_trailing_text_are_refused() {
        let deep = |depth| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(Document::parse(&deep(127)).is_ok());
        assert!(Document::parse(&deep(100_000)).is_err());
        assert!(Document::parse(b"1 2").is_err());
        assert!(Document::parse(b"").is_err());
        assert!(Document::parse(b"[NaN]").is_err());
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_reads(text in "[\\[\\]{}:,\"0-9a-c.eE+\\- ]{0,60}") {
            let ours = Document::parse(text.as_bytes());
            let theirs = serde_json::from_str::<Value>(&text);
            prop_assert_eq!(ours.ok().map(|document| document.root), theirs.ok());
        }
    }
}
