//! Contacts and blocked agents: an agent is one or the other, never both.

use serde_json::{Value, json};

use super::{AGENT, OTHER, PAGE, Page, acting, owned};
use crate::http::openapi::of_table;
use crate::http::{Action, Input, Reply};
use crate::logic::Denied;
use crate::logic::communication::correspondents::{MOST_RELATIONS, relation};
use crate::tables::Record as _;
use crate::tables::own::communication::{Relation, RelationKind};
use crate::work::Work;

/// `PUT /communication/agents/{agent_id}/contacts/{other_id}`.
pub fn add_contact() -> Action {
    put("Make another agent a contact; whoever was blocked is so no longer", RelationKind::Contact)
}

/// `DELETE /communication/agents/{agent_id}/contacts/{other_id}`.
pub fn remove_contact() -> Action {
    remove("Take another agent off the contacts", RelationKind::Contact)
}

/// `GET /communication/agents/{agent_id}/contacts`.
pub fn contacts() -> Action {
    list("List an agent's contacts, by name", RelationKind::Contact)
}

/// `PUT /communication/agents/{agent_id}/blocked/{other_id}`.
pub fn block() -> Action {
    put("Block another agent; whoever was a contact is so no longer", RelationKind::Blocked)
}

/// `DELETE /communication/agents/{agent_id}/blocked/{other_id}`.
pub fn unblock() -> Action {
    remove("Block another agent no longer", RelationKind::Blocked)
}

/// `GET /communication/agents/{agent_id}/blocked`.
pub fn blocked() -> Action {
    list("List whom an agent has blocked, by name", RelationKind::Blocked)
}

fn put(about: &'static str, kind: RelationKind) -> Action {
    Action::new(about, move |work: Work, input: Input| async move {
        let mut writing = work.store.write().await?;
        let agent = acting(&mut writing, input.part(AGENT), &input.caller).await?;
        // The other need not take part yet; a name is all that is known of it.
        let relation = relation(&agent.agent_id, input.part(OTHER), kind, work.now())?;
        writing.relation_put(&relation).await?;
        if writing.relation_has(&agent.agent_id, MOST_RELATIONS + 1).await? {
            let text = "There are 1000 contacts and blocked agents already; remove one";
            return Err(Denied::Conflict(text).into());
        }
        writing.commit().await?;
        Ok(Reply::ok(&relation.to_json()))
    })
    .refuses(&[400, 403, 404, 409])
    .answers(schema)
}

fn remove(about: &'static str, kind: RelationKind) -> Action {
    Action::new(about, move |work: Work, input: Input| async move {
        let mut writing = work.store.write().await?;
        let agent = acting(&mut writing, input.part(AGENT), &input.caller).await?;
        let removed =
            writing.relation_delete(&agent.agent_id, input.part(OTHER), Some(kind)).await?;
        writing.commit().await?;
        let message = if removed { "Removed successfully" } else { "There was nothing to remove" };
        Ok(Reply::ok(&json!({"message": message})))
    })
    .refuses(&[403, 404])
    .answers(crate::handlers::message_schema)
}

fn list(about: &'static str, kind: RelationKind) -> Action {
    Action::new(about, move |work: Work, mut input: Input| async move {
        let Page { limit, offset } = input.query()?;
        let agent = owned(&work, &input).await?;
        let found = work.store.relation_list(&agent.agent_id, Some(kind), limit, offset).await?;
        Ok(Reply::ok(&found.iter().map(Relation::to_json).collect()))
    })
    .query(&PAGE)
    .refuses(&[403, 404])
    .answers(|| json!({"type": "array", "items": schema()}))
}

fn schema() -> Value {
    of_table(&Relation::TABLE)
}
