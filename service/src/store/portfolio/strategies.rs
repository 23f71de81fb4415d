//! Rows of `portfolio_strategy`, and whose they are.

use super::super::rows::cell;
use super::super::{Page, Store, StoreError, Writing};
use super::Whose;
use crate::tables::Cell;
use crate::tables::own::portfolio::StrategyOwner;
use crate::tables::portfolio::PortfolioStrategy;

const OWNERS: &str = "agent_service_portfolio_strategy_owners";

/// Which strategies a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyFilter {
    /// Whose.
    pub whose: Whose,
    /// Only those that are active, or that are not.
    pub is_active: Option<bool>,
    /// Which of them.
    pub page: Page,
}

impl Store {
    /// The strategy with this number.
    pub async fn strategy_find(&self, id: i64) -> Result<Option<PortfolioStrategy>, StoreError> {
        self.find("find a strategy", "WHERE id = ?", vec![Cell::Integer(id)]).await
    }

    /// Whose a strategy is.
    pub async fn strategy_owner(&self, id: i64) -> Result<Option<String>, StoreError> {
        let rest = "WHERE strategy_id = ?";
        let found = self.find("find an owner", rest, vec![Cell::Integer(id)]).await?;
        Ok(found.map(|owner: StrategyOwner| owner.owner_id))
    }

    /// The strategies that pass the filter, newest first.
    pub async fn strategy_list(
        &self,
        filter: &StrategyFilter,
    ) -> Result<Vec<PortfolioStrategy>, StoreError> {
        let (mut conditions, mut binds) = filter.whose.condition(OWNERS, "strategy_id");
        if let Some(is_active) = &filter.is_active {
            conditions.push_str(" AND is_active = ?");
            binds.push(cell(is_active));
        }
        binds.extend(filter.page.binds());
        let rest = format!("WHERE {conditions} ORDER BY id DESC LIMIT ? OFFSET ?");
        self.select("list strategies", &rest, binds).await
    }
}

impl Writing {
    /// The strategy with this number, as this transaction sees it.
    pub async fn strategy_find(
        &mut self,
        id: i64,
    ) -> Result<Option<PortfolioStrategy>, StoreError> {
        self.find("find a strategy", "WHERE id = ?", vec![Cell::Integer(id)]).await
    }

    /// Whose a strategy is, as this transaction sees it.
    pub async fn strategy_owner(&mut self, id: i64) -> Result<Option<String>, StoreError> {
        let rest = "WHERE strategy_id = ?";
        let found = self.find("find an owner", rest, vec![Cell::Integer(id)]).await?;
        Ok(found.map(|owner: StrategyOwner| owner.owner_id))
    }

    /// Whether an owner has at least `count` strategies.
    pub async fn strategy_has(&mut self, owner: &str, count: i64) -> Result<bool, StoreError> {
        let rest = "WHERE owner_id = ? LIMIT 1 OFFSET ?";
        let binds = vec![owner.into(), Cell::Integer(count - 1)];
        let found: Option<StrategyOwner> = self.find("count strategies", rest, binds).await?;
        Ok(found.is_some())
    }

    /// Writes a new strategy of an owner, and gives it with its number.
    pub async fn strategy_insert(
        &mut self,
        strategy: &PortfolioStrategy,
        owner: &str,
    ) -> Result<PortfolioStrategy, StoreError> {
        let doing = "create a strategy";
        let strategy = self.insert_numbered(doing, strategy).await?;
        let (strategy_id, owner_id) = (strategy.id.clone(), owner.to_owned());
        self.insert(doing, &StrategyOwner { strategy_id, owner_id }).await?;
        Ok(strategy)
    }

    /// Writes every column of a strategy that was found in this transaction.
    pub async fn strategy_update(
        &mut self,
        strategy: &PortfolioStrategy,
    ) -> Result<(), StoreError> {
        self.update("update a strategy", strategy).await
    }
}
