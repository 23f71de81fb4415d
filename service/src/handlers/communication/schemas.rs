//! The schemas of answers about messages.

use serde_json::{Value, json};

use crate::http::openapi::{of_columns, of_table};
use crate::logic::communication::{channels, messages};
use crate::tables::Record as _;
use crate::tables::own::communication::{Channel, Message, Template};

/// A message without its content.
pub(super) fn message() -> Value {
    let mut schema = of_columns(&Message::TABLE, messages::SHOWN);
    put(&mut schema, "price", json!({"type": "number"}));
    schema
}

/// A message, for its recipient with its content.
pub(super) fn opened_message() -> Value {
    let mut schema = message();
    put(&mut schema, "content", json!({"anyOf": [{"type": "string"}, {"type": "null"}]}));
    let text = json!({"type": "string"});
    let sealed = json!({"type": "object", "properties": {
        "algorithm": text, "ephemeral_public_key": text, "nonce": text, "ciphertext": text,
        "associated_data": text,
    }});
    put(&mut schema, "sealed", json!({"anyOf": [sealed, {"type": "null"}]}));
    schema
}

/// A channel with its participants.
pub(super) fn channel() -> Value {
    let mut schema = of_columns(&Channel::TABLE, channels::SHOWN);
    put(&mut schema, "participants", json!({"type": "array", "items": {"type": "string"}}));
    schema
}

/// What became of a message to a channel.
pub(super) fn posted() -> Value {
    json!({"type": "object", "properties": {
        "channel_id": {"type": "string"},
        "messages": {"type": "array", "items": message()},
        "skipped": {"type": "array", "items": {"type": "string"}},
    }, "required": ["channel_id", "messages", "skipped"]})
}

/// A template.
pub(super) fn template() -> Value {
    let mut schema = of_table(&Template::TABLE);
    put(&mut schema, "base_price", json!({"type": "number"}));
    schema
}

/// The templates that everybody has, and one's own.
pub(super) fn templates() -> Value {
    let list = json!({"type": "array", "items": template()});
    json!({"type": "object", "properties": {"defaults": list, "templates": list},
           "required": ["defaults", "templates"]})
}

/// A payment.
pub(super) fn payment() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
    json!({"type": "object", "properties": {
        "message_id": text, "paid": {"type": "boolean"}, "payer": text, "amount": number,
        "price": number, "credited_to": text,
        "settlement": {"type": "string", "enum": ["recorded"]},
    }, "required": ["message_id", "paid", "payer", "amount", "price", "credited_to", "settlement"]})
}

/// The figures of an agent.
pub(super) fn statistics() -> Value {
    let (text, whole) = (json!({"type": "string"}), json!({"type": "integer"}));
    let or_null = json!({"anyOf": [{"type": "number"}, {"type": "null"}]});
    json!({"type": "object", "properties": {
        "agent_id": text, "total_messages": whole, "total_earnings": {"type": "number"},
        "messages_sent": whole, "messages_received": whole, "active_channels": whole,
        "last_activity": text, "average_response_time": or_null, "delivery_rate": or_null,
    }, "required": ["agent_id", "total_messages", "average_response_time", "delivery_rate"]})
}

fn put(schema: &mut Value, name: &str, field: Value) {
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        fields.insert(name.to_owned(), field);
    }
}
