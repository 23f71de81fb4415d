//! The OpenAPI document, made from the same descriptions that check requests.

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::endpoint::{Action, BodyKind, Endpoint, Group};
use crate::compatibility::Compatibility;
use crate::tables::choice;
use crate::tables::column::{Column, ColumnType, Table};
use crate::validation::shape::{Absent, Field};
use crate::validation::{example, schema};

/// The text of the document of all groups, in one of the manners.
pub fn text(groups: &[Group], compatibility: Compatibility) -> Result<Bytes, serde_json::Error> {
    Ok(serde_json::to_vec(&document(groups, compatibility)?)?.into())
}

/// The document itself. Reading it as [`OpenApi`] checks that it is one.
fn document(groups: &[Group], compatibility: Compatibility) -> Result<OpenApi, serde_json::Error> {
    let mut paths = Map::new();
    for group in groups {
        for mount in group.mounts {
            for endpoint in &group.endpoints {
                let path = format!("{mount}{}", endpoint.path);
                let operation = operation(group.name, mount, endpoint, compatibility);
                let item = paths.entry(path).or_insert_with(|| json!({}));
                if let Value::Object(item) = item {
                    item.insert(endpoint.method.as_str().to_ascii_lowercase(), operation);
                }
            }
        }
    }
    serde_json::from_value(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Agent service",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The agent API of the monolith. The same endpoints stand under \
                            /api/v1/agent, /api/v1/agents and /v1/agents.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"api_key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}},
            "schemas": {
                "Detail": detail(),
                "Failure": failure(),
                "ValidationError": validation_error(),
            },
        },
    }))
}

fn operation(group: &str, mount: &str, endpoint: &Endpoint, compatibility: Compatibility) -> Value {
    let action = &endpoint.action;
    let is_guarded = action.access.asks_for_a_key(compatibility);
    let mut operation = json!({
        "tags": [group],
        "summary": action.about,
        "operationId": operation_id(mount, &endpoint.method, endpoint.path),
        "parameters": parameters(endpoint),
        "responses": responses(action, is_guarded),
    });
    if let Value::Object(map) = &mut operation {
        if let Some(schema) = body_schema(action.body) {
            let content =
                json!({"application/json": {"schema": schema, "example": example(action)}});
            let required = !matches!(action.body, BodyKind::OptionalDictionary);
            map.insert("requestBody".to_owned(), json!({"required": required, "content": content}));
        }
        if is_guarded {
            map.insert("security".to_owned(), json!([{"api_key": []}]));
        }
    }
    operation
}

fn operation_id(mount: &str, method: &Method, path: &str) -> String {
    let words: Vec<&str> = mount
        .split('/')
        .chain(path.split('/'))
        .map(|word| word.trim_matches(['{', '}']))
        .filter(|word| !word.is_empty())
        .collect();
    format!("{}_{}", method.as_str().to_ascii_lowercase(), words.join("_"))
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let names =
        endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let of_path = names.map(|name| {
        let mut fields = endpoint.action.path.into_iter().flat_map(|shape| shape.fields());
        path_parameter(name, fields.find(|field| field.name == name))
    });
    let of_query = endpoint.action.query.into_iter().flat_map(|shape| shape.fields());
    of_path.chain(of_query.map(query_parameter)).collect()
}

fn path_parameter(name: &str, described: Option<&Field>) -> Value {
    let schema = described.map_or_else(|| json!({"type": "string"}), schema::of_field);
    let mut parameter = json!({"name": name, "in": "path", "required": true, "schema": schema});
    if let (Value::Object(parameter), Some(field)) = (&mut parameter, described) {
        parameter.extend(example::of_field(field).map(|value| ("example".to_owned(), value)));
    }
    parameter
}

/// Only what must be sent has an example: a filter that is filled in finds nothing.
fn query_parameter(field: &Field) -> Value {
    let (name, schema) = (field.name, schema::of_field(field));
    match field.absent {
        Absent::Refused => json!({
            "name": name, "in": "query", "required": true, "schema": schema,
            "example": example::of_field(field),
        }),
        Absent::Default(_) | Absent::Left => {
            json!({"name": name, "in": "query", "required": false, "schema": schema})
        }
    }
}

/// A body that works when it is tried.
fn example(action: &Action) -> Value {
    match (action.example, action.body) {
        (Some(example), _) => example(),
        (None, BodyKind::Model(shape) | BodyKind::Parts(shape)) => example::of_shape(shape),
        (None, BodyKind::None | BodyKind::Dictionary | BodyKind::OptionalDictionary) => json!({}),
    }
}

fn responses(action: &Action, is_guarded: bool) -> Value {
    let mut responses = Map::new();
    let good = action.answer.map_or_else(schema::anything, |schema| schema());
    let content = json!({action.media: {"schema": good}});
    let answer = json!({"description": "as asked", "content": content});
    responses.insert(action.success.as_str().to_owned(), answer);
    let detail = json!({"$ref": "#/components/schemas/Detail"});
    if is_guarded {
        responses.insert("401".to_owned(), response("unknown key", &detail));
    }
    for status in action.refusals {
        let reason = http::StatusCode::from_u16(*status).ok().and_then(|s| s.canonical_reason());
        responses.insert(status.to_string(), response(reason.unwrap_or("refused"), &detail));
    }
    responses.insert("503".to_owned(), response("the database is busy", &detail));
    if !matches!(action.body, BodyKind::None) {
        let limit = json!({"$ref": "#/components/schemas/Failure"});
        responses.insert("400".to_owned(), response("no text, or no sense", &detail));
        responses.insert("413".to_owned(), response("more than 10 MiB", &limit));
    }
    if action.path.is_some() || action.query.is_some() || !matches!(action.body, BodyKind::None) {
        let invalid = json!({"$ref": "#/components/schemas/ValidationError"});
        responses.insert("422".to_owned(), response("the request does not hold", &invalid));
    }
    Value::Object(responses)
}

fn response(description: &str, schema: &Value) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

fn body_schema(body: BodyKind) -> Option<Value> {
    match body {
        BodyKind::None => None,
        BodyKind::Model(shape) | BodyKind::Parts(shape) => Some(schema::of_shape(shape)),
        BodyKind::Dictionary => Some(dictionary()),
        BodyKind::OptionalDictionary => Some(json!({"anyOf": [dictionary(), {"type": "null"}]})),
    }
}

fn dictionary() -> Value {
    json!({"type": "object", "additionalProperties": true})
}

/// The schema of a row as answers show it.
pub fn of_table(table: &Table) -> Value {
    let properties: Map<String, Value> =
        table.columns.iter().map(|column| (column.name.to_owned(), of_column(column))).collect();
    let required: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// The schema of an answer that shows some columns of a row.
pub fn of_columns(table: &Table, names: &[&str]) -> Value {
    let columns = names.iter().filter_map(|name| table.columns.iter().find(|c| c.name == *name));
    let properties: Map<String, Value> =
        columns.map(|column| (column.name.to_owned(), of_column(column))).collect();
    json!({"type": "object", "properties": properties, "required": names})
}

/// The schema of a list.
pub fn list_of(item: &Value) -> Value {
    json!({"type": "array", "items": item})
}

/// The schema of an object in which a field is always there, and is this, whatever it was before.
#[must_use]
pub fn with(mut schema: Value, name: &str, field: Value) -> Value {
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        fields.insert(name.to_owned(), field);
    }
    if let Some(Value::Array(required)) = schema.get_mut("required")
        && !required.iter().any(|known| known == name)
    {
        required.push(name.into());
    }
    schema
}

fn of_column(column: &Column) -> Value {
    let schema = match column.kind {
        // Instants are no `date-time`: that format wants a zone, and these have none.
        ColumnType::Text(_) | ColumnType::DateTime => json!({"type": "string"}),
        ColumnType::Json => schema::anything(),
        ColumnType::Bytes => json!({"type": "null"}),
        ColumnType::Integer => json!({"type": "integer"}),
        ColumnType::Float | ColumnType::Money => json!({"type": "number"}),
        ColumnType::Boolean => json!({"type": "boolean"}),
        ColumnType::Enum(names) => {
            let words: Vec<String> = names.iter().map(|name| choice::word(name)).collect();
            json!({"type": "string", "enum": words})
        }
    };
    if column.nullable { json!({"anyOf": [schema, {"type": "null"}]}) } else { schema }
}

fn detail() -> Value {
    json!({
        "type": "object",
        "properties": {"detail": {"type": "string"}},
        "required": ["detail"],
    })
}

/// The form of limits and of failures.
fn failure() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "type": text,
                    "message": text,
                    "status_code": {"type": "integer"},
                    "path": text,
                },
                "required": ["type", "message", "status_code", "path"],
            },
        },
        "required": ["error"],
    })
}

fn validation_error() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "code": text,
                    "message": text,
                    "status": {"type": "integer"},
                    "details": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"field": text, "message": text, "code": text},
                        },
                    },
                },
            },
            "timestamp": text,
            "request_id": {"anyOf": [text, {"type": "null"}]},
        },
    })
}
