//! Writes JSON text as Python's `json.dumps` does, in the forms that the monolith stores, sends and hashes.

use std::fmt::Write as _;

use serde_json::Value;

use super::float;
use super::number::{self, Odd};

/// The text of a JSON column: `json.dumps(value)`, blanks after `,` and `:`, ASCII only, key order kept.
pub fn stored(value: &Value) -> String {
    Style { comma: ", ", colon: ": ", ascii: true, sorted: false, finite: false }.text(value)
}

/// The text of which the marketplace keeps a hash: `json.dumps(value, sort_keys=True)`.
pub fn sorted(value: &Value) -> String {
    Style { comma: ", ", colon: ": ", ascii: true, sorted: true, finite: false }.text(value)
}

/// The text of a response: no blanks, UTF-8, key order kept, null for what is no finite number.
pub fn sent(value: &Value) -> String {
    SENT.text(value)
}

/// [`sent`], added to a text.
pub fn send(value: &Value, out: &mut String) {
    SENT.value(out, value);
}

/// [`send`] of a string.
pub fn send_string(text: &str, out: &mut String) {
    SENT.string(out, text);
}

/// Puts a comma before the next part of what was begun with `{` or `[`, but for the first.
pub fn separate(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

const SENT: Style = Style { comma: ",", colon: ":", ascii: false, sorted: false, finite: true };

/// The text that is hashed and signed: `json.dumps(value, sort_keys=True, separators=(",", ":"))`.
pub fn canonical(value: &Value) -> String {
    Style { comma: ",", colon: ":", ascii: true, sorted: true, finite: false }.text(value)
}

struct Style {
    comma: &'static str,
    colon: &'static str,
    ascii: bool,
    sorted: bool,
    finite: bool,
}

impl Style {
    fn text(&self, value: &Value) -> String {
        let mut out = String::new();
        self.value(&mut out, value);
        out
    }

    fn value(&self, out: &mut String, value: &Value) {
        if let Some(odd) = number::held(value) {
            let is_shown = !self.finite || matches!(odd, Odd::Integer(_));
            out.push_str(if is_shown { odd.json() } else { "null" });
            return;
        }
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(number) => match number.as_f64() {
                Some(float) if number.is_f64() => out.push_str(&float::repr(float)),
                _ => {
                    // Writing to a String cannot fail.
                    let _infallible = write!(out, "{number}");
                }
            },
            Value::String(text) => self.string(out, text),
            Value::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push_str(self.comma);
                    }
                    self.value(out, item);
                }
                out.push(']');
            }
            Value::Object(map) => {
                if self.sorted {
                    let mut entries: Vec<_> = map.iter().collect();
                    entries.sort_by(|a, b| a.0.cmp(b.0));
                    self.object(out, entries);
                } else {
                    self.object(out, map);
                }
            }
        }
    }

    fn object<'v>(
        &self,
        out: &mut String,
        entries: impl IntoIterator<Item = (&'v String, &'v Value)>,
    ) {
        out.push('{');
        for (i, (key, item)) in entries.into_iter().enumerate() {
            if i > 0 {
                out.push_str(self.comma);
            }
            self.string(out, key);
            out.push_str(self.colon);
            self.value(out, item);
        }
        out.push('}');
    }

    fn string(&self, out: &mut String, text: &str) {
        out.push('"');
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| self.escapes(byte)) {
            let (plain, special) = rest.split_at(at);
            out.push_str(plain);
            let mut chars = special.chars();
            if let Some(c) = chars.next() {
                escape(out, c);
            }
            rest = chars.as_str();
        }
        out.push_str(rest);
        out.push('"');
    }

    /// Whether a character that begins with this byte is written in another way.
    const fn escapes(&self, byte: u8) -> bool {
        // Of ASCII, Python then takes DEL for beyond it, too.
        matches!(byte, b'"' | b'\\' | ..b' ') || (self.ascii && byte >= 0x7f)
    }
}

fn escape(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        c => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _infallible = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn the_four_forms() {
        let value = json!({"b": [1, 2.0, null, true], "ü": "✓ \u{1F600}\n\u{7f}", "a": {}});
        assert_eq!(
            stored(&value),
            "{\"b\": [1, 2.0, null, true], \"\\u00fc\": \"\\u2713 \\ud83d\\ude00\\n\\u007f\", \"a\": {}}"
        );
        assert_eq!(
            sorted(&value),
            "{\"a\": {}, \"b\": [1, 2.0, null, true], \"\\u00fc\": \"\\u2713 \\ud83d\\ude00\\n\\u007f\"}"
        );
        assert_eq!(
            sent(&value),
            "{\"b\":[1,2.0,null,true],\"ü\":\"✓ \u{1F600}\\n\u{7f}\",\"a\":{}}"
        );
        assert_eq!(
            canonical(&value),
            "{\"a\":{},\"b\":[1,2.0,null,true],\"\\u00fc\":\"\\u2713 \\ud83d\\ude00\\n\\u007f\"}"
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            proptest::num::f64::NORMAL.prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_form_reads_back_as_the_same_value(value in any_json()) {
            for text in [stored(&value), sorted(&value), sent(&value), canonical(&value)] {
                let back: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&back, &value);
            }
            prop_assert!(stored(&value).is_ascii());
        }

        #[test]
        fn stored_text_keeps_key_order(keys in prop::collection::hash_set("[a-z]{1,6}", 0..8)) {
            let map: Map<String, Value> = keys.iter().map(|k| (k.clone(), Value::Null)).collect();
            let back: Map<String, Value> = serde_json::from_str(&stored(&Value::Object(map.clone()))).unwrap();
            prop_assert!(back.keys().eq(map.keys()));
        }
    }
}
