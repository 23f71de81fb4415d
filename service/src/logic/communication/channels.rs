//! Channels: who meets, who may write, and when one counts as left.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::logic::Denied;
use crate::python::json::canonical;
use crate::python::time::Stamp;
use crate::tables::Record as _;
use crate::tables::own::communication::{Channel, ChannelType, EncryptionType, Member};

/// Agents in one channel.
pub const MOST_MEMBERS: usize = 50;

/// Channels that one agent may be in.
pub const MOST_CHANNELS: i64 = 10_000;

/// Seconds without a message after which a channel is inactive: the contract's 30 days. As long after that it is removed.
pub const IDLE_SECONDS: i64 = 2_592_000;

/// What answers show of a channel, besides who is in it.
pub const SHOWN: &[&str] = &[
    "id",
    "channel_type",
    "agent1",
    "agent2",
    "is_active",
    "encryption_enabled",
    "message_count",
    "created_timestamp",
    "last_activity",
];

/// A channel as a client describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewChannel {
    /// The agent that makes it.
    pub creator: String,
    /// The others.
    pub participants: Vec<String>,
    /// Who meets.
    pub channel_type: ChannelType,
    /// Whether messages are encrypted that do not say how.
    pub encryption_enabled: bool,
}

impl NewChannel {
    /// The others, each once, if so many can meet so.
    pub fn others(&self) -> Result<Vec<String>, Denied> {
        let mut others = self.participants.clone();
        others.sort();
        others.dedup();
        if others.contains(&self.creator) {
            return Err(Denied::Refused("Cannot create channel with self"));
        }
        let is_of_two = matches!(self.channel_type, ChannelType::Direct | ChannelType::Private);
        match others.len() {
            0 => Err(Denied::Refused("A channel needs another agent")),
            2.. if is_of_two => {
                Err(Denied::Refused("A direct or private channel is of two agents"))
            }
            _ => Ok(others),
        }
    }

    /// The rows of this channel.
    pub fn into_rows(self, id: String, others: &[String], now: Stamp) -> (Channel, Vec<Member>) {
        let agent2 = others.first().cloned().unwrap_or_default();
        let is_direct = self.channel_type == ChannelType::Direct;
        let direct_pair = is_direct.then(|| pair(&self.creator, &agent2));
        let members = std::iter::once(&self.creator).chain(others);
        let members = members.map(|agent| member(&id, agent, now)).collect();
        let channel = Channel {
            id,
            channel_type: self.channel_type,
            agent1: self.creator,
            agent2,
            direct_pair,
            is_active: true,
            encryption_enabled: self.encryption_enabled,
            message_count: 0.into(),
            created_timestamp: now,
            last_activity: now,
        };
        (channel, members)
    }
}

/// The direct channel that comes into being with the first message of two agents.
pub fn direct(creator: &str, other: &str) -> NewChannel {
    NewChannel {
        creator: creator.to_owned(),
        participants: vec![other.to_owned()],
        channel_type: ChannelType::Direct,
        encryption_enabled: true,
    }
}

/// An agent's place in a channel.
pub fn member(channel_id: &str, agent_id: &str, now: Stamp) -> Member {
    Member { channel_id: channel_id.to_owned(), agent_id: agent_id.to_owned(), joined_at: now }
}

/// The one text for two agents, whoever comes first.
pub fn pair(one: &str, other: &str) -> String {
    let mut both = [one, other];
    both.sort_unstable();
    canonical(&json!(both))
}

/// A channel into which a message of `sender` goes now, and how it is kept where it does not say.
pub fn used(
    channel: Channel,
    members: &[Member],
    sender: &str,
    now: Stamp,
) -> Result<Channel, Denied> {
    if !members.iter().any(|member| member.agent_id == sender) {
        return Err(Denied::Forbidden);
    }
    if !channel.is_active {
        return Err(Denied::Conflict("The channel is not active"));
    }
    if channel.channel_type == ChannelType::Broadcast && channel.agent1 != sender {
        return Err(Denied::Forbidden);
    }
    let message_count = (channel.message_count.get().unwrap_or(0) + 1).into();
    Ok(Channel { message_count, last_activity: now, ..channel })
}

/// How messages through a channel are kept that do not say how.
pub fn encryption(channel: &Channel) -> EncryptionType {
    if channel.encryption_enabled { EncryptionType::Aes256 } else { EncryptionType::None }
}

/// Whether `agent` may add to the channel's members and remove from them: its maker, where more than two meet.
pub fn may_change_members(channel: &Channel, agent: &str) -> Result<(), Denied> {
    if matches!(channel.channel_type, ChannelType::Direct | ChannelType::Private) {
        return Err(Denied::Conflict("A direct or private channel is of two agents"));
    }
    if channel.agent1 == agent { Ok(()) } else { Err(Denied::Forbidden) }
}

/// A channel as answers show it.
pub fn shown(channel: &Channel, members: &[Member]) -> Value {
    let mut shown = channel.shown(SHOWN);
    let participants: Vec<&str> = members.iter().map(|member| member.agent_id.as_str()).collect();
    shown.insert("participants".to_owned(), participants.into());
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::super::messages::tests::at;
    use super::*;

    fn new(channel_type: ChannelType, participants: &[&str]) -> NewChannel {
        let participants = participants.iter().map(|agent| (*agent).to_owned()).collect();
        NewChannel { participants, channel_type, ..direct("a", "") }
    }

    #[test]
    fn so_many_meet_as_the_type_says() {
        assert_eq!(new(ChannelType::Group, &["c", "b", "c"]).others().unwrap(), ["b", "c"]);
        for (kind, others) in [
            (ChannelType::Direct, vec!["b", "c"]),
            (ChannelType::Private, vec!["b", "c"]),
            (ChannelType::Group, vec![]),
            (ChannelType::Direct, vec!["a"]),
        ] {
            assert!(new(kind, &others).others().is_err(), "{kind:?} {others:?}");
        }
    }

    #[test]
    fn two_agents_have_one_pair_and_no_others_have_it() {
        assert_eq!(pair("a", "b"), pair("b", "a"));
        assert_ne!(pair("a,b", "c"), pair("a", "b,c"));
    }

    #[test]
    fn who_writes_is_in_it_and_only_makers_broadcast() {
        let now = at("2026-11-22 12:00:00");
        let later = at("2026-11-22 13:00:00");
        let others = ["b".to_owned(), "c".to_owned()];
        let made = |kind| new(kind, &[]).into_rows("c1".to_owned(), &others, now);
        let (group, members) = made(ChannelType::Group);
        let after = used(group.clone(), &members, "b", later).unwrap();
        assert_eq!((after.message_count.get(), after.last_activity), (Some(1), later));
        assert_eq!(used(group.clone(), &members, "d", later), Err(Denied::Forbidden));
        let left = Channel { is_active: false, ..group };
        assert!(matches!(used(left, &members, "b", later), Err(Denied::Conflict(_))));
        let (broadcast, members) = made(ChannelType::Broadcast);
        assert!(used(broadcast.clone(), &members, "a", later).is_ok());
        assert_eq!(used(broadcast, &members, "b", later), Err(Denied::Forbidden));
    }
}
