//! Services: list, show, change, open and close them, and what they cost.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::requests::MOST_BUDGET;
use super::{acting, agent, object, texts};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_columns, with};
use crate::http::paging::page;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::marketplace::services::{self, NewService, ServiceChanges};
use crate::logic::marketplace::{Declined, MOST_SERVICES, pricing};
use crate::store::Writing;
use crate::store::marketplace::services::ServiceFilter;
use crate::tables::Money;
use crate::tables::column::Record as _;
use crate::tables::own::marketplace::{PricingModel, Service, ServiceStatus, ServiceType};
use crate::validation::shape::Field;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the service.
const ID: &str = "service_id";

/// Most tags of a service, or of a search.
pub(super) const MOST_TAGS: usize = 20;

/// Hours that a service may take: a year.
const LONGEST: i32 = 8760;

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        agent("agent_id").example("linguist"),
        field("service_type", Kind::Choice(ServiceType::WORDS)).example("translation"),
        name().example("German to Polish"),
        description().example("Technical texts, by somebody who knows both languages"),
        object("metadata").default(json!({})),
        field("base_price", Kind::number()).example(12.5),
        tags().default(json!([])).example(json!(["german", "polish"])),
        texts("capabilities").default(json!([])),
        texts("requirements").default(json!([])),
        pricing_model().default("fixed"),
        estimated_duration().default(0),
        availability().default(json!(working_days())),
        field("guild_id", Kind::text_up_to(100).or_null()).default(Value::Null),
    ])
});

static CHANGES: LazyShape = LazyLock::new(|| {
    Shape::new([
        name().optional(),
        description().optional(),
        object("metadata").optional(),
        field("base_price", Kind::number()).optional().example(14.0),
        tags().optional(),
        texts("capabilities").optional(),
        texts("requirements").optional(),
        pricing_model().optional(),
        estimated_duration().optional(),
        availability().optional(),
        field("guild_id", Kind::text_up_to(100).or_null()).optional(),
    ])
});

static FILTER: LazyShape = LazyLock::new(|| {
    let filters = [
        field("agent_id", Kind::text()).filter(),
        field("status", Kind::Choice(ServiceStatus::WORDS)).filter(),
    ];
    Shape::new(filters.into_iter().chain(page(50)))
});

static BUDGET: LazyShape = LazyLock::new(|| {
    Shape::new([field("budget", Kind::number_within(0.0, MOST_BUDGET)).optional()])
});

fn name() -> Field {
    field("name", Kind::text_within(1, 100))
}

fn description() -> Field {
    field("description", Kind::text_up_to(2000))
}

fn tags() -> Field {
    field("tags", Kind::list_of(Kind::text_within(1, 50))).rule(few_tags)
}

fn pricing_model() -> Field {
    field("pricing_model", Kind::Choice(PricingModel::WORDS))
}

fn estimated_duration() -> Field {
    field("estimated_duration", Kind::integer_within(0, LONGEST))
}

fn availability() -> Field {
    let days = services::working_days();
    let day = |(day, works): (&'static str, bool)| field(day, Kind::Boolean).default(works);
    field("availability", Kind::Model(Shape::new(days.map(day))))
}

fn working_days() -> Map<String, Value> {
    services::working_days()
        .into_iter()
        .map(|(day, works)| (day.to_owned(), works.into()))
        .collect()
}

pub(super) fn few_tags(tags: &Value, _before: &Map<String, Value>) -> Result<(), &'static str> {
    let few = tags.as_array().is_none_or(|tags| tags.len() <= MOST_TAGS);
    if few { Ok(()) } else { Err("should be at most 20 tags") }
}

#[derive(Debug, Deserialize)]
struct Query {
    agent_id: Option<String>,
    status: Option<ServiceStatus>,
    limit: i64,
    offset: i64,
}

#[derive(Debug, Deserialize)]
struct BudgetQuery {
    budget: Option<Money>,
}

pub(super) fn schema() -> Value {
    let rating = json!({"type": "number", "minimum": 0, "maximum": 5});
    with(of_columns(&Service::TABLE, services::SHOWN), "average_rating", rating)
}

/// `POST /marketplace/services`.
pub fn create() -> Action {
    Action::new("List a service", async |work: Work, mut input: Input| {
        let new: NewService = input.body()?;
        let mut writing = work.store.write().await?;
        let mut agent = acting(&work, &mut writing, &new.agent_id, &input.caller).await?;
        let listed = agent.service_count.get().unwrap_or(0);
        if listed >= MOST_SERVICES {
            return Err(Denied::Conflict("The agent has 100 services already").into());
        }
        guild_allows(&mut writing, new.guild_id.as_deref(), &agent.agent_id).await?;
        let reputation = agent.reputation.get().unwrap_or(0);
        let service = new.into_row(work.id("svc_", 12), input.caller, reputation, work.now())?;
        writing.market_service_insert(&service, &services::tags(&service)).await?;
        agent.service_count = (listed + 1).into();
        writing.market_agent_update(&agent).await?;
        count_again(&mut writing, [service.guild_id.as_deref()]).await?;
        writing.commit().await?;
        Ok(Reply::created(&services::shown(&service)))
    })
    .body(&NEW)
    .creates()
    .refuses(&[400, 403, 404, 409])
    .answers(schema)
}

/// `GET /marketplace/services`.
pub fn list() -> Action {
    let about = "List one's own services, or all of an agent's, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let Query { agent_id, status, limit, offset } = input.query()?;
        let owner = agent_id.is_none().then_some(input.caller);
        let filter = ServiceFilter { owner, agent_id, status, limit, offset };
        let found = work.store.market_service_list(&filter).await?;
        Ok(Reply::ok(&found.iter().map(services::shown).collect()))
    })
    .query(&FILTER)
    .answers(|| list_of(&schema()))
}

/// `GET /marketplace/services/{service_id}`.
pub fn show() -> Action {
    Action::new("Show a service", async |work: Work, input: Input| {
        let id = input.part(ID);
        let service = services::found(work.store.market_service_find(id).await?, id)?;
        Ok(Reply::ok(&services::shown(&service)))
    })
    .refuses(&[404])
    .answers(schema)
}

/// `PUT /marketplace/services/{service_id}`.
pub fn change() -> Action {
    Action::new("Change the fields that are sent", async |work: Work, mut input: Input| {
        let changes: ServiceChanges = input.body()?;
        let mut writing = work.store.write().await?;
        let before = owned(&mut writing, &input).await?;
        guild_allows(&mut writing, changes.guild_id.wanted(), &before.agent_id).await?;
        let service = changes.apply(before.clone(), work.now())?;
        writing.market_service_update(&service).await?;
        writing.market_service_tag(&service, &services::tags(&service)).await?;
        let guilds = [before.guild_id.as_deref(), service.guild_id.as_deref()];
        count_again(&mut writing, guilds).await?;
        writing.commit().await?;
        Ok(Reply::ok(&services::shown(&service)))
    })
    .body(&CHANGES)
    .refuses(&[400, 403, 404])
    .answers(schema)
}

/// `POST /marketplace/services/{service_id}/activate`.
pub fn activate() -> Action {
    turning("Open a service to requests again", ServiceStatus::Active)
}

/// `POST /marketplace/services/{service_id}/deactivate`.
pub fn deactivate() -> Action {
    let about = "Withdraw a service; requests that nobody has accepted are cancelled";
    turning(about, ServiceStatus::Inactive)
}

/// `POST /marketplace/services/{service_id}/suspend`.
pub fn suspend() -> Action {
    let about = "Take no new requests for a while; what was asked for before can be accepted";
    turning(about, ServiceStatus::Suspended)
}

fn turning(about: &'static str, status: ServiceStatus) -> Action {
    Action::new(about, move |work: Work, input: Input| async move {
        let mut writing = work.store.write().await?;
        let service = owned(&mut writing, &input).await?;
        let service = services::turn(service, status, work.now())?;
        writing.market_service_update(&service).await?;
        if status == ServiceStatus::Inactive {
            writing.market_requests_cancel(&service.id).await?;
        }
        writing.commit().await?;
        Ok(Reply::ok(&services::shown(&service)))
    })
    .refuses(&[403, 404, 409])
    .answers(schema)
}

/// `GET /marketplace/services/{service_id}/price`.
pub fn price() -> Action {
    let about = "What a service costs at the moment, and how that comes about";
    Action::new(about, async |work: Work, mut input: Input| {
        let BudgetQuery { budget } = input.query()?;
        let id = input.part(ID);
        let service = services::found(work.store.market_service_find(id).await?, id)?;
        Ok(Reply::ok(&pricing::quote(&service, budget)))
    })
    .query(&BUDGET)
    .refuses(&[404])
    .answers(price_schema)
}

async fn owned(writing: &mut Writing, input: &Input) -> Result<Service, ApiError> {
    let id = input.part(ID);
    let found = writing.market_service_find(id).await?;
    Ok(services::owned(found, id, &input.caller)?)
}

/// Only members offer services for a guild.
async fn guild_allows(
    writing: &mut Writing,
    guild_id: Option<&str>,
    agent_id: &str,
) -> Result<(), ApiError> {
    let Some(guild_id) = guild_id else { return Ok(()) };
    if writing.market_guild_find(guild_id).await?.is_none() {
        return Err(Declined::Missing("Guild", guild_id.to_owned()).into());
    }
    match writing.market_member_find(guild_id, agent_id).await? {
        Some(_) => Ok(()),
        None => Err(Declined::WrongParty("Not a member of the guild").into()),
    }
}

async fn count_again(
    writing: &mut Writing,
    guilds: impl IntoIterator<Item = Option<&str>>,
) -> Result<(), ApiError> {
    for guild in guilds.into_iter().flatten() {
        writing.market_guild_refresh(guild).await?;
    }
    Ok(())
}

fn price_schema() -> Value {
    let number = json!({"type": "number"});
    let number_or_null = json!({"anyOf": [number, {"type": "null"}]});
    json!({"type": "object", "properties": {
        "service_id": {"type": "string"},
        "base_price": number, "reputation_multiplier": number, "demand_multiplier": number,
        "rating_multiplier": number, "price": number,
        "budget": number_or_null,
        "suffices": {"type": "boolean"},
        "payment": number_or_null, "fee": number_or_null, "earned": number_or_null,
    }})
}
