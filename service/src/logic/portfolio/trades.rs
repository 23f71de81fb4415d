//! Trades: whether one may be done, and what it does. They are recorded here; there is no chain that settles them.

use serde::Deserialize;
use serde_json::Value;

use super::book::{Book, Fill};
use super::strategies::Targets;
use super::{ON_CHAIN, RECORDED, Refusal, UNNUMBERED, shown as with};
use crate::python::time::Stamp;
use crate::tables::money::{Exact, Money};
use crate::tables::portfolio::{PortfolioTrade, TradeStatus};

/// How much further off its strategy a portfolio may seem, in millionths of a point, because amounts were cut.
const DUST: i64 = 1;

/// The trade that somebody wants.
#[derive(Debug, Clone, Deserialize)]
pub struct NewTrade {
    /// The token that is given.
    pub sell_token: String,
    /// The token that is got.
    pub buy_token: String,
    /// How much of the first is given.
    pub sell_amount: Money,
    /// How much of the second must be got at least.
    pub min_buy_amount: Exact,
}

impl NewTrade {
    /// Does the trade in `book`, or refuses it and leaves the book as it was.
    pub fn carry_out(
        &self,
        book: &mut Book,
        targets: &Targets,
        tolerance: Money,
        now: Stamp,
    ) -> Result<Fill, Refusal> {
        if self.sell_token == self.buy_token {
            return Err(Refusal::of("Sell and buy token are the same"));
        }
        let balance = book.balance(&self.sell_token);
        let balance = balance.ok_or(Refusal::of("Sell token not found in portfolio"))?;
        if balance < self.sell_amount {
            return Err(Refusal::of("Insufficient balance"));
        }
        let mut after = book.clone();
        let fill = after.exchange(&self.sell_token, &self.buy_token, self.sell_amount, now)?;
        if risk(book, &after, targets)? > tolerance {
            return Err(Refusal::of("Trade exceeds risk tolerance"));
        }
        if fill.buy_amount < self.min_buy_amount.0 {
            return Err(Refusal::of("Insufficient buy amount (slippage protection)"));
        }
        *book = after;
        Ok(fill)
    }
}

/// The risk of a trade, from 0 to 100: none where it brings the portfolio no further from its strategy; else what part of the
/// portfolio is off its strategy after it, in percent.
fn risk(before: &Book, after: &Book, targets: &Targets) -> Result<Money, Refusal> {
    let (was, is) = (before.distance(targets)?, after.distance(targets)?);
    Ok(if is <= was.plus(Money::new(DUST, 6))? { Money::ZERO } else { is })
}

/// The row of a trade that was done. Its price is units of the one token for one unit of the other.
pub fn row(
    portfolio_id: i64,
    trade: &NewTrade,
    fill: &Fill,
    now: Stamp,
) -> Result<PortfolioTrade, Refusal> {
    Ok(PortfolioTrade {
        id: UNNUMBERED.into(),
        portfolio_id: portfolio_id.into(),
        sell_token: trade.sell_token.clone(),
        buy_token: trade.buy_token.clone(),
        sell_amount: fill.sell_amount.to_column(),
        buy_amount: fill.buy_amount.to_column(),
        price: fill.sell_price.over(fill.buy_price)?.to_column(),
        fee_amount: 0.0.into(),
        status: TradeStatus::Executed,
        transaction_hash: None,
        executed_at: Some(now),
        created_at: now,
    })
}

/// A trade as answers show it.
pub fn shown(trade: &PortfolioTrade) -> Value {
    let settlement = if trade.transaction_hash.is_some() { ON_CHAIN } else { RECORDED };
    with(trade, [("settlement", settlement.into())])
}
