//! Prints JSON values as Python's `str` and `repr` do, where the monolith works with that text.

use std::fmt::Write as _;

use serde_json::Value;

use super::float;

/// `str(value)`: a text as it is, anything else as [`repr`].
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| repr(value), str::to_owned)
}

/// `repr(value)` of what Python makes of this JSON: `None`, `True`, `'text'`, `[1, 2.0]`, `{'a': 1}`.
pub fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(figure) if number.is_f64() => float::repr(figure),
            _ => number.to_string(),
        },
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(repr).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", quoted(key), repr(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// In single quotes, unless only double ones spare an escape.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote || c == '\\' => out.extend(['\\', c]),
            '\'' | '"' => out.push(c),
            c if is_printable(c) => out.push(c),
            c => {
                // Writing to a String cannot fail.
                let _infallible = match u32::from(c) {
                    code @ ..=0xff => write!(out, "\\x{code:02x}"),
                    code @ ..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
    out
}

/// Rust escapes the categories of characters that Python does, and besides a mark that stands alone: hence the letter.
fn is_printable(c: char) -> bool {
    String::from_iter(['a', c]).escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prints_what_python_prints() {
        for (value, printed) in [
            (json!(null), "None"),
            (json!([true, false, 1, -2.0, 1e-5]), "[True, False, 1, -2.0, 1e-05]"),
            (json!({"a": {}, "b": []}), "{'a': {}, 'b': []}"),
            (json!("it's"), "\"it's\""),
            (json!("it's \"so\""), "'it\\'s \"so\"'"),
            (json!("\\\n\u{0}\u{7f}é\u{301}✓"), "'\\\\\\n\\x00\\x7fé\u{301}✓'"),
            (json!("\u{200b}\u{a0}\u{1F600}"), "'\\u200b\\xa0\u{1F600}'"),
        ] {
            assert_eq!(repr(&value), printed);
        }
        assert_eq!(text(&json!("it's")), "it's");
        assert_eq!(text(&json!(null)), "None");
    }
}
