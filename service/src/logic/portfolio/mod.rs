//! Portfolios of agents: what they hold, what they trade, and what is to be thought of it.
//!
//! [Money](crate::tables::Money) is exact. What is about chance (volatility, value at risk) is reckoned in doubles: see
//! [`returns`].

pub mod prices;
pub mod strategies;
pub mod portfolios;
pub mod book;
pub mod transfers;
pub mod trades;
pub mod rebalancing;
pub mod returns;
pub mod snapshots;
pub mod risk;
pub mod alerts;
pub mod performance;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::Denied;
use crate::tables::Int;
use crate::tables::column::Record;
use crate::tables::money::TooLarge;

/// The number of a row that has none yet: the database gives it one.
const UNNUMBERED: i64 = 0;

/// How what is recorded here came about on a chain: not at all, there is none.
const RECORDED: &str = "recorded";

/// How what the monolith recorded with the hash of a transaction came about.
const ON_CHAIN: &str = "on_chain";

/// Why something is not done with a portfolio.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By a rule that has nothing to do with prices.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Nobody has said what a token costs.
    #[error("No price for {0}; set one")]
    NoPrice(String),
    /// Somebody said it too long ago.
    #[error("The price of {symbol} is stale, {seconds} seconds old; set it anew")]
    StalePrice {
        /// The token.
        symbol: String,
        /// How old its price is.
        seconds: u64,
    },
    /// More than can be reckoned with exactly.
    #[error("The figures are too large to be reckoned with")]
    TooLarge(#[from] TooLarge),
}

impl Refusal {
    /// A refusal in the contract's words.
    const fn of(words: &'static str) -> Self {
        Self::Denied(Denied::Refused(words))
    }
}

/// A row as answers show it, with more beside its columns.
fn shown<R: Record>(row: &R, more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut shown = row.to_json();
    if let Value::Object(map) = &mut shown {
        map.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    shown
}

/// Whether a row is yet to be written for the first time.
pub fn is_new(id: &Int) -> bool {
    number(id) == UNNUMBERED
}

/// The number of a row that was read.
pub fn number(id: &Int) -> i64 {
    id.get().unwrap_or(UNNUMBERED)
}
