//! Guilds: create, list, show, join, leave.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{acting, agent, object, texts};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_columns, of_table, with};
use crate::http::paging::page;
use crate::http::{Action, Input, Reply};
use crate::logic::Denied;
use crate::logic::marketplace::guilds::{self, NewGuild};
use crate::logic::marketplace::{self, MOST_GUILDS};
use crate::store::Page;
use crate::tables::column::Record as _;
use crate::tables::own::marketplace::{Guild, Membership, Role, ServiceType};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the guild.
const ID: &str = "guild_id";

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        agent("founder_id").example("linguist"),
        field("name", Kind::text_up_to(100)).example("Translators"),
        field("description", Kind::text_up_to(2000)).default(""),
        field("service_category", Kind::Choice(ServiceType::WORDS)).example("translation"),
        texts("requirements").default(json!([])),
        texts("benefits").default(json!([])),
        object("guild_rules").default(json!({})),
    ])
});

static FILTER: LazyShape = LazyLock::new(|| {
    let filters = [field("category", Kind::Choice(ServiceType::WORDS)).filter()];
    Shape::new(filters.into_iter().chain(page(50)))
});

static PAGE: LazyShape = LazyLock::new(|| Shape::new(page(50)));

static AGENT: LazyShape = LazyLock::new(|| Shape::new([agent("agent_id").example("linguist")]));

#[derive(Debug, Deserialize)]
struct Query {
    category: Option<ServiceType>,
    limit: i64,
    offset: i64,
}

#[derive(Debug, Deserialize)]
struct AgentBody {
    agent_id: String,
}

fn schema() -> Value {
    of_table(&Guild::TABLE)
}

/// `POST /marketplace/guilds`.
pub fn create() -> Action {
    Action::new("Create a guild", async |work: Work, mut input: Input| {
        let new: NewGuild = input.body()?;
        let mut writing = work.store.write().await?;
        let founder = acting(&work, &mut writing, &new.founder_id, &input.caller).await?;
        if writing.market_memberships_reach(&founder.agent_id, MOST_GUILDS).await? {
            return Err(Denied::Conflict(TOO_MANY).into());
        }
        let now = work.now();
        let guild = new.into_row(work.id("guild_", 12), &founder, now)?;
        writing.market_guild_insert(&guild).await?;
        let member = guilds::membership(&guild, &founder, Role::Founder, now);
        writing.market_member_insert(&member).await?;
        writing.commit().await?;
        Ok(Reply::created(&guild.to_json()))
    })
    .body(&NEW)
    .creates()
    .refuses(&[400, 403, 409])
    .answers(schema)
}

const TOO_MANY: &str = "The agent is in 10 guilds already";

/// `GET /marketplace/guilds`.
pub fn list() -> Action {
    Action::new("List guilds, by reputation", async |work: Work, mut input: Input| {
        let Query { category, limit, offset } = input.query()?;
        let found = work.store.market_guild_list(category, limit, offset).await?;
        Ok(Reply::ok(&found.iter().map(Guild::to_json).collect()))
    })
    .query(&FILTER)
    .answers(|| list_of(&schema()))
}

/// `GET /marketplace/guilds/{guild_id}`.
pub fn show() -> Action {
    Action::new("Show a guild", async |work: Work, input: Input| {
        let id = input.part(ID);
        let guild = guilds::found(work.store.market_guild_find(id).await?, id)?;
        Ok(Reply::ok(&guild.to_json()))
    })
    .refuses(&[404])
    .answers(schema)
}

/// `GET /marketplace/guilds/{guild_id}/members`.
pub fn members() -> Action {
    Action::new("List the members of a guild, by name", async |work: Work, mut input: Input| {
        let Page { limit, offset } = input.query()?;
        let id = input.part(ID);
        guilds::found(work.store.market_guild_find(id).await?, id)?;
        let found = work.store.market_member_list(id, limit, offset).await?;
        let shown = found.iter().map(|(member, reputation)| guilds::member(member, *reputation));
        Ok(Reply::ok(&shown.collect()))
    })
    .query(&PAGE)
    .refuses(&[404])
    .answers(members_schema)
}

/// `POST /marketplace/guilds/{guild_id}/join`.
pub fn join() -> Action {
    Action::new("Join a guild", async |work: Work, mut input: Input| {
        let AgentBody { agent_id } = input.body()?;
        let id = input.part(ID);
        let mut writing = work.store.write().await?;
        let guild = guilds::found(writing.market_guild_find(id).await?, id)?;
        let agent = acting(&work, &mut writing, &agent_id, &input.caller).await?;
        let already = writing.market_member_find(id, &agent_id).await?;
        guilds::admit(&guild, &agent, already.as_ref())?;
        if writing.market_memberships_reach(&agent_id, MOST_GUILDS).await? {
            return Err(Denied::Conflict(TOO_MANY).into());
        }
        let member = guilds::membership(&guild, &agent, Role::Member, work.now());
        writing.market_member_insert(&member).await?;
        writing.market_guild_refresh(id).await?;
        let guild = guilds::found(writing.market_guild_find(id).await?, id)?;
        writing.commit().await?;
        Ok(Reply::ok(&guild.to_json()))
    })
    .body(&AGENT)
    .refuses(&[400, 403, 404, 409])
    .answers(schema)
}

/// `POST /marketplace/guilds/{guild_id}/leave`.
pub fn leave() -> Action {
    let about = "Leave a guild, with everything that one offers for it; the founder is the last";
    Action::new(about, async |work: Work, mut input: Input| {
        let AgentBody { agent_id } = input.body()?;
        let id = input.part(ID);
        let mut writing = work.store.write().await?;
        let mut guild = guilds::found(writing.market_guild_find(id).await?, id)?;
        let found = writing.market_agent_find(&agent_id).await?;
        marketplace::acting(found, &agent_id, &input.caller)?;
        let member = writing.market_member_find(id, &agent_id).await?;
        guild.status = guilds::farewell(&guild, member.as_ref())?;
        writing.market_guild_update(&guild).await?;
        writing.market_member_delete(id, &agent_id).await?;
        writing.market_guild_refresh(id).await?;
        let guild = guilds::found(writing.market_guild_find(id).await?, id)?;
        writing.commit().await?;
        Ok(Reply::ok(&guild.to_json()))
    })
    .body(&AGENT)
    .refuses(&[403, 404, 409])
    .answers(schema)
}

fn members_schema() -> Value {
    let member = of_columns(&Membership::TABLE, guilds::MEMBER_SHOWN);
    list_of(&with(member, "reputation", json!({"type": "integer"})))
}
