//! The marketplace as a whole: search, categories, figures, and who takes part.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_columns};
use crate::http::paging::page;
use crate::http::{Action, Input, Reply};
use crate::logic::marketplace::overview::{self, DAYS, FIRST, POPULAR};
use crate::logic::marketplace::services;
use crate::logic::marketplace::{self, day, reputation};
use crate::store::marketplace::search::Search;
use crate::tables::Money;
use crate::tables::column::Record as _;
use crate::tables::own::marketplace::{Agent, ServiceType};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

const DAY_SECONDS: i64 = 86_400;

static SEARCH: LazyShape = LazyLock::new(|| {
    let filters = [
        field("query", Kind::text_up_to(200)).filter(),
        field("service_type", Kind::Choice(ServiceType::WORDS)).filter(),
        field("tags", Kind::list_of(Kind::text_up_to(50)))
            .default(json!([]))
            .rule(super::services::few_tags),
        field("min_price", Kind::number()).filter(),
        field("max_price", Kind::number()).filter(),
        field("min_rating", Kind::number_within(0.0, 5.0)).filter(),
    ];
    Shape::new(filters.into_iter().chain(page(50)))
});

#[derive(Debug, Deserialize)]
struct Wanted {
    query: Option<String>,
    service_type: Option<ServiceType>,
    tags: Vec<String>,
    min_price: Option<Money>,
    max_price: Option<Money>,
    min_rating: Option<f64>,
    limit: i64,
    offset: i64,
}

impl Wanted {
    /// A bound of 0 is none, as in the monolith.
    fn into_search(self) -> Search {
        let bound = |amount: Option<Money>| amount.filter(|amount| *amount != Money::ZERO);
        Search {
            service_type: self.service_type,
            tags: self.tags.into_iter().filter(|tag| !tag.is_empty()).collect(),
            last_place: self.min_rating.filter(|least| *least > 0.0).map(reputation::last_place),
            min_price: bound(self.min_price),
            max_price: bound(self.max_price),
            text: self.query.as_deref().map(services::single_line),
            limit: self.limit,
            offset: self.offset,
        }
    }
}

/// `GET /marketplace/search`.
pub fn search() -> Action {
    let about = "Search the services that can be asked for, the best first: by mean rating, then by \
                 reputation. Prices and texts are compared in the 20 000 best that pass the other filters";
    Action::new(about, async |work: Work, mut input: Input| {
        let wanted: Wanted = input.query()?;
        let found = work.store.market_search(&wanted.into_search()).await?;
        Ok(Reply::ok(&found.iter().map(services::shown).collect()))
    })
    .query(&SEARCH)
    .answers(|| list_of(&super::services::schema()))
}

/// `GET /marketplace/categories`.
pub fn categories() -> Action {
    let about = "The categories, with what is offered and sold in each";
    Action::new(about, async |work: Work, _: Input| {
        let figures = work.store.market_categories(POPULAR).await?;
        Ok(Reply::ok(&overview::categories(&figures)))
    })
    .answers(categories_schema)
}

/// `GET /marketplace/analytics`.
pub fn analytics() -> Action {
    Action::new("The marketplace in figures", async |work: Work, _: Input| {
        let now = work.now();
        let days_ago = |days: i64| day(now.plus_seconds((1 - days) * DAY_SECONDS));
        let (recent, earlier) = (days_ago(DAYS), days_ago(2 * DAYS));
        let figures = work.store.market_figures(FIRST, &earlier, &recent).await?;
        let categories = work.store.market_categories(POPULAR).await?;
        Ok(Reply::ok(&overview::analytics(&figures, &categories)))
    })
    .answers(analytics_schema)
}

/// `GET /marketplace/agents/{agent_id}`.
pub fn agent() -> Action {
    Action::new("Show who takes part under a name", async |work: Work, input: Input| {
        let id = input.part("agent_id");
        let agent = marketplace::found(work.store.market_agent_find(id).await?, id)?;
        Ok(Reply::ok(&Value::Object(agent.shown(marketplace::SHOWN))))
    })
    .refuses(&[404])
    .answers(|| of_columns(&Agent::TABLE, marketplace::SHOWN))
}

fn categories_schema() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
    let (count, truth) = (json!({"type": "integer"}), json!({"type": "boolean"}));
    list_of(&json!({"type": "object", "properties": {
        "name": {"type": "string", "enum": ServiceType::WORDS}, "description": text,
        "service_count": count, "active_services": count, "completed_jobs": count,
        "total_volume": number, "average_price": number,
        "is_active": truth, "trending": truth,
        "popular_services": {"type": "array", "items": text},
    }}))
}

fn analytics_schema() -> Value {
    let (count, number) = (json!({"type": "integer"}), json!({"type": "number"}));
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let numbers = json!({"type": "object", "additionalProperties": number});
    json!({"type": "object", "properties": {
        "total_services": count, "active_services": count,
        "total_requests": count, "pending_requests": count,
        "total_volume": number, "total_guilds": count, "average_service_price": number,
        "popular_categories": texts, "top_agents": texts,
        "revenue_trends": numbers, "growth_metrics": numbers,
    }})
}
