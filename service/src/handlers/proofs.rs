//! Proof documents: everything about a finished execution that others can check, and the check itself.

use serde_json::{Value, json};

use super::receipts::Rows;
use crate::http::{Action, Input, Reply};
use crate::logic::proof::document::{self, MOST_STEPS};
use crate::work::Work;

/// `GET /executions/{execution_id}/proof`.
pub fn show() -> Action {
    let about = "Receipt and step proofs of a finished execution, to be checked by anybody";
    Action::new(about, async |work: Work, input: Input| {
        let rows = Rows::of(&work, &input).await?;
        Ok(Reply::ok(&rows.attest(&work, document::issue).await?))
    })
    .refuses(&[403, 404, 409])
    .answers(document_schema)
}

/// `POST /proofs/verify`.
pub fn verify() -> Action {
    let about = "Check a proof document against this service's key";
    Action::new(about, async |work: Work, input: Input| {
        let key = work.signer().public_key();
        let document = Value::Object(input.body);
        let checked = work.calculate(move || document::verify(&document, &key)).await?;
        Ok(Reply::ok(&match checked {
            Ok(verdict) => json!({"valid": true, "problem": null, "verdict": verdict}),
            Err(why) => json!({"valid": false, "problem": why.to_string(), "verdict": null}),
        }))
    })
    .any_object()
    .answers(verdict_schema)
}

fn document_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "properties": {
        "format": text, "execution_id": text, "workflow_id": text, "status": text,
        "public_key_hex": text, "receipt": super::receipts::schema(), "signature": text,
        "steps": {"type": "array", "maxItems": MOST_STEPS, "items": {
            "type": "object",
            "properties": {
                "statement": {"type": "object"},
                "signature": text,
                "opening": {"anyOf": [{"type": "object"}, {"type": "null"}]},
            },
        }},
    }})
}

fn verdict_schema() -> Value {
    let (text, boolean) = (json!({"type": "string"}), json!({"type": "boolean"}));
    let step = json!({"type": "object", "properties": {
        "step_id": text, "executor": text, "level": text, "verified": boolean, "shown": boolean,
        "proven": {"type": "array", "items": text},
    }});
    let verdict = json!({"type": "object", "properties": {
        "execution_id": text, "status": text, "verified": boolean, "coordinator_id": text,
        "steps": {"type": "array", "items": step},
    }});
    json!({"type": "object", "required": ["valid", "problem", "verdict"], "properties": {
        "valid": boolean,
        "problem": {"anyOf": [text, {"type": "null"}]},
        "verdict": {"anyOf": [verdict, {"type": "null"}]},
    }})
}
