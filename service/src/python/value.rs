//! What Python makes of a JSON value: whether it counts as true, what its type is called, and how `repr` prints it.

use serde_json::Value;

use super::{float, number};

/// What `if value:` sees.
pub fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// `type(value).__name__`.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        value if number::is_integer(value) => "int",
        value if number::as_f64(value).is_some() => "float",
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// `repr(value)`.
pub fn repr(value: &Value) -> String {
    if let Some(odd) = number::held(value) {
        return odd.repr().to_owned();
    }
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => float::repr(float),
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

/// Double quotes only around a text that has single ones and no double ones.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => out.push_str(&escaped(u32::from(c))),
        }
    }
    out.push(quote);
    out
}

fn escaped(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// Python and Rust draw this line at the same Unicode categories. Rust only shows it by what it escapes, and after a
/// letter, so that a combining mark is not escaped for standing alone.
fn is_printable(c: char) -> bool {
    let after_a_letter: String = ['a', c].iter().collect();
    let shown = after_a_letter.escape_debug().count();
    shown == 2 || matches!(c, '"' | '\'')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn prints_what_python_prints() {
        for (value, printed) in [
            (json!(null), "None"),
            (json!([true, false]), "[True, False]"),
            (json!(["n1", null, 3, 2.0, 1e-5]), "['n1', None, 3, 2.0, 1e-05]"),
            (json!({"a": {"b": []}}), "{'a': {'b': []}}"),
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
    }

    #[test]
    fn names_of_types() {
        let nan = number::hold("NaN");
        assert_eq!(repr(&json!([nan, number::hold("-Infinity")])), "[nan, -inf]");
        let values = [json!(null), json!(true), json!(1), nan, json!(""), json!([]), json!({})];
        let names = values.each_ref().map(type_name);
        assert_eq!(names, ["NoneType", "bool", "int", "float", "str", "list", "dict"]);
    }

    #[test]
    fn truth() {
        for value in [json!(0.5), json!(-1), json!("0"), json!([0]), json!({"a": null})] {
            assert!(is_truthy(&value), "{value}");
        }
        for value in [json!(0), json!(-0.0), json!(""), json!([]), json!({}), json!(null)] {
            assert!(!is_truthy(&value), "{value}");
        }
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
