//! Snapshots of a portfolio, and how it did.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::desk::Desk;
use super::shapes::PAGE;
use super::{list_of, number_or_null, visible};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, Input, Reply};
use crate::logic::Denied;
use crate::logic::portfolio::book::Book;
use crate::logic::portfolio::number;
use crate::logic::portfolio::performance::{self, Period};
use crate::logic::portfolio::prices::Prices;
use crate::logic::portfolio::snapshots::{MOST_READ, State, series};
use crate::logic::portfolio::strategies::targets;
use crate::store::Page;
use crate::tables::Record as _;
use crate::tables::portfolio::PortfolioSnapshot;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

static PERIOD: LazyShape =
    LazyLock::new(|| Shape::new([field("period", Kind::Choice(Period::WORDS)).default("30d")]));

#[derive(Debug, Deserialize)]
struct Query {
    period: Period,
}

/// `POST /portfolio/portfolios/{agent_address}/snapshots`.
pub fn take() -> Action {
    let about = "Record what a portfolio is worth now; figures of risk come from such records";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let desk = Desk::open(&work, &mut writing, &input, ["", ""]).await?;
        let snapshot = desk.state()?.row(&desk.portfolio);
        let snapshot = writing.snapshot_insert(&snapshot).await?;
        desk.close(&mut writing).await?;
        writing.commit().await?;
        Ok(Reply::created(&snapshot.to_json()))
    })
    .creates()
    .refuses(&[400, 403, 404, 409])
    .answers(schema)
}

/// `GET /portfolio/portfolios/{agent_address}/snapshots`.
pub fn list() -> Action {
    let about = "List the snapshots of a portfolio, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let page: Page = input.query()?;
        let (portfolio, _) = visible(&work, &input).await?;
        let found: Vec<PortfolioSnapshot> =
            work.store.portfolio_rows(number(&portfolio.id), page).await?;
        Ok(Reply::ok(&found.iter().map(PortfolioSnapshot::to_json).collect()))
    })
    .query(&PAGE)
    .refuses(&[403, 404])
    .answers(|| list_of(&schema()))
}

/// `GET /portfolio/portfolios/{agent_address}/performance`.
pub fn performance() -> Action {
    Action::new("How a portfolio did", async |work: Work, mut input: Input| {
        let Query { period } = input.query()?;
        let (portfolio, owner) = visible(&work, &input).await?;
        let (id, now) = (number(&portfolio.id), work.now());
        let strategy = work.store.strategy_find(number(&portfolio.strategy_id)).await?;
        let strategy = strategy.ok_or(Denied::NotFound("Strategy"))?;
        let said = work.store.prices_of(id).await?;
        let prices = Prices::new(said, now, work.price_lifetime());
        let book = Book::open(id, work.store.asset_list(id).await?, prices)?;
        let net_transfers = owner.map(|owner| owner.net_transfers.0);
        let state = State::of(&portfolio, &book, &targets(&strategy), net_transfers, now)?;
        let start = period.start(&portfolio, now);
        let stored = work.store.snapshots_since(id, start, MOST_READ).await?;
        let trades = work.store.trade_counts(id, start).await?;
        let series = series(&stored, &state);
        let shown = performance::shown(&portfolio, &state, (period, start), &series, trades)?;
        Ok(Reply::ok(&shown))
    })
    .query(&PERIOD)
    .refuses(&[400, 403, 404, 409])
    .answers(performance_schema)
}

fn schema() -> Value {
    of_table(&PortfolioSnapshot::TABLE)
}

fn performance_schema() -> Value {
    let (number, integer, text) =
        (json!({"type": "number"}), json!({"type": "integer"}), json!({"type": "string"}));
    json!({
        "type": "object",
        "properties": {
            "total_return": number_or_null(),
            "current_value": number,
            "initial_value": number,
            "total_trades": integer,
            "last_updated": text,
            "net_transfers": number_or_null(),
            "period": {"type": "string", "enum": Period::WORDS},
            "period_start": text,
            "trades_in_period": integer,
            "observations": integer,
            "time_weighted_return": number_or_null(),
            "max_drawdown": number_or_null(),
            "volatility": number_or_null(),
            "sharpe_ratio": number_or_null(),
        },
        "required": ["total_return", "current_value", "initial_value", "total_trades", "last_updated"],
    })
}
