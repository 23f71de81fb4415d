//! Agents that take part: authorise, list, show, revoke; who may write to whom; what is counted of one.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{AGENT, OTHER, PAGE, Page, acting, agent_name, owned, schemas};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::communication::correspondents::{self, MOST_AGENTS, PUBLIC_KEY};
use crate::logic::communication::permission::{Permission, can_communicate};
use crate::logic::communication::{envelope, statistics};
use crate::tables::Record as _;
use crate::tables::own::communication::Correspondent;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("agent_id", agent_name()),
        field("public_key", Kind::text_like(&PUBLIC_KEY).or_null()).optional().rule(|key, _| {
            let is_usable = key.as_str().is_none_or(envelope::is_usable);
            if is_usable { Ok(()) } else { Err("this is no X25519 public key that can be used") }
        }),
    ])
});

#[derive(Debug, Deserialize)]
struct NewAgent {
    agent_id: String,
    public_key: Option<String>,
}

/// `POST /communication/agents`.
pub fn authorize() -> Action {
    let about = "Authorise an agent: from the first time on its name is the caller's. Again with another \
                 public key, that counts from then on";
    Action::new(about, async |work: Work, mut input: Input| {
        let NewAgent { agent_id, public_key } = input.body()?;
        let now = work.now();
        let mut writing = work.store.write().await?;
        let known = writing.correspondent_find(&agent_id).await?;
        let is_known = known.is_some();
        let has_tally = known.as_ref().is_some_and(|agent| agent.is_authorized);
        let caller = input.caller;
        let agent = correspondents::authorized(known, agent_id, caller.clone(), public_key, now)?;
        if is_known {
            writing.correspondent_update(&agent).await?;
        } else {
            if writing.correspondent_has(&caller, MOST_AGENTS).await? {
                return Err(Denied::Conflict("There are 100 agents already").into());
            }
            writing.correspondent_insert(&agent).await?;
        }
        if !has_tally {
            writing.tally_put(&statistics::fresh(&agent.agent_id, now)).await?;
        }
        writing.commit().await?;
        Ok(Reply::created(&correspondents::shown(&agent)))
    })
    .body(&NEW)
    .creates()
    .refuses(&[403, 409])
    .answers(schema)
}

/// `GET /communication/agents`.
pub fn list() -> Action {
    Action::new("List one's agents, newest first", async |work: Work, mut input: Input| {
        let Page { limit, offset } = input.query()?;
        let found = work.store.correspondent_list(&input.caller, limit, offset).await?;
        Ok(Reply::ok(&found.iter().map(correspondents::shown).collect()))
    })
    .query(&PAGE)
    .answers(|| json!({"type": "array", "items": schema()}))
}

/// `GET /communication/agents/{agent_id}`.
pub fn show() -> Action {
    Action::new("Show an agent", async |work: Work, input: Input| {
        Ok(Reply::ok(&correspondents::shown(&owned(&work, &input).await?)))
    })
    .refuses(&[403, 404])
    .answers(schema)
}

/// `DELETE /communication/agents/{agent_id}`.
pub fn revoke() -> Action {
    let about =
        "Revoke an agent: its lists and figures are dropped, its contacts and its name stay";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let agent = acting(&mut writing, input.part(AGENT), &input.caller).await?;
        let revoked_at = Some(work.now());
        let agent = Correspondent { is_authorized: false, revoked_at, ..agent };
        writing.correspondent_update(&agent).await?;
        writing.message_forget(&agent.agent_id).await?;
        writing.channel_leave_all(&agent.agent_id).await?;
        writing.tally_delete(&agent.agent_id).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({"message": "Agent revoked successfully"})))
    })
    .refuses(&[403, 404])
    .answers(crate::handlers::message_schema)
}

/// `GET /communication/agents/{agent_id}/can-communicate/{other_id}`.
pub fn permission() -> Action {
    Action::new("Whether an agent may write to another", async |work: Work, input: Input| {
        let agent = owned(&work, &input).await?;
        let (sender, recipient) = (agent.agent_id, input.part(OTHER));
        let reputation = work.reputation(&sender).await?;
        let standing = work.store.standing(&sender, recipient, reputation).await?;
        let permission = can_communicate(standing);
        Ok(Reply::ok(&json!({
            "sender": sender,
            "recipient": recipient,
            "can_communicate": permission.is_given(),
            "reason": permission.word(),
            "reputation": reputation,
        })))
    })
    .refuses(&[403, 404])
    .answers(permission_schema)
}

/// `GET /communication/agents/{agent_id}/statistics`.
pub fn figures() -> Action {
    Action::new("What is counted of an agent", async |work: Work, input: Input| {
        let agent = owned(&work, &input).await?;
        let tally = work.store.tally_find(&agent.agent_id).await?;
        let tally = tally.ok_or(ApiError::from(Denied::NotFound("Statistics")))?;
        let channels = work.store.channel_count_active(&agent.agent_id).await?;
        Ok(Reply::ok(&statistics::shown(&tally, channels)))
    })
    .refuses(&[403, 404])
    .answers(schemas::statistics)
}

fn schema() -> Value {
    of_table(&Correspondent::TABLE)
}

fn permission_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "properties": {
        "sender": text, "recipient": text,
        "can_communicate": {"type": "boolean"},
        "reason": {"type": "string", "enum": Permission::WORDS},
        "reputation": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    }, "required": ["sender", "recipient", "can_communicate", "reason", "reputation"]})
}
