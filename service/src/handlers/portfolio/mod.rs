//! Portfolios of agents: what `agent_portfolio_manager.py` was to do, which had no router.

pub mod shapes;
pub mod desk;
pub mod strategies;
pub mod prices;
pub mod portfolios;
pub mod trades;
pub mod rebalances;
pub mod snapshots;
pub mod risk;
pub mod alerts;
#[cfg(test)]
mod tests;

use http::StatusCode;
use serde_json::{Value, json};

use super::message_schema;
use crate::http::openapi::{list_of, with};
use crate::http::{ApiError, Input};
use crate::logic::Denied;
use crate::logic::portfolio::portfolios::{allowed, is_address};
use crate::logic::portfolio::{Refusal, number};
use crate::tables::own::portfolio::PortfolioOwner;
use crate::tables::portfolio::AgentPortfolio;
use crate::work::Work;

/// The part of the path that names the portfolio, by its agent.
const ADDRESS: &str = "agent_address";

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::Denied(denied) => denied.into(),
            Refusal::NoPrice(_) | Refusal::StalePrice { .. } => {
                Self::detail(StatusCode::CONFLICT, text)
            }
            Refusal::TooLarge(_) => Self::detail(StatusCode::BAD_REQUEST, text),
        }
    }
}

/// The portfolio in the path, if the caller may look at it.
async fn visible(
    work: &Work,
    input: &Input,
) -> Result<(AgentPortfolio, Option<PortfolioOwner>), ApiError> {
    let found = work.store.portfolio_find(address(input)?).await?;
    let portfolio = found.ok_or(NO_PORTFOLIO)?;
    let owner = work.store.portfolio_owner(number(&portfolio.id)).await?;
    allowed(owner.as_ref(), &input.caller, false)?;
    Ok((portfolio, owner))
}

const NO_PORTFOLIO: Denied = Denied::NotFound("Portfolio");

/// The address in the path. What is none has no portfolio.
fn address(input: &Input) -> Result<&str, Denied> {
    let address = input.part(ADDRESS);
    if is_address(address) { Ok(address) } else { Err(NO_PORTFOLIO) }
}

/// The number of a thing in the path; nothing has one that does not fit into 64 bits.
fn id(input: &Input, part: &str, thing: &'static str) -> Result<i64, Denied> {
    input.part(part).parse().map_err(|_why| Denied::NotFound(thing))
}

/// The schema of how something is settled.
fn settlement() -> Value {
    json!({"type": "string", "enum": ["recorded", "on_chain"]})
}

/// The schema of a number or null.
fn number_or_null() -> Value {
    json!({"anyOf": [{"type": "number"}, {"type": "null"}]})
}
