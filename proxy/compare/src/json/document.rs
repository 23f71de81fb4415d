//! Reads a JSON text without losing what a map of members and a double can't hold: members that come twice, and
//! numbers of any length.

use std::collections::{HashMap, HashSet};
use std::fmt;

use routes::admin::DifferenceKind;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::literal::{self, Replaced};
use crate::excerpt::View;
use crate::findings::Findings;
use crate::path::{Path, Step};
use crate::rules::Rules;
use crate::secret::MASK;

/// A JSON text, read.
#[derive(Debug)]
pub struct Document {
    /// The value; of members with the same name it holds the last, as most readers do. It keeps its address for as long
    /// as the document lives, wherever that is moved.
    pub root: Box<Value>,
    /// The values of members that a later member of the same name hides, by name, in order of the text.
    pub repeated: Vec<(String, Value)>,
    /// Addresses of the strings in `root` that are the text of a number that no [`Number`] holds.
    literals: HashSet<usize>,
}

impl Document {
    /// Reads a text. Besides JSON, the `NaN`, `Infinity` and `-Infinity` that Python writes are read.
    ///
    /// # Errors
    /// The text is no JSON, or nested deeper than 128.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let mut notes = Notes::default();
        let strict = read(text, &mut notes);
        // Integers past 64 bits come as floats; all else that needs a closer look is an error.
        let is_exact = strict.is_ok() && !notes.has_large_float;
        if let Some(Replaced { text, nulls }) =
            (!is_exact).then(|| literal::replaced(text)).flatten()
        {
            let mut notes = Notes { literals: Some(nulls.into_iter()), ..Notes::default() };
            if let Ok(root) = read(&text, &mut notes) {
                return Ok(Self::with_literals(root, notes.repeated));
            }
        }
        let root = Box::new(strict?);
        Ok(Self { root, repeated: notes.repeated, literals: HashSet::new() })
    }

    fn with_literals(root: Value, mut repeated: Vec<(String, Value)>) -> Self {
        let mut root = Box::new(root);
        let mut literals = HashSet::new();
        unescape(&mut root, &mut literals);
        for (_, value) in &mut repeated {
            unescape(value, &mut HashSet::new());
        }
        Self { root, repeated, literals }
    }

    /// Whether a string of the document is the text of a number.
    pub(crate) fn is_literal(&self, value: &Value) -> bool {
        !self.literals.is_empty() && self.literals.contains(&std::ptr::from_ref(value).addr())
    }

    /// Whether two texts are the same document but for order of members and spelling.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        // Addresses differ; documents with literals are the same only where the literals are not in doubt.
        self.literals.is_empty()
            && other.literals.is_empty()
            && self.root == other.root
            && self.repeated == other.repeated
    }

    /// The JSON type of the root.
    pub fn kind(&self) -> &'static str {
        match *self.root {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) if self.is_literal(&self.root) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }
}

fn read(text: &[u8], notes: &mut Notes) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let root = Node { notes }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(root)
}

/// Begins the text of a literal while a document is read; strings that begin with it get it a second time.
const ESCAPE: char = '\0';

/// Takes the escapes off again, and notes where the literals are. Recursion is bounded by the reader.
fn unescape(value: &mut Value, literals: &mut HashSet<usize>) {
    let address = std::ptr::from_ref(value).addr();
    match value {
        Value::String(text) if text.starts_with(ESCAPE) => {
            text.remove(0);
            if !text.starts_with(ESCAPE) {
                literals.insert(address);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                unescape(element, literals);
            }
        }
        Value::Object(members) => {
            for member in members.values_mut() {
                unescape(member, literals);
            }
        }
        _ => {}
    }
}

/// Records members that only one side repeats. Rules do not reach them: they stand at no path of the value.
pub(super) fn compare_repeated(
    (old, new): (&Document, &Document),
    rules: &Rules,
    findings: &mut Findings<'_>,
) {
    if old.repeated.is_empty() && new.repeated.is_empty() {
        return;
    }
    for (kind, these, those) in
        [(DifferenceKind::Missing, old, new), (DifferenceKind::Extra, new, old)]
    {
        let mut left = HashMap::<_, u64>::new();
        for (name, value) in &those.repeated {
            *left.entry((name.as_str(), value.to_string())).or_default() += 1;
        }
        for (name, value) in &these.repeated {
            if let Some(left) = left.get_mut(&(name.as_str(), value.to_string()))
                && *left > 0
            {
                *left -= 1;
                continue;
            }
            let mut path = Path::default();
            path.push(Step::Member(name));
            // A mask can't name such a place, so where there are masks nothing of it is shown.
            let hidden = if path.is_secret() || !rules.masks.is_empty() {
                MASK.to_owned()
            } else {
                View::new(these, &[]).excerpt(value)
            };
            let shown = format!("repeated member, hidden value {hidden}");
            let (old, new) = match kind {
                DifferenceKind::Missing => (shown.as_str(), ""),
                _ => ("", shown.as_str()),
            };
            let (place, at) = (path.general(), path.exact());
            let apart = |place: &str| place.replacen('$', "$.", 1);
            findings.add_plain(kind, (&apart(&place), &apart(&at)), old, new);
        }
    }
}

/// What is noted while a text is read.
#[derive(Debug, Default)]
struct Notes {
    repeated: Vec<(String, Value)>,
    /// A float came that may have been an integer in the text.
    has_large_float: bool,
    /// What stands at each `null` of the text, where some stand for literals.
    literals: Option<std::vec::IntoIter<Option<String>>>,
}

/// Reads one value and notes the members that come twice.
struct Node<'n> {
    notes: &'n mut Notes,
}

/// 2^63: floats below it were no integers in the text, or the same.
const LARGE: f64 = 9_223_372_036_854_775_808.0;

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
        let literal = self.notes.literals.as_mut().and_then(Iterator::next).flatten();
        Ok(literal.map_or(Value::Null, |text| Value::String(format!("{ESCAPE}{text}"))))
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
        self.notes.has_large_float |= value.abs() >= LARGE;
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, mut value: String) -> Result<Value, E> {
        if self.notes.literals.is_some() && value.starts_with(ESCAPE) {
            value.insert(0, ESCAPE);
        }
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(Node { notes: &mut *self.notes })? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Node { notes: &mut *self.notes })?;
            match object.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(mut place) => {
                    let hidden = place.insert(value);
                    self.notes.repeated.push((place.key().clone(), hidden));
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
        assert_eq!(*document.root, json!({"a": 4, "b": {"a": 3}}));
        assert_eq!(document.repeated, [("a".into(), json!([2])), ("a".into(), json!(1))]);
    }

    #[test]
    fn depth_and_trailing_text_are_refused() {
        let deep = |depth| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(Document::parse(&deep(127)).is_ok());
        assert!(Document::parse(&deep(100_000)).is_err());
        for text in ["1 2", "", "[nan]", "[NaN", "[+Infinity]", "{NaN: 1}", "[00]"] {
            assert!(Document::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn literals_are_told_from_texts() {
        let text = br#"[NaN, "NaN", "\u0000NaN", 18446744073709551616, 1e30, null, {"\u0000k": -Infinity}]"#;
        let document = Document::parse(text).unwrap();
        assert_eq!(
            *document.root,
            json!(["NaN", "NaN", "\0NaN", "18446744073709551616", 1e30, null, {"\0k": "-Infinity"}])
        );
        let elements = document.root.as_array().unwrap();
        let is_literal: Vec<_> = elements.iter().map(|value| document.is_literal(value)).collect();
        assert_eq!(is_literal, [true, false, false, true, false, false, false]);
        assert!(document.is_literal(&elements[6]["\0k"]));
        let moved = Box::new(Document::parse(b"Infinity").unwrap());
        assert!(moved.is_literal(&moved.root));
        assert_eq!(moved.kind(), "number");
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_reads(text in "[\\[\\]{}:,\"0-9a-c.eE+\\- ]{0,60}") {
            let ours = Document::parse(text.as_bytes()).ok();
            let theirs = serde_json::from_str::<Value>(&text).ok();
            let is_literal = ours.as_ref().is_some_and(|ours| !ours.literals.is_empty());
            prop_assert!(is_literal || ours.map(|ours| *ours.root) == theirs);
        }
    }
}
