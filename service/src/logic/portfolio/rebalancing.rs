//! Rebalancing: whether a portfolio needs it, and the trades that bring it nearer to its strategy.

use serde_json::{Value, json};

use super::book::Book;
use super::strategies::{Targets, frequency};
use super::trades::NewTrade;
use super::{RECORDED, Refusal, UNNUMBERED, trades};
use crate::python::time::Stamp;
use crate::tables::money::{Exact, Money};
use crate::tables::portfolio::{
    AgentPortfolio, PortfolioStrategy, PortfolioTrade, RebalanceHistory,
};

/// How far a token that is held may be from its target, in points.
const LARGEST_DEVIATION: i32 = 5;

/// From how far over its target on a token is sold, in points.
const SOLD_FROM: i32 = 1;

/// Why a portfolio is rebalanced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The last time was too long ago.
    Frequency,
    /// A token is too far from its target.
    Deviation,
}

impl Reason {
    /// The word in `trigger_reason`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Frequency => "frequency",
            Self::Deviation => "deviation",
        }
    }
}

/// Why a portfolio needs to be rebalanced; none where it does not.
pub fn reason(
    portfolio: &AgentPortfolio,
    strategy: &PortfolioStrategy,
    book: &Book,
    now: Stamp,
) -> Result<Option<Reason>, Refusal> {
    let seconds = now.seconds_since(&portfolio.last_rebalance);
    if frequency(&strategy.rebalance_frequency).is_some_and(|frequency| seconds > frequency) {
        return Ok(Some(Reason::Frequency));
    }
    let is_off = book.largest_deviation()? > LARGEST_DEVIATION.into();
    Ok(is_off.then_some(Reason::Deviation))
}

/// The trades that bring a portfolio nearer to its targets: of each token that is more than a point over its target, so many
/// percent of its balance as it is points over, for the first token that is under its target.
pub fn plan(book: &Book, targets: &Targets) -> Result<Vec<NewTrade>, Refusal> {
    let target = |token: &str| targets.get(token).copied().unwrap_or(Money::ZERO);
    let shares = book.shares()?;
    let under = shares.iter().find(|(token, share)| *share < target(token));
    let Some((buy_token, _)) = under else { return Ok(Vec::new()) };
    let mut planned = Vec::new();
    for ((token, balance), (_, share)) in book.balances().zip(&shares) {
        let excess = share.minus(target(token))?;
        if excess <= SOLD_FROM.into() {
            continue;
        }
        let sell_amount = balance.times(excess)?.over(Money::HUNDRED)?.cut();
        if sell_amount.is_positive() {
            planned.push(NewTrade {
                sell_token: token.to_owned(),
                buy_token: (*buy_token).to_owned(),
                sell_amount,
                min_buy_amount: Exact::default(),
            });
        }
    }
    Ok(planned)
}

/// Does the planned trades one after the other, all at the same prices, and gives the rows of those that were done. One
/// that a rule refuses, as too small to buy anything, leaves the book as it was.
pub fn carry_out(
    planned: &[NewTrade],
    portfolio_id: i64,
    book: &mut Book,
    targets: &Targets,
    tolerance: Money,
    now: Stamp,
) -> Result<Vec<PortfolioTrade>, Refusal> {
    let mut done = Vec::new();
    for trade in planned {
        match trade.carry_out(book, targets, tolerance, now) {
            Ok(fill) => done.push(trades::row(portfolio_id, trade, &fill, now)?),
            Err(Refusal::Denied(_)) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(done)
}

/// What a rebalancing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Why.
    pub reason: Reason,
    /// The value before.
    pub before: Money,
    /// The value after.
    pub after: Money,
    /// How many trades there were.
    pub trades: usize,
}

impl Change {
    /// Its row. What it cost is what cutting amounts has left over.
    pub fn row(
        &self,
        portfolio: &AgentPortfolio,
        began: Stamp,
        ended: Stamp,
    ) -> Result<RebalanceHistory, Refusal> {
        Ok(RebalanceHistory {
            id: UNNUMBERED.into(),
            portfolio_id: portfolio.id.clone(),
            trigger_reason: self.reason.word().to_owned(),
            pre_rebalance_value: self.before.to_column(),
            post_rebalance_value: self.after.to_column(),
            trades_executed: i64::try_from(self.trades).unwrap_or(i64::MAX).into(),
            rebalance_cost: self.before.minus(self.after)?.to_column(),
            execution_time_ms: (ended.millis() - began.millis()).max(0).into(),
            created_at: ended,
        })
    }
}

/// The answer where nothing was done.
pub fn nothing(message: &str) -> Value {
    json!({"success": false, "message": message, "trades_executed": 0, "trades": [], "settlement": null})
}

/// The answer where something was done.
pub fn done(trades: &[PortfolioTrade]) -> Value {
    json!({
        "success": true,
        "message": format!("Rebalanced with {} trades", trades.len()),
        "trades_executed": trades.len(),
        "trades": trades.iter().map(trades::shown).collect::<Value>(),
        "settlement": RECORDED,
    })
}
