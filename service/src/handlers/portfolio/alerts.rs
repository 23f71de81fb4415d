//! Alerts of a portfolio: list, acknowledge.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::shapes::ALERTS;
use super::{NO_PORTFOLIO, address, id, list_of, visible};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, Input, Reply};
use crate::logic::portfolio::portfolios::allowed;
use crate::logic::portfolio::{alerts, number};
use crate::store::Page;
use crate::tables::Record as _;
use crate::tables::portfolio::PortfolioAlert;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that is the number of an alert.
const ID: &str = "alert_id";

static NUMBER: LazyShape = LazyLock::new(|| Shape::new([field(ID, Kind::integer())]));

#[derive(Debug, Deserialize)]
struct Query {
    open: bool,
    limit: i64,
    offset: i64,
}

/// `GET /portfolio/portfolios/{agent_address}/alerts`.
pub fn list() -> Action {
    let about = "List the alerts of a portfolio, newest first; all, or those that are not over";
    Action::new(about, async |work: Work, mut input: Input| {
        let Query { open, limit, offset } = input.query()?;
        let (portfolio, _) = visible(&work, &input).await?;
        let (id, page) = (number(&portfolio.id), Page { limit, offset });
        let found: Vec<PortfolioAlert> = if open {
            work.store.alert_list_open(id, page).await?
        } else {
            work.store.portfolio_rows(id, page).await?
        };
        Ok(Reply::ok(&found.iter().map(PortfolioAlert::to_json).collect()))
    })
    .query(&ALERTS)
    .refuses(&[403, 404])
    .answers(|| list_of(&schema()))
}

/// `POST /portfolio/portfolios/{agent_address}/alerts/{alert_id}/acknowledge`.
pub fn acknowledge() -> Action {
    Action::new("Say that one has seen an alert", async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let portfolio = writing.portfolio_find(address(&input)?).await?.ok_or(NO_PORTFOLIO)?;
        let owner = writing.portfolio_owner(number(&portfolio.id)).await?;
        allowed(owner.as_ref(), &input.caller, true)?;
        let found = writing.alert_find(id(&input, ID, "Alert")?).await?;
        let alert = alerts::acknowledged(found, &portfolio, work.now())?;
        writing.alert_update(&alert).await?;
        writing.commit().await?;
        Ok(Reply::ok(&alert.to_json()))
    })
    .path(&NUMBER)
    .refuses(&[403, 404, 409])
    .answers(schema)
}

fn schema() -> Value {
    of_table(&PortfolioAlert::TABLE)
}
