//! Networks: an answer, nothing stored.

use serde_json::json;

use crate::http::{Action, Input, Reply};
use crate::logic::networks;
use crate::work::Work;

/// `POST /networks`.
pub fn create() -> Action {
    Action::new(
        "Describe a network of agents; nothing is stored",
        async |work: Work, input: Input| {
            let network = networks::form(&input.body, &input.caller, work.now())?;
            Ok(Reply::created(&network))
        },
    )
    .any_object()
    .example(|| json!({"name": "Translators", "agents": ["linguist", "publisher"]}))
    .creates()
    .refuses(&[400])
    .answers(|| {
        let text = json!({"type": "string"});
        // What is sent as name, description, agents and coordination goes back as it is, whatever it is.
        json!({
            "type": "object",
            "required": ["id", "name", "description", "agents", "coordination_strategy", "status",
                         "created_at", "owner_id"],
            "properties": {"id": text, "status": text, "created_at": text, "owner_id": text},
        })
    })
}
