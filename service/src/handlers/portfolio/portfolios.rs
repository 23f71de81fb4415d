//! Portfolios: create, list, show, claim.

use serde::Deserialize;
use serde_json::Value;

use super::shapes::{PORTFOLIO, WHOSE};
use super::{NO_PORTFOLIO, address, list_of, visible, with};
use crate::http::openapi::of_table;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::Denied;
use crate::logic::portfolio::portfolios::{self, MOST_PORTFOLIOS, NewPortfolio};
use crate::logic::portfolio::{number, strategies};
use crate::store::portfolio::Whose;
use crate::store::{Page, StoreError, Writing};
use crate::tables::Record as _;
use crate::tables::portfolio::{AgentPortfolio, PortfolioAsset};
use crate::work::Work;

#[derive(Debug, Deserialize)]
struct Query {
    unclaimed: bool,
    limit: i64,
    offset: i64,
}

/// `POST /portfolio/portfolios`.
pub fn create() -> Action {
    Action::new("Create the portfolio of an agent", async |work: Work, mut input: Input| {
        let new: NewPortfolio = input.body()?;
        new.check()?;
        let mut writing = work.store.write().await?;
        if writing.portfolio_find(&new.agent_address).await?.is_some() {
            return Err(Denied::Refused("Portfolio already exists for this agent").into());
        }
        let owner = writing.strategy_owner(new.strategy_id).await?;
        let strategy = writing.strategy_find(new.strategy_id).await?;
        let strategy = strategy.filter(|strategy| strategy.is_active);
        let strategy = strategies::visible(strategy, owner.as_deref(), &input.caller)?;
        room_for_one_more(&mut writing, &input.caller).await?;
        let now = work.now();
        let portfolio = writing.portfolio_insert(&new.row(now)).await?;
        let owner = portfolios::owner(&portfolio, &input.caller);
        writing.portfolio_owner_insert(&owner).await?;
        let mut assets = Vec::new();
        for asset in new.assets(number(&portfolio.id), &strategy, now)? {
            assets.push(writing.asset_insert(&asset).await?);
        }
        writing.commit().await?;
        Ok(Reply::created(&portfolios::shown(&portfolio, &assets)))
    })
    .body(&PORTFOLIO)
    .creates()
    .refuses(&[403, 404, 409])
    .answers(shown_schema)
}

/// `GET /portfolio/portfolios`.
pub fn list() -> Action {
    let about = "List one's portfolios, or those that nobody has claimed, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let Query { unclaimed, limit, offset } = input.query()?;
        let whose = if unclaimed { Whose::Nobodys } else { Whose::Of(input.caller) };
        let found = work.store.portfolio_list(&whose, Page { limit, offset }).await?;
        Ok(Reply::ok(&found.iter().map(AgentPortfolio::to_json).collect()))
    })
    .query(&WHOSE)
    .answers(|| list_of(&schema()))
}

/// `GET /portfolio/portfolios/{agent_address}`.
pub fn show() -> Action {
    let about =
        "Show a portfolio with its tokens, as they were when something was last done with it";
    Action::new(about, async |work: Work, input: Input| {
        let (portfolio, _) = visible(&work, &input).await?;
        let assets = work.store.asset_list(number(&portfolio.id)).await?;
        Ok(Reply::ok(&portfolios::shown(&portfolio, &assets)))
    })
    .refuses(&[403, 404])
    .answers(shown_schema)
}

/// `POST /portfolio/portfolios/{agent_address}/claim`.
pub fn claim() -> Action {
    let about = "Make a portfolio one's own that the monolith made";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let portfolio = writing.portfolio_find(address(&input)?).await?.ok_or(NO_PORTFOLIO)?;
        let id = number(&portfolio.id);
        let owner = writing.portfolio_owner(id).await?;
        if owner.is_some() {
            portfolios::allowed(owner.as_ref(), &input.caller, true)?;
        } else {
            room_for_one_more(&mut writing, &input.caller).await?;
            let owner = portfolios::owner(&portfolio, &input.caller);
            writing.portfolio_owner_insert(&owner).await.map_err(taken)?;
        }
        let assets = writing.asset_list(id).await?;
        writing.commit().await?;
        Ok(Reply::ok(&portfolios::shown(&portfolio, &assets)))
    })
    .refuses(&[403, 404, 409])
    .answers(shown_schema)
}

/// Refuses more portfolios than one owner may have, whether made or claimed.
async fn room_for_one_more(writing: &mut Writing, owner: &str) -> Result<(), ApiError> {
    if writing.portfolio_has(owner, MOST_PORTFOLIOS).await? {
        return Err(Denied::Conflict("There are 1000 portfolios already").into());
    }
    Ok(())
}

/// The monolith tells addresses in capital letters from those in small ones.
fn taken(error: StoreError) -> ApiError {
    if error.is_taken() {
        return Denied::Conflict("Another portfolio has this address").into();
    }
    error.into()
}

fn schema() -> Value {
    of_table(&AgentPortfolio::TABLE)
}

fn shown_schema() -> Value {
    with(schema(), "assets", list_of(&of_table(&PortfolioAsset::TABLE)))
}
