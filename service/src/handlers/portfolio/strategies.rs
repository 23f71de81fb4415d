//! Strategies: create, list, show, deactivate.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::shapes::{STRATEGIES, STRATEGY};
use super::{id, list_of};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, Input, Reply};
use crate::logic::Denied;
use crate::logic::portfolio::strategies::{MOST_STRATEGIES, NewStrategy, visible};
use crate::store::Page;
use crate::store::portfolio::Whose;
use crate::store::portfolio::strategies::StrategyFilter;
use crate::tables::Record as _;
use crate::tables::portfolio::PortfolioStrategy;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that is the number of a strategy.
const ID: &str = "strategy_id";

static NUMBER: LazyShape = LazyLock::new(|| Shape::new([field(ID, Kind::integer())]));

#[derive(Debug, Deserialize)]
struct Query {
    is_active: Option<bool>,
    unclaimed: bool,
    limit: i64,
    offset: i64,
}

/// `POST /portfolio/strategies`.
pub fn create() -> Action {
    Action::new("Create a portfolio strategy", async |work: Work, mut input: Input| {
        let new: NewStrategy = input.body()?;
        let strategy = new.into_row(work.now())?;
        let mut writing = work.store.write().await?;
        if writing.strategy_has(&input.caller, MOST_STRATEGIES).await? {
            return Err(Denied::Conflict("There are 1000 strategies already").into());
        }
        let strategy = writing.strategy_insert(&strategy, &input.caller).await?;
        writing.commit().await?;
        Ok(Reply::created(&strategy.to_json()))
    })
    .body(&STRATEGY)
    .creates()
    .refuses(&[409])
    .answers(schema)
}

/// `GET /portfolio/strategies`.
pub fn list() -> Action {
    let about = "List one's strategies, or those that the monolith made, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let Query { is_active, unclaimed, limit, offset } = input.query()?;
        let whose = if unclaimed { Whose::Nobodys } else { Whose::Of(input.caller) };
        let filter = StrategyFilter { whose, is_active, page: Page { limit, offset } };
        let found = work.store.strategy_list(&filter).await?;
        Ok(Reply::ok(&found.iter().map(PortfolioStrategy::to_json).collect()))
    })
    .query(&STRATEGIES)
    .answers(|| list_of(&schema()))
}

/// `GET /portfolio/strategies/{strategy_id}`.
pub fn show() -> Action {
    Action::new("Show a strategy", async |work: Work, input: Input| {
        let id = id(&input, ID, "Strategy")?;
        let owner = work.store.strategy_owner(id).await?;
        let found = work.store.strategy_find(id).await?;
        Ok(Reply::ok(&visible(found, owner.as_deref(), &input.caller)?.to_json()))
    })
    .path(&NUMBER)
    .refuses(&[403, 404])
    .answers(schema)
}

/// `POST /portfolio/strategies/{strategy_id}/deactivate`: no new portfolio can follow it; those that do go on.
pub fn deactivate() -> Action {
    let about = "Let no new portfolio follow a strategy";
    Action::new(about, async |work: Work, input: Input| {
        let id = id(&input, ID, "Strategy")?;
        let mut writing = work.store.write().await?;
        let owner = writing.strategy_owner(id).await?;
        let found = writing.strategy_find(id).await?;
        let mut strategy = visible(found, owner.as_deref(), &input.caller)?;
        if owner.is_none() {
            return Err(Denied::Forbidden.into());
        }
        strategy.is_active = false;
        strategy.updated_at = work.now();
        writing.strategy_update(&strategy).await?;
        writing.commit().await?;
        Ok(Reply::ok(&strategy.to_json()))
    })
    .path(&NUMBER)
    .refuses(&[403, 404])
    .answers(schema)
}

fn schema() -> Value {
    of_table(&PortfolioStrategy::TABLE)
}
