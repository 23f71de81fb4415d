//! The JSON schema of a shape, for the OpenAPI document.

use serde_json::{Map, Value, json};

use super::kind::{Bounds, Kind, TextLimits};
use super::shape::{Absent, Field, Shape};

/// The schema of an object with the fields of `shape`.
pub fn of_shape(shape: &Shape) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in shape.fields() {
        properties.insert(field.name.to_owned(), of_field(field));
        if matches!(field.absent, Absent::Refused) {
            required.push(field.name);
        }
    }
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        put(&mut schema, "required", json!(required));
    }
    schema
}

/// The schema of one field, with its default.
pub fn of_field(field: &Field) -> Value {
    let mut schema = of_kind(&field.kind);
    if let Absent::Default(value) = &field.absent {
        put(&mut schema, "default", value.clone());
    }
    schema
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text(limits) => text(limits),
        Kind::Integer(bounds) | Kind::AnyInteger(bounds) => number("integer", bounds),
        Kind::Number(bounds) => number("number", bounds),
        Kind::NumberOrInfinity | Kind::AnyNumber => json!({"type": "number"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Choice(words) => json!({"type": "string", "enum": words}),
        Kind::Anything => anything(),
        Kind::MapOf(item) => json!({"type": "object", "additionalProperties": inner(item)}),
        Kind::ListOf(item) => json!({"type": "array", "items": of_kind(item)}),
        Kind::Model(shape) => of_shape(shape),
        Kind::AnyOf(kinds) => {
            json!({"anyOf": kinds.iter().map(|(_, kind)| of_kind(kind)).collect::<Vec<_>>()})
        }
        Kind::Nullable(kind) => json!({"anyOf": [of_kind(kind), {"type": "null"}]}),
    }
}

/// The schema that says nothing. The document's reader wants a type, and leaves it out when it is null.
pub fn anything() -> Value {
    json!({"type": null})
}

fn inner(item: &Kind) -> Value {
    if matches!(item, Kind::Anything) { Value::Bool(true) } else { of_kind(item) }
}

fn text(limits: &TextLimits) -> Value {
    let mut schema = json!({"type": "string"});
    if limits.min > 0 {
        put(&mut schema, "minLength", json!(limits.min));
    }
    if let Some(max) = limits.max {
        put(&mut schema, "maxLength", json!(max));
    }
    if let Some(pattern) = limits.pattern {
        put(&mut schema, "pattern", json!(pattern.as_str()));
    }
    schema
}

fn number(name: &str, bounds: &Bounds) -> Value {
    let mut schema = json!({"type": name});
    if let Some(ge) = bounds.ge {
        put(&mut schema, "minimum", json!(ge));
    }
    if let Some(le) = bounds.le {
        put(&mut schema, "maximum", json!(le));
    }
    schema
}

fn put(schema: &mut Value, key: &str, value: Value) {
    if let Value::Object(map) = schema {
        map.insert(key.to_owned(), value);
    }
}
