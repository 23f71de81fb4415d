//! Trades and transfers: what changes balances.

use serde_json::{Value, json};

use super::desk::Desk;
use super::shapes::{PAGE, TRADE, TRANSFER};
use super::{list_of, settlement, visible, with};
use crate::http::openapi::of_table;
use crate::http::{Action, Input, Reply};
use crate::logic::portfolio::number;
use crate::logic::portfolio::trades::{self, NewTrade};
use crate::logic::portfolio::transfers::{self, NewTransfer};
use crate::store::Page;
use crate::tables::Record as _;
use crate::tables::own::portfolio::Transfer;
use crate::tables::portfolio::PortfolioTrade;
use crate::work::Work;

/// `POST /portfolio/portfolios/{agent_address}/trades`.
pub fn trade() -> Action {
    let about =
        "Give one token for another, at the prices that were set; recorded here, on no chain";
    Action::new(about, async |work: Work, mut input: Input| {
        let new: NewTrade = input.body()?;
        let mut writing = work.store.write().await?;
        let tokens = [new.sell_token.as_str(), new.buy_token.as_str()];
        let mut desk = Desk::open(&work, &mut writing, &input, tokens).await?;
        let fill = new.carry_out(&mut desk.book, &desk.targets, desk.tolerance, desk.now)?;
        let trade = trades::row(number(&desk.portfolio.id), &new, &fill, desk.now)?;
        let trade = writing.trade_insert(&trade).await?;
        desk.close(&mut writing).await?;
        writing.commit().await?;
        Ok(Reply::created(&trades::shown(&trade)))
    })
    .body(&TRADE)
    .creates()
    .refuses(&[403, 404, 409])
    .answers(schema)
}

/// `GET /portfolio/portfolios/{agent_address}/trades`.
pub fn list() -> Action {
    let about = "List the trades of a portfolio, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let page: Page = input.query()?;
        let (portfolio, _) = visible(&work, &input).await?;
        let found = work.store.portfolio_rows(number(&portfolio.id), page).await?;
        Ok(Reply::ok(&found.iter().map(trades::shown).collect()))
    })
    .query(&PAGE)
    .refuses(&[403, 404])
    .answers(|| list_of(&schema()))
}

/// `POST /portfolio/portfolios/{agent_address}/transfers`.
pub fn transfer() -> Action {
    let about = "Record that tokens came into a portfolio, or, with an amount below zero, went out";
    Action::new(about, async |work: Work, mut input: Input| {
        let new: NewTransfer = input.body()?;
        let mut writing = work.store.write().await?;
        let tokens = [new.token_symbol.as_str(), ""];
        let mut desk = Desk::open(&work, &mut writing, &input, tokens).await?;
        let id = work.id("ptransfer_", 12);
        let transfer = new.carry_out(&mut desk.book, &mut desk.owner, id, desk.now)?;
        writing.transfer_insert(&transfer).await?;
        writing.portfolio_owner_update(&desk.owner).await?;
        // Figures over time need to know what there was when something came or went.
        writing.snapshot_insert(&desk.state()?.row(&desk.portfolio)).await?;
        desk.close(&mut writing).await?;
        writing.commit().await?;
        Ok(Reply::created(&transfers::shown(&transfer)))
    })
    .body(&TRANSFER)
    .creates()
    .refuses(&[403, 404, 409])
    .answers(transfer_schema)
}

/// `GET /portfolio/portfolios/{agent_address}/transfers`.
pub fn list_transfers() -> Action {
    let about = "List what came into a portfolio and went out of it, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let page: Page = input.query()?;
        let (portfolio, _) = visible(&work, &input).await?;
        let found = work.store.portfolio_rows(number(&portfolio.id), page).await?;
        Ok(Reply::ok(&found.iter().map(transfers::shown).collect()))
    })
    .query(&PAGE)
    .refuses(&[403, 404])
    .answers(|| list_of(&transfer_schema()))
}

/// The schema of a trade.
pub(super) fn schema() -> Value {
    with(of_table(&PortfolioTrade::TABLE), "settlement", settlement())
}

fn transfer_schema() -> Value {
    let transfer = with(of_table(&Transfer::TABLE), "settlement", settlement());
    let number = json!({"type": "number"});
    with(with(transfer, "price", number.clone()), "value", number)
}
