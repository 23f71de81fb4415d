//! Channels: open, list, show, write to all in one, add and remove members.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::json;

use super::sending::{Route, direct, has_room, letter_fields, send};
use super::{AGENT, PAGE, Page, acting, agent_name, forbidden, owned, schemas};
use crate::http::endpoint::LazyShape;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::communication::channels::{self, MOST_MEMBERS, NewChannel};
use crate::logic::communication::messages::{self, Letter};
use crate::logic::communication::permission::can_communicate;
use crate::store::Writing;
use crate::tables::own::communication::{Channel, ChannelType, Member};
use crate::validation::{Kind, Shape, field};
use crate::work::{Effect, Work};

/// The part of the path that names the channel.
const CHANNEL: &str = "channel_id";

static NEW: LazyShape = LazyLock::new(|| {
    let participants = field("participants", Kind::list_of(agent_name())).rule(|others, _| {
        let count = others.as_array().map_or(0, Vec::len);
        let few = (1..MOST_MEMBERS).contains(&count);
        if few { Ok(()) } else { Err("a channel has 1 to 49 others") }
    });
    Shape::new([
        field("creator", agent_name()).example("linguist"),
        participants,
        field("channel_type", Kind::Choice(ChannelType::WORDS)).default("direct"),
        field("encryption_enabled", Kind::Boolean).default(true),
    ])
});

static NEW_MESSAGE: LazyShape = LazyLock::new(|| {
    Shape::new([field("sender", agent_name())].into_iter().chain(letter_fields()))
});

#[derive(Debug, Deserialize)]
struct NewMessage {
    sender: String,
    #[serde(flatten)]
    letter: Letter,
}

/// `POST /communication/channels`.
pub fn open() -> Action {
    let about = "Open a channel with agents that one's own may write to: the direct one that is there, or a new one";
    Action::new(about, async |work: Work, mut input: Input| {
        let new: NewChannel = input.body()?;
        let others = new.others()?;
        let now = work.now();
        let reputation = work.reputation(&new.creator).await?;
        let mut writing = work.store.write().await?;
        acting(&mut writing, &new.creator, &input.caller).await?;
        for other in &others {
            let standing = writing.standing(&new.creator, other, reputation).await?;
            if !can_communicate(standing).is_given() {
                return Err(forbidden("Not authorized to open a channel with these agents"));
            }
        }
        let direct_with = others.first().filter(|_| new.channel_type == ChannelType::Direct);
        let channel = if let Some(other) = direct_with {
            direct(&work, &mut writing, &new.creator, other, now).await?
        } else {
            for agent in others.iter().chain([&new.creator]) {
                has_room(&mut writing, agent).await?;
            }
            let (channel, members) = new.into_rows(work.uuid(), &others, now);
            writing.channel_insert(&channel, &members).await?;
            channel
        };
        let members = writing.channel_members(&channel.id).await?;
        writing.commit().await?;
        Ok(Reply::ok(&channels::shown(&channel, &members)))
    })
    .body(&NEW)
    .refuses(&[400, 403, 404, 409])
    .answers(schemas::channel)
}

/// `GET /communication/agents/{agent_id}/channels`.
pub fn list() -> Action {
    let about = "List the channels that an agent is in, the one it came to last first";
    Action::new(about, async |work: Work, mut input: Input| {
        let Page { limit, offset } = input.query()?;
        let agent = owned(&work, &input).await?;
        let found = work.store.channel_list(&agent.agent_id, limit, offset).await?;
        let mut shown = Vec::with_capacity(found.len());
        for channel in found {
            let members = work.store.channel_members(&channel.id).await?;
            shown.push(channels::shown(&channel, &members));
        }
        Ok(Reply::ok(&shown.into()))
    })
    .query(&PAGE)
    .refuses(&[403, 404])
    .answers(|| json!({"type": "array", "items": schemas::channel()}))
}

/// `GET /communication/channels/{channel_id}`.
pub fn show() -> Action {
    Action::new("Show a channel to those who meet in it", async |work: Work, input: Input| {
        let channel = known(work.store.channel_find(input.part(CHANNEL)).await?)?;
        let members = work.store.channel_members(&channel.id).await?;
        for member in &members {
            if super::is_own(&work, &member.agent_id, &input.caller).await? {
                return Ok(Reply::ok(&channels::shown(&channel, &members)));
            }
        }
        Err(Denied::Forbidden.into())
    })
    .refuses(&[403, 404])
    .answers(schemas::channel)
}

/// `POST /communication/channels/{channel_id}/messages`.
pub fn post() -> Action {
    let about =
        "Send a message to everybody else in a channel: one for each whom the sender may write to";
    Action::new(about, async |work: Work, mut input: Input| {
        let NewMessage { sender, letter } = input.body()?;
        let now = work.now();
        let reputation = work.reputation(&sender).await?;
        let mut writing = work.store.write().await?;
        acting(&mut writing, &sender, &input.caller).await?;
        let (channel, members) = found(&mut writing, &input).await?;
        let channel = channels::used(channel, &members, &sender, now)?;
        writing.channel_update(&channel).await?;
        let (mut sent, mut skipped) = (Vec::new(), Vec::new());
        for member in members.iter().filter(|member| member.agent_id != sender) {
            let recipient = member.agent_id.as_str();
            let route = Route { sender: &sender, recipient, reputation, now };
            let standing = writing.standing(&sender, recipient, reputation).await?;
            if can_communicate(standing).is_given() {
                let letter = letter.clone();
                let message = send(&work, &mut writing, route, Some(&channel), letter).await?;
                sent.push(messages::shown(&message));
            } else {
                skipped.push(recipient);
            }
        }
        writing.commit().await?;
        work.afterwards(Effect::WakeCourier);
        let answer = json!({"channel_id": channel.id, "messages": sent, "skipped": skipped});
        Ok(Reply::created(&answer))
    })
    .body(&NEW_MESSAGE)
    .creates()
    .refuses(&[400, 403, 404, 409])
    .answers(schemas::posted)
}

/// `PUT /communication/channels/{channel_id}/participants/{agent_id}`.
pub fn add() -> Action {
    let about = "Add an agent to a group; for its maker, who may write to the agent";
    Action::new(about, async |work: Work, input: Input| {
        let agent = input.part(AGENT);
        let maker = known(work.store.channel_find(input.part(CHANNEL)).await?)?.agent1;
        let reputation = work.reputation(&maker).await?;
        let mut writing = work.store.write().await?;
        let (channel, mut members) = found(&mut writing, &input).await?;
        let maker = acting(&mut writing, &channel.agent1, &input.caller).await?.agent_id;
        channels::may_change_members(&channel, &maker)?;
        if members.iter().all(|member| member.agent_id != agent) {
            let standing = writing.standing(&maker, agent, reputation).await?;
            if !can_communicate(standing).is_given() {
                return Err(forbidden("Not authorized to open a channel with these agents"));
            }
            if members.len() >= MOST_MEMBERS {
                return Err(Denied::Conflict("There are 50 agents in the channel already").into());
            }
            has_room(&mut writing, agent).await?;
            let member = channels::member(&channel.id, agent, work.now());
            writing.member_insert(&member).await?;
            members.push(member);
        }
        writing.commit().await?;
        Ok(Reply::ok(&channels::shown(&channel, &members)))
    })
    .refuses(&[403, 404, 409])
    .answers(schemas::channel)
}

/// `DELETE /communication/channels/{channel_id}/participants/{agent_id}`.
pub fn remove() -> Action {
    let about = "Take an agent out of a group; for the group's maker and the agent's owner";
    Action::new(about, async |work: Work, input: Input| {
        let agent = input.part(AGENT);
        let mut writing = work.store.write().await?;
        let (channel, mut members) = found(&mut writing, &input).await?;
        let owner = writing.correspondent_find(agent).await?.map(|agent| agent.owner_id);
        let is_own = owner.is_some_and(|owner| owner == input.caller);
        let acts_for = if is_own { agent } else { &channel.agent1 };
        acting(&mut writing, acts_for, &input.caller).await?;
        channels::may_change_members(&channel, &channel.agent1)?;
        if !writing.member_delete(&channel.id, agent).await? {
            return Err(Denied::NotFound("Participant").into());
        }
        writing.commit().await?;
        members.retain(|member| member.agent_id != agent);
        Ok(Reply::ok(&channels::shown(&channel, &members)))
    })
    .refuses(&[403, 404, 409])
    .answers(schemas::channel)
}

fn known(found: Option<Channel>) -> Result<Channel, Denied> {
    found.ok_or(Denied::NotFound("Channel"))
}

/// The channel in the path, and who meets in it.
async fn found(writing: &mut Writing, input: &Input) -> Result<(Channel, Vec<Member>), ApiError> {
    let channel = known(writing.channel_find(input.part(CHANNEL)).await?)?;
    let members = writing.channel_members(&channel.id).await?;
    Ok((channel, members))
}
