//! Tokens that come into a portfolio or go out of it otherwise than by a trade, as its owner says: no chain is asked.

use serde::Deserialize;
use serde_json::Value;

use super::book::Book;
use super::{RECORDED, Refusal, shown as with};
use crate::python::time::Stamp;
use crate::tables::money::{Exact, Money};
use crate::tables::own::portfolio::{PortfolioOwner, Transfer};

/// What came or went.
#[derive(Debug, Clone, Deserialize)]
pub struct NewTransfer {
    /// The token.
    pub token_symbol: String,
    amount: Money,
}

impl NewTransfer {
    /// Books it, and gives its row.
    pub fn carry_out(
        &self,
        book: &mut Book,
        owner: &mut PortfolioOwner,
        id: String,
        now: Stamp,
    ) -> Result<Transfer, Refusal> {
        if self.amount == Money::ZERO {
            return Err(Refusal::of("Amount is zero"));
        }
        let price = book.transfer(&self.token_symbol, self.amount, now)?;
        let value = self.amount.times(price)?;
        owner.net_transfers = Exact(owner.net_transfers.0.plus(value)?);
        Ok(Transfer {
            id,
            portfolio_id: owner.portfolio_id.clone(),
            token_symbol: self.token_symbol.clone(),
            amount: self.amount,
            price: Exact(price),
            value: Exact(value),
            recorded_at: now,
        })
    }
}

/// A transfer as answers show it.
pub fn shown(transfer: &Transfer) -> Value {
    with(transfer, [("settlement", RECORDED.into())])
}
