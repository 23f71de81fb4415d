//! Export and import of what an agent has.

use serde_json::{Value, json};

use super::{AGENT, PAGE, Page, acting, owned};
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::communication::correspondents::MOST_RELATIONS;
use crate::logic::communication::statistics;
use crate::logic::communication::templates::MOST_TEMPLATES;
use crate::logic::communication::transfer::{Archive, MOST_CHANNELS};
use crate::python::time::Stamp;
use crate::store::Writing;
use crate::store::communication::messages::MessageFilter;
use crate::tables::own::communication::{Channel, Content, Correspondent, Message};
use crate::work::{Effect, Work};

/// What an import has put back.
#[derive(Debug, Default)]
struct Restored {
    relations: usize,
    templates: usize,
    channels: usize,
    messages: usize,
    expired: usize,
}

/// `GET /communication/agents/{agent_id}/export`: the first document has everything besides the messages that follow.
pub fn export() -> Action {
    let about = "Take along what an agent has: a signed document, its messages newest first; further ones \
                 from next_offset on";
    Action::new(about, async |work: Work, mut input: Input| {
        let Page { limit, offset } = input.query()?;
        let agent = owned(&work, &input).await?;
        let mut archive = archive(&work, agent, offset == 0).await?;
        let found = messages(&work, &archive.agent.agent_id, limit, offset).await?;
        let read = found.len();
        archive.messages = found;
        let shown = archive.cut();
        let is_all = shown == read && i64::try_from(read).unwrap_or(0) < limit;
        let next = offset.saturating_add(i64::try_from(shown).unwrap_or(0));
        let next = (!is_all).then_some(next);
        Ok(Reply::ok(&archive.document(next, work.signer(), work.now())))
    })
    .query(&PAGE)
    .refuses(&[403, 404])
    .answers(document_schema)
}

/// `POST /communication/agents/{agent_id}/import`: what is there stays as it is, so that doing it again changes nothing.
pub fn import() -> Action {
    let about = "Put back what a document of an export has and is no longer there";
    Action::new(about, async |work: Work, mut input: Input| {
        let document = std::mem::take(&mut input.body);
        let agent_id = input.part(AGENT);
        let now = work.now();
        let mut writing = work.store.write().await?;
        let agent = acting(&mut writing, agent_id, &input.caller).await?;
        let archive = Archive::read(document, agent_id, work.signer())?;
        if archive.agent.owner_id != agent.owner_id {
            return Err(Denied::Forbidden.into());
        }
        let restored = restore(&mut writing, archive, &agent, now).await?;
        writing.commit().await?;
        work.afterwards(Effect::WakeCourier);
        Ok(Reply::ok(&json!({
            "relations": restored.relations,
            "templates": restored.templates,
            "channels": restored.channels,
            "messages": restored.messages,
            "expired": restored.expired,
        })))
    })
    .any_object()
    .refuses(&[400, 403, 404, 409])
    .answers(restored_schema)
}

/// What an agent has, without messages; only the agent itself where the rest was in an earlier document.
async fn archive(work: &Work, agent: Correspondent, is_first: bool) -> Result<Archive, ApiError> {
    let store = &work.store;
    let id = agent.agent_id.clone();
    let (relations, templates, tally) = (Vec::new(), Vec::new(), None);
    let (channels, messages) = (Vec::new(), Vec::new());
    let mut archive = Archive { agent, relations, channels, templates, tally, messages };
    if !is_first {
        return Ok(archive);
    }
    archive.relations = store.relation_list(&id, None, MOST_RELATIONS, 0).await?;
    archive.templates = store.template_list(&archive.agent.owner_id, MOST_TEMPLATES, 0).await?;
    archive.tally = store.tally_find(&id).await?;
    for channel in store.channel_list(&id, MOST_CHANNELS, 0).await? {
        let members = store.channel_members(&channel.id).await?;
        archive.channels.push((channel, members));
    }
    Ok(archive)
}

async fn messages(
    work: &Work,
    agent: &str,
    limit: i64,
    offset: i64,
) -> Result<Vec<(Message, Content)>, ApiError> {
    let agent = agent.to_owned();
    let filter = MessageFilter { agent, sent: true, received: true, status: None, limit, offset };
    let mut found = Vec::new();
    for message in work.store.message_list(&filter).await? {
        if let Some(content) = work.store.content_find(&message.id).await? {
            found.push((message, content));
        }
    }
    Ok(found)
}

async fn restore(
    writing: &mut Writing,
    archive: Archive,
    agent: &Correspondent,
    now: Stamp,
) -> Result<Restored, ApiError> {
    let mut restored = Restored::default();
    for relation in &archive.relations {
        restored.relations += usize::from(writing.relation_add(relation).await?);
    }
    if writing.relation_has(&agent.agent_id, MOST_RELATIONS + 1).await? {
        return Err(
            Denied::Conflict("There would be more than 1000 contacts and blocked agents").into()
        );
    }
    for template in &archive.templates {
        if writing.template_find(&template.id).await?.is_none() {
            writing.template_insert(template).await?;
            restored.templates += 1;
        }
    }
    if writing.template_has(&agent.owner_id, MOST_TEMPLATES + 1).await? {
        return Err(Denied::Conflict("There would be more than 100 templates").into());
    }
    for (channel, members) in archive.channels {
        if writing.channel_find(&channel.id).await?.is_none() {
            let channel = without_taken_pair(writing, channel).await?;
            writing.channel_insert(&channel, &members).await?;
            restored.channels += 1;
        }
    }
    if let (Some(tally), Some(current)) =
        (archive.tally, writing.tally_find(&agent.agent_id).await?)
    {
        writing.tally_put(&statistics::later(&current, &tally)).await?;
    }
    // The oldest first, so that lists have them in the order in which they were sent.
    for (message, content) in archive.messages.into_iter().rev() {
        if message.kept_until.seconds_since(&now) <= 0.0 {
            restored.expired += 1;
        } else {
            let is_new = restore_message(writing, message, content, agent).await?;
            restored.messages += usize::from(is_new);
        }
    }
    Ok(restored)
}

/// Two agents have one direct channel: where they have met in another one since, this one is history.
async fn without_taken_pair(writing: &mut Writing, channel: Channel) -> Result<Channel, ApiError> {
    let Some(pair) = &channel.direct_pair else { return Ok(channel) };
    let is_taken = writing.channel_of_pair(pair).await?.is_some();
    let history = |channel| Channel { direct_pair: None, is_active: false, ..channel };
    Ok(if is_taken { history(channel) } else { channel })
}

/// Puts a message back into the database, or at least into the agent's lists. Says whether it was not there.
async fn restore_message(
    writing: &mut Writing,
    message: Message,
    content: Content,
    agent: &Correspondent,
) -> Result<bool, ApiError> {
    let Some(mut present) = writing.message_find(&message.id).await? else {
        writing.message_insert(&message, &content).await?;
        return Ok(true);
    };
    let id = &agent.agent_id;
    let (was_sent, was_received) = (&present.sender_list, &present.recipient_list);
    let is_lost = present.sender == *id && was_sent.is_none()
        || present.recipient == *id && was_received.is_none();
    if is_lost {
        present.sender_list = message.sender_list.or(present.sender_list);
        present.recipient_list = message.recipient_list.or(present.recipient_list);
        writing.message_update(&present).await?;
    }
    Ok(is_lost)
}

fn document_schema() -> Value {
    let (text, list) = (json!({"type": "string"}), json!({"type": "array"}));
    json!({"type": "object", "properties": {
        "format": text, "agent_id": text, "exported_at": text,
        "next_offset": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "agent": {"type": "object"}, "relations": list, "channels": list, "templates": list,
        "statistics": {"anyOf": [{"type": "object"}, {"type": "null"}]},
        "messages": list, "signature": text,
    }, "required": ["format", "agent_id", "messages", "signature"]})
}

fn restored_schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    json!({"type": "object", "properties": {
        "relations": count, "templates": count, "channels": count, "messages": count,
        "expired": count,
    }, "required": ["relations", "templates", "channels", "messages", "expired"]})
}
