//! What Python makes of a JSON value: whether it counts as true, and what its type is called.

use serde_json::Value;

use super::number;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_types() {
        let nan = number::hold("NaN");
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
}
