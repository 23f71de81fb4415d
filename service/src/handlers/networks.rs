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
}
