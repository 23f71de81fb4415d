//! Rebalancing: bring a portfolio nearer to its strategy, and see when that was done.

use serde_json::{Value, json};

use super::desk::Desk;
use super::shapes::PAGE;
use super::{list_of, settlement, trades, visible};
use crate::http::openapi::of_table;
use crate::http::{Action, Input, Reply};
use crate::logic::portfolio::number;
use crate::logic::portfolio::rebalancing::{self, Change};
use crate::store::Page;
use crate::tables::Record as _;
use crate::tables::portfolio::RebalanceHistory;
use crate::work::Work;

/// `POST /portfolio/portfolios/{agent_address}/rebalance`.
pub fn rebalance() -> Action {
    let about = "Trade so that a portfolio is nearer to its strategy, if it needs that";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let mut desk = Desk::open(&work, &mut writing, &input, ["", ""]).await?;
        let reason = rebalancing::reason(&desk.portfolio, &desk.strategy, &desk.book, desk.now)?;
        let Some(reason) = reason else {
            return Ok(Reply::ok(&rebalancing::nothing("Rebalancing not needed at this time")));
        };
        let (id, before) = (number(&desk.portfolio.id), desk.book.value()?);
        let planned = rebalancing::plan(&desk.book, &desk.targets)?;
        if planned.is_empty() {
            return Ok(Reply::ok(&rebalancing::nothing("No rebalancing trades required")));
        }
        let (targets, tolerance) = (&desk.targets, desk.tolerance);
        let trades =
            rebalancing::carry_out(&planned, id, &mut desk.book, targets, tolerance, desk.now)?;
        if trades.is_empty() {
            return Ok(Reply::ok(&rebalancing::nothing("No rebalancing trade could be done")));
        }
        let after = desk.book.value()?;
        let mut written = Vec::new();
        for trade in &trades {
            written.push(writing.trade_insert(trade).await?);
        }
        let change = Change { reason, before, after, trades: trades.len() };
        let row = change.row(&desk.portfolio, desk.now, work.now())?;
        writing.rebalance_insert(&row).await?;
        desk.portfolio.last_rebalance = desk.now;
        desk.close(&mut writing).await?;
        writing.commit().await?;
        Ok(Reply::ok(&rebalancing::done(&written)))
    })
    .refuses(&[400, 403, 404, 409])
    .answers(schema)
}

/// `GET /portfolio/portfolios/{agent_address}/rebalances`.
pub fn list() -> Action {
    let about = "List the rebalancings of a portfolio, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let page: Page = input.query()?;
        let (portfolio, _) = visible(&work, &input).await?;
        let found: Vec<RebalanceHistory> =
            work.store.portfolio_rows(number(&portfolio.id), page).await?;
        Ok(Reply::ok(&found.iter().map(RebalanceHistory::to_json).collect()))
    })
    .query(&PAGE)
    .refuses(&[403, 404])
    .answers(|| list_of(&of_table(&RebalanceHistory::TABLE)))
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "success": {"type": "boolean"},
            "message": {"type": "string"},
            "trades_executed": {"type": "integer"},
            "trades": list_of(&trades::schema()),
            "settlement": {"anyOf": [settlement(), {"type": "null"}]},
        },
        "required": ["success", "message", "trades_executed", "trades", "settlement"],
    })
}
