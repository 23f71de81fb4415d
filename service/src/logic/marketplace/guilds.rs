//! Guilds: who makes one, who may join, and how answers show them.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Declined, MOST_MEMBERS, reputation};
use crate::python::time::Stamp;
use crate::tables::column::Record as _;
use crate::tables::own::marketplace::{Agent, Guild, GuildStatus, Membership, Role, ServiceType};
use crate::tables::{Json, Money};

/// Fewest characters of a name.
const SHORTEST_NAME: usize = 3;

/// The columns of a member that answers show.
pub const MEMBER_SHOWN: &[&str] = &["agent_id", "role", "contributions", "joined_at"];

/// A guild as its founder describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewGuild {
    /// The agent that makes it.
    pub founder_id: String,
    name: String,
    description: String,
    service_category: ServiceType,
    requirements: Value,
    benefits: Value,
    guild_rules: Value,
}

impl NewGuild {
    /// The row of this guild, of which only the founder is a member.
    pub fn into_row(self, id: String, founder: &Agent, now: Stamp) -> Result<Guild, Declined> {
        if self.name.chars().count() < SHORTEST_NAME {
            return Err(Declined::senseless("Invalid guild name"));
        }
        Ok(Guild {
            id,
            name: self.name,
            description: self.description,
            founder: self.founder_id,
            service_category: self.service_category,
            member_count: 1.into(),
            total_services: 0.into(),
            total_earnings: Money::default(),
            reputation: founder.reputation.clone(),
            status: GuildStatus::Active,
            requirements: Json(self.requirements),
            benefits: Json(self.benefits),
            guild_rules: Json(self.guild_rules),
            created_at: now,
        })
    }
}

/// A place in a guild.
pub fn membership(guild: &Guild, agent: &Agent, role: Role, now: Stamp) -> Membership {
    Membership {
        guild_id: guild.id.clone(),
        agent_id: agent.agent_id.clone(),
        role,
        contributions: 0.into(),
        joined_at: now,
    }
}

/// A guild, if there is one.
pub fn found(found: Option<Guild>, id: &str) -> Result<Guild, Declined> {
    found.ok_or_else(|| Declined::Missing("Guild", id.to_owned()))
}

/// Whether somebody may join: in the monolith's order.
pub fn admit(guild: &Guild, agent: &Agent, already: Option<&Membership>) -> Result<(), Declined> {
    if already.is_some() {
        return Err(Declined::Conflict("Already a member"));
    }
    if guild.status != GuildStatus::Active {
        return Err(Declined::Conflict("Guild not active"));
    }
    let reputations = [&agent.reputation, &guild.reputation];
    let [own, of_guild] = reputations.map(|reputation| reputation.get().unwrap_or(0));
    if !reputation::suffices(own, of_guild) {
        return Err(Declined::senseless("Insufficient reputation"));
    }
    if guild.member_count.get().unwrap_or(0) >= MOST_MEMBERS {
        return Err(Declined::Conflict("There are 500 members already"));
    }
    Ok(())
}

/// Whether a member may leave, and what the guild is after that. Its founder is the last to go.
pub fn farewell(guild: &Guild, membership: Option<&Membership>) -> Result<GuildStatus, Declined> {
    let Some(membership) = membership else {
        return Err(Declined::Conflict("Not a member"));
    };
    match (membership.role, guild.member_count.get()) {
        (Role::Member, _) => Ok(guild.status),
        (Role::Founder, Some(1)) => Ok(GuildStatus::Inactive),
        (Role::Founder, _) => Err(Declined::Conflict("The founder is the last to leave")),
    }
}

/// A member as answers show it, with its reputation now.
pub fn member(membership: &Membership, reputation: i64) -> Value {
    let mut shown: Map<String, Value> = membership.shown(MEMBER_SHOWN);
    shown.insert("reputation".to_owned(), reputation.into());
    Value::Object(shown)
}
