//! The one way of a message to its recipient's queue, wherever it is sent from.

use serde_json::Value;

use super::{forbidden, sealed};
use crate::http::ApiError;
use crate::logic::Denied;
use crate::logic::communication::channels::{self, MOST_CHANNELS};
use crate::logic::communication::envelope::EnvelopeError;
use crate::logic::communication::messages::{Draft, Letter, MOST_SENT, response_seconds};
use crate::logic::communication::permission::can_communicate;
use crate::logic::communication::price::MOST_BYTES;
use crate::logic::communication::statistics::Count;
use crate::python::time::Stamp;
use crate::store::Writing;
use crate::tables::own::communication::{
    Channel, Correspondent, EncryptionType, Message, MessageType,
};
use crate::validation::shape::Field;
use crate::validation::{Kind, field};
use crate::work::Work;

/// Characters of what a sender adds to a message, as JSON text.
const MOST_METADATA: usize = 16 * 1024;

/// Where a message goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route<'r> {
    /// Who writes. Checked before.
    pub(super) sender: &'r str,
    /// Who is to read it.
    pub(super) recipient: &'r str,
    /// The sender's reputation.
    pub(super) reputation: Option<i64>,
    /// When.
    pub(super) now: Stamp,
}

/// What a request says of a message.
pub(super) fn letter_fields() -> [Field; 6] {
    [
        field("message_type", Kind::Choice(MessageType::WORDS)).default("text"),
        field("content", Kind::text_up_to(MOST_BYTES)).rule(|content, _| fits(content)),
        field("encryption_type", Kind::Choice(EncryptionType::WORDS).or_null())
            .optional()
            .rule(|word, _| is_offered(word)),
        field("metadata", Kind::object()).default(serde_json::json!({})).rule(|metadata, _| {
            let is_small = metadata.to_string().len() <= MOST_METADATA;
            if is_small { Ok(()) } else { Err("metadata has more than 16384 bytes") }
        }),
        field("reply_to", Kind::text_up_to(100).or_null()).optional(),
        field("thread_id", Kind::text_up_to(100).or_null()).optional(),
    ]
}

/// Bytes count, and the field counts characters.
fn fits(content: &Value) -> Result<(), &'static str> {
    let bytes = content.as_str().map_or(0, str::len);
    if bytes <= MOST_BYTES { Ok(()) } else { Err("the content has more than 100000 bytes") }
}

/// The one maintained implementation of RSA lets its private key be found out by timing (RUSTSEC-2023-0071).
fn is_offered(word: &Value) -> Result<(), &'static str> {
    if word.as_str() == Some(EncryptionType::Rsa.word()) {
        return Err("rsa is not offered; hybrid encrypts for a key of the recipient");
    }
    Ok(())
}

/// Puts a letter into the queue, in the direct channel of the two or in the one that is given.
pub(super) async fn send(
    work: &Work,
    writing: &mut Writing,
    route: Route<'_>,
    channel: Option<&Channel>,
    letter: Letter,
) -> Result<Message, ApiError> {
    let Route { sender, recipient, reputation, now } = route;
    if sender == recipient {
        return Err(Denied::Refused("An agent cannot write to itself").into());
    }
    let standing = writing.standing(sender, recipient, reputation).await?;
    if !can_communicate(standing).is_given() {
        return Err(forbidden("Not authorized to send message"));
    }
    if writing.message_has_sent(sender, MOST_SENT).await? {
        return Err(Denied::Conflict("The agent has 10000 messages already; wait").into());
    }
    let channel = match channel {
        Some(channel) => channel.clone(),
        None => used_direct(work, writing, sender, recipient, now).await?,
    };
    let encryption = letter.encryption_type.unwrap_or_else(|| channels::encryption(&channel));
    let key = public_key(writing, recipient, encryption).await?;
    let response = note_answer(writing, &letter, sender, now).await?;
    let draft = Draft {
        sender: sender.to_owned(),
        recipient: recipient.to_owned(),
        channel_id: channel.id,
        encryption,
        letter,
    };
    let rows =
        draft.into_rows(work.uuid(), key.as_deref(), work.content_key(), &work.entropy()?, now);
    let (message, content) = rows.map_err(|error| match error {
        EnvelopeError::PublicKey => Denied::Conflict("The public key cannot be used").into(),
        error => sealed(error),
    })?;
    writing.message_insert(&message, &content).await?;
    writing.count(sender, Count::Sent(response), now).await?;
    Ok(message)
}

/// The direct channel of two agents, made where there is none, with one more message.
async fn used_direct(
    work: &Work,
    writing: &mut Writing,
    sender: &str,
    recipient: &str,
    now: Stamp,
) -> Result<Channel, ApiError> {
    let channel = direct(work, writing, sender, recipient, now).await?;
    let members = writing.channel_members(&channel.id).await?;
    let channel = channels::used(channel, &members, sender, now)?;
    writing.channel_update(&channel).await?;
    Ok(channel)
}

/// The direct channel of two agents, made where there is none.
pub(super) async fn direct(
    work: &Work,
    writing: &mut Writing,
    creator: &str,
    other: &str,
    now: Stamp,
) -> Result<Channel, ApiError> {
    if let Some(channel) = writing.channel_of_pair(&channels::pair(creator, other)).await? {
        return Ok(channel);
    }
    for agent in [creator, other] {
        has_room(writing, agent).await?;
    }
    let new = channels::direct(creator, other);
    let (channel, members) = new.into_rows(work.uuid(), &[other.to_owned()], now);
    writing.channel_insert(&channel, &members).await?;
    Ok(channel)
}

/// Whether an agent may be in one more channel.
pub(super) async fn has_room(writing: &mut Writing, agent: &str) -> Result<(), ApiError> {
    if writing.channel_has(agent, MOST_CHANNELS).await? {
        return Err(Denied::Conflict("An agent is in 10000 channels already").into());
    }
    Ok(())
}

/// The key that `hybrid` asks for; none for anything else.
async fn public_key(
    writing: &mut Writing,
    recipient: &str,
    encryption: EncryptionType,
) -> Result<Option<String>, ApiError> {
    if encryption != EncryptionType::Hybrid {
        return Ok(None);
    }
    let recipient: Option<Correspondent> = writing.correspondent_find(recipient).await?;
    let key = recipient.and_then(|agent| agent.public_key);
    let none = Denied::Conflict("The recipient has no public key, which hybrid asks for");
    Ok(Some(key.ok_or(none)?))
}

/// Notes that a message was answered, where this is the first answer; the seconds that took.
async fn note_answer(
    writing: &mut Writing,
    letter: &Letter,
    replier: &str,
    now: Stamp,
) -> Result<Option<f64>, ApiError> {
    let Some(id) = &letter.reply_to else { return Ok(None) };
    let Some(answered) = writing.message_find(id).await? else { return Ok(None) };
    let seconds = response_seconds(&answered, replier, now);
    if seconds.is_some() {
        writing.message_update(&Message { answered_at: Some(now), ..answered }).await?;
    }
    Ok(seconds)
}
