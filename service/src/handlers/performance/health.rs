//! Whether the performance of agents can be asked about.

use serde_json::{Value, json};

use crate::http::{Action, Input, Reply};
use crate::work::Work;

/// `GET /health`: the monolith's constant answer, which says nothing of the database; `/health` at the root does.
pub fn show() -> Action {
    Action::new("That these endpoints are there", async |work: Work, _: Input| {
        let operational = "operational";
        Ok(Reply::ok(&json!({
            "status": "healthy",
            "timestamp": work.now().aware(),
            "version": "1.0.0",
            "services": {
                "meta_learning_engine": operational,
                "resource_manager": operational,
                "performance_optimizer": operational,
                "performance_service": operational,
            },
        })))
    })
    .open()
    .answers(schema)
}

fn schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "properties": {
            "status": text,
            "timestamp": {"type": "string", "format": "date-time"},
            "version": text,
            "services": {"type": "object", "additionalProperties": text},
        },
        "required": ["status", "timestamp", "version", "services"],
    })
}
