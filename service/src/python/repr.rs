//! Prints JSON values as Python's `str` and `repr` do, where the monolith works with that text.

use std::fmt::Write as _;

use serde_json::Value;

use super::{float, number};

/// `str(value)`: a text as it is, anything else as [`repr`].
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| repr(value), str::to_owned)
}

/// `repr(value)` of what Python makes of this JSON: `None`, `True`, `'text'`, `[1, 2.0]`, `{'a': 1}`.
pub fn repr(value: &Value) -> String {
    if let Some(odd) = number::held(value) {
        return odd.repr().to_owned();
    }
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
            let entries: Vec<String> =
                map.iter().map(|(key, item)| format!("{}: {}", quoted(key), repr(item))).collect();
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

/// Python and Rust draw this line at the same Unicode categories. Rust only shows it by what it escapes, and after a
/// letter, so that a combining mark is not escaped for standing alone.
fn is_printable(c: char) -> bool {
    String::from_iter(['a', c]).escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn prints_what_python_prints() {
        let (nan, low) = (number::hold("NaN"), number::hold("-Infinity"));
        for (value, printed) in [
            (json!(null), "None"),
            (json!([true, false]), "[True, False]"),
            (json!(["n1", null, 3, -2.0, 1e-5]), "['n1', None, 3, -2.0, 1e-05]"),
            (json!([nan, low]), "[nan, -inf]"),
            (json!({"a": {"b": []}, "c": {}}), "{'a': {'b': []}, 'c': {}}"),
            (json!("it's"), "\"it's\""),
            (json!("it's \"so\""), "'it\\'s \"so\"'"),
            (json!("say \"so\""), "'say \"so\"'"),
            (json!("a\\b\n\r\t"), "'a\\\\b\\n\\r\\t'"),
            (json!("żółć ✓ \u{1F600}"), "'żółć ✓ \u{1F600}'"),
            (json!("e\u{301}"), "'e\u{301}'"),
            (json!("\u{0}\u{7f}\u{a0}\u{ad}"), "'\\x00\\x7f\\xa0\\xad'"),
            (json!("\u{200b}\u{2028}\u{e000}"), "'\\u200b\\u2028\\ue000'"),
            (json!("\u{e0001}"), "'\\U000e0001'"),
        ] {
            assert_eq!(repr(&value), printed);
        }
        assert_eq!(text(&json!("it's")), "it's");
        assert_eq!(text(&json!(null)), "None");
    }

    proptest! {
        #[test]
        fn a_printed_text_stands_on_one_line_between_equal_quotes(text in any::<String>()) {
            let printed = repr(&Value::from(text));
            prop_assert!(printed.len() >= 2 && printed.starts_with(['\'', '"']));
            prop_assert_eq!(printed.chars().next(), printed.chars().last());
            prop_assert!(!printed.chars().any(char::is_control));
        }
    }
}
