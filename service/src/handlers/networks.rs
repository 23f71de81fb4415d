//! Networks: an answer, nothing stored.

use std::sync::Arc;

use crate::app::App;
use crate::http::{Action, Input, Reply};
use crate::logic::networks;

/// `POST /networks`.
pub fn create() -> Action {
    Action::new(
        "Describe a network of agents; nothing is stored",
        async |app: Arc<App>, input: Input| {
            let network = networks::form(&input.body, &input.caller, app.clock.now())?;
            Ok(Reply::created(&network))
        },
    )
    .any_object()
    .creates()
    .refuses(&[400])
}
