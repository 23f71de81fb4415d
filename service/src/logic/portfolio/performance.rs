//! Performance: what a portfolio is worth beside what it began with, and how it came there over a time.

use serde_json::{Value, json};

use super::Refusal;
use super::returns::{Figures, Observation};
use super::snapshots::State;
use crate::python::time::Stamp;
use crate::tables::Money;
use crate::tables::choice::choice;
use crate::tables::portfolio::AgentPortfolio;

choice! {
    /// A time up to now over which one may ask.
    pub enum Period {
        /// A day.
        Day = "1D" / "1d",
        /// Seven days.
        Week = "7D" / "7d",
        /// Thirty days.
        Month = "30D" / "30d",
        /// Ninety days.
        Quarter = "90D" / "90d",
        /// 365 days.
        Year = "365D" / "365d",
        /// Since the portfolio was made.
        All = "ALL" / "all",
    }
}

impl Period {
    /// When it began.
    pub fn start(self, portfolio: &AgentPortfolio, now: Stamp) -> Stamp {
        let days = match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
            Self::Year => 365,
            Self::All => return portfolio.created_at,
        };
        now.plus_seconds(-days * 86_400)
    }
}

/// How many trades a portfolio has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trades {
    /// Ever.
    pub total: i64,
    /// Since the time began.
    pub in_period: i64,
}

/// The answer. `series` has the values since `start`.
pub fn shown(
    portfolio: &AgentPortfolio,
    state: &State,
    (period, start): (Period, Stamp),
    series: &[Observation],
    trades: Trades,
) -> Result<Value, Refusal> {
    let figures = Figures::of(series);
    Ok(json!({
        "total_return": state.total_return.map(Money::number),
        "current_value": state.value.number(),
        "initial_value": Money::column(&portfolio.initial_capital)?.number(),
        "total_trades": trades.total,
        "last_updated": state.now.aware(),
        "net_transfers": state.net_transfers.map(Money::number),
        "period": period.word(),
        "period_start": start.sent(),
        "trades_in_period": trades.in_period,
        "observations": series.len(),
        "time_weighted_return": figures.time_weighted_return,
        "max_drawdown": figures.max_drawdown,
        "volatility": figures.volatility,
        "sharpe_ratio": figures.sharpe_ratio,
    }))
}
