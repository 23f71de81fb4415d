//! Where something is done with a portfolio: everything about it, as one write transaction sees it.

use super::{NO_PORTFOLIO, address};
use crate::http::{ApiError, Input};
use crate::logic::Denied;
use crate::logic::portfolio::book::Book;
use crate::logic::portfolio::portfolios::{active, allowed, tolerance};
use crate::logic::portfolio::prices::Prices;
use crate::logic::portfolio::snapshots::State;
use crate::logic::portfolio::strategies::{Targets, targets};
use crate::logic::portfolio::{Refusal, is_new, number};
use crate::python::time::Stamp;
use crate::store::Writing;
use crate::tables::Money;
use crate::tables::own::portfolio::PortfolioOwner;
use crate::tables::portfolio::{AgentPortfolio, PortfolioStrategy};
use crate::work::Work;

/// The caller's portfolio in the path, open to be changed.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) portfolio: AgentPortfolio,
    pub(super) owner: PortfolioOwner,
    pub(super) strategy: PortfolioStrategy,
    pub(super) targets: Targets,
    pub(super) tolerance: Money,
    pub(super) book: Book,
    pub(super) now: Stamp,
}

impl Desk {
    /// Reads everything. `more` are tokens that the portfolio may not know.
    pub(super) async fn open(
        work: &Work,
        writing: &mut Writing,
        input: &Input,
        more: [&str; 2],
    ) -> Result<Self, ApiError> {
        let portfolio = writing.portfolio_find(address(input)?).await?.ok_or(NO_PORTFOLIO)?;
        let id = number(&portfolio.id);
        let owner = writing.portfolio_owner(id).await?;
        allowed(owner.as_ref(), &input.caller, true)?;
        let owner = owner.ok_or(Denied::Forbidden)?;
        active(&portfolio)?;
        let strategy = writing.strategy_find(number(&portfolio.strategy_id)).await?;
        let strategy = strategy.ok_or(Denied::NotFound("Strategy"))?;
        let now = work.now();
        let said = writing.prices_of(id, more).await?;
        let prices = Prices::new(said, now, work.price_lifetime());
        let book = Book::open(id, writing.asset_list(id).await?, prices)?;
        let (targets, tolerance) = (targets(&strategy), tolerance(&portfolio)?);
        Ok(Self { portfolio, owner, strategy, targets, tolerance, book, now })
    }

    /// What the portfolio is now.
    pub(super) fn state(&self) -> Result<State, Refusal> {
        let net_transfers = Some(self.owner.net_transfers.0);
        State::of(&self.portfolio, &self.book, &self.targets, net_transfers, self.now)
    }

    /// Writes what the portfolio and its tokens are now.
    pub(super) async fn close(mut self, writing: &mut Writing) -> Result<(), ApiError> {
        let (assets, value) = self.book.rows(self.now)?;
        for asset in &assets {
            if is_new(&asset.id) {
                writing.asset_insert(asset).await?;
            } else {
                writing.asset_update(asset).await?;
            }
        }
        self.portfolio.total_value = value.to_column();
        self.portfolio.updated_at = self.now;
        writing.portfolio_update(&self.portfolio).await?;
        Ok(())
    }
}
