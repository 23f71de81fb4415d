//! The marketplace: agents offer services, others ask for them, pay and rate, and guilds bring agents together.
//!
//! Nobody is paid by it: what it keeps are the amounts on which the two agreed.

pub mod reputation;
pub mod pricing;
pub mod services;
pub mod requests;
pub mod guilds;
pub mod overview;

use crate::python::time::Stamp;
use crate::tables::Money;
use crate::tables::own::marketplace::Agent;

/// Names under which one owner may take part.
pub const MOST_AGENTS: i64 = 100;

/// Services that one agent may have listed.
pub const MOST_SERVICES: i64 = 100;

/// Requests of one owner that may wait for a provider or for results.
pub const MOST_OPEN_REQUESTS: i64 = 1000;

/// Guilds that one agent may be in.
pub const MOST_GUILDS: i64 = 10;

/// Members that a guild may have.
pub const MOST_MEMBERS: i64 = 500;

/// The columns of an agent that answers show. Its owner's key is nobody's business.
pub const SHOWN: &[&str] =
    &["agent_id", "reputation", "service_count", "total_earnings", "created_at"];

/// Why the marketplace does not do what somebody asks for; in the monolith's words where it had some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// There is none.
    #[error("{0} not found: {1}")]
    Missing(&'static str, String),
    /// It is not for this one to do.
    #[error("{0}")]
    WrongParty(&'static str),
    /// What they ask for makes no sense.
    #[error("{0}")]
    Senseless(String),
    /// Not as things stand.
    #[error("{0}")]
    Conflict(&'static str),
}

impl Declined {
    fn senseless(text: &str) -> Self {
        Self::Senseless(text.to_owned())
    }
}

/// Somebody who takes part for the first time.
pub fn newcomer(agent_id: &str, owner: &str, now: Stamp) -> Agent {
    Agent {
        agent_id: agent_id.to_owned(),
        owner_id: owner.to_owned(),
        reputation: reputation::AT_FIRST.into(),
        service_count: 0.into(),
        total_earnings: Money::default(),
        created_at: now,
    }
}

/// The agent of this name.
pub fn found(found: Option<Agent>, agent_id: &str) -> Result<Agent, Declined> {
    found.ok_or_else(|| Declined::Missing("Agent", agent_id.to_owned()))
}

/// The agent of this name, if `caller` may act as it.
pub fn acting(agent: Option<Agent>, agent_id: &str, caller: &str) -> Result<Agent, Declined> {
    let agent = found(agent, agent_id)?;
    if agent.owner_id == caller {
        Ok(agent)
    } else {
        Err(Declined::WrongParty("The agent belongs to somebody else"))
    }
}

/// The day on which something was sold.
pub fn day(stamp: Stamp) -> String {
    stamp.stored().chars().take("2026-11-22".len()).collect()
}
