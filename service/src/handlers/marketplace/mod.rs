//! The marketplace: services, requests, guilds, and the whole.

pub mod services;
pub mod requests;
pub mod guilds;
pub mod overview;

use serde_json::{Map, Value};

use crate::http::ApiError;
use crate::logic::Denied;
use crate::logic::marketplace::{self, MOST_AGENTS};
use crate::python::json::stored;
use crate::store::Writing;
use crate::tables::own::marketplace::Agent;
use crate::validation::shape::Field;
use crate::validation::{Kind, field};
use crate::work::Work;

/// Most bytes of a list or an object of a request, as JSON.
const MOST_BYTES: usize = 16_384;

/// An agent's name.
fn agent(name: &'static str) -> Field {
    field(name, Kind::text_within(1, 100))
}

/// A list of short texts.
fn texts(name: &'static str) -> Field {
    field(name, Kind::list_of(Kind::text_within(1, 200))).rule(small)
}

/// A free object.
fn object(name: &'static str) -> Field {
    field(name, Kind::object()).rule(small)
}

fn small(value: &Value, _before: &Map<String, Value>) -> Result<(), &'static str> {
    if stored(value).len() <= MOST_BYTES {
        Ok(())
    } else {
        Err("should be at most 16384 bytes long as JSON")
    }
}

/// The agent of this name, as which `caller` acts. Whoever first takes part under a name has it.
async fn acting(
    work: &Work,
    writing: &mut Writing,
    agent_id: &str,
    caller: &str,
) -> Result<Agent, ApiError> {
    let found = writing.market_agent_find(agent_id).await?;
    if found.is_some() {
        return Ok(marketplace::acting(found, agent_id, caller)?);
    }
    if writing.market_agents_reach(caller, MOST_AGENTS).await? {
        return Err(Denied::Conflict("There are 100 agents already").into());
    }
    let newcomer = marketplace::newcomer(agent_id, caller, work.now());
    writing.market_agent_insert(&newcomer).await?;
    Ok(newcomer)
}
