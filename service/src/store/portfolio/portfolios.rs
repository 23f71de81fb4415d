//! Rows of `agent_portfolio` and `portfolio_asset`, and whose they are.

use super::super::{Page, Store, StoreError, Writing};
use super::Whose;
use crate::tables::Cell;
use crate::tables::own::portfolio::PortfolioOwner;
use crate::tables::portfolio::{AgentPortfolio, PortfolioAsset};

const OWNERS: &str = "agent_service_portfolio_owners";

/// A portfolio by its agent's address: as it stands in the row, or, where it has an owner, in whatever case.
const AT_ADDRESS: &str = "WHERE agent_address = ? OR id IN \
     (SELECT portfolio_id FROM agent_service_portfolio_owners WHERE address = ?) ORDER BY id LIMIT 1";

const ASSETS: &str = "WHERE portfolio_id = ? ORDER BY id";

fn at(address: &str) -> Vec<Cell> {
    vec![address.into(), address.to_ascii_lowercase().as_str().into()]
}

impl Store {
    /// The portfolio of the agent with this address.
    pub async fn portfolio_find(
        &self,
        address: &str,
    ) -> Result<Option<AgentPortfolio>, StoreError> {
        self.find("find a portfolio", AT_ADDRESS, at(address)).await
    }

    /// Whose a portfolio is.
    pub async fn portfolio_owner(&self, id: i64) -> Result<Option<PortfolioOwner>, StoreError> {
        self.find("find an owner", "WHERE portfolio_id = ?", vec![Cell::Integer(id)]).await
    }

    /// Portfolios, newest first.
    pub async fn portfolio_list(
        &self,
        whose: &Whose,
        page: Page,
    ) -> Result<Vec<AgentPortfolio>, StoreError> {
        let (conditions, mut binds) = whose.condition(OWNERS, "portfolio_id");
        binds.extend(page.binds());
        let rest = format!("WHERE {conditions} ORDER BY id DESC LIMIT ? OFFSET ?");
        self.select("list portfolios", &rest, binds).await
    }

    /// The tokens of a portfolio, in the order in which it got to know them.
    pub async fn asset_list(&self, id: i64) -> Result<Vec<PortfolioAsset>, StoreError> {
        self.select("list the tokens of a portfolio", ASSETS, vec![Cell::Integer(id)]).await
    }
}

impl Writing {
    /// The portfolio of the agent with this address, as this transaction sees it.
    pub async fn portfolio_find(
        &mut self,
        address: &str,
    ) -> Result<Option<AgentPortfolio>, StoreError> {
        self.find("find a portfolio", AT_ADDRESS, at(address)).await
    }

    /// Whose a portfolio is, as this transaction sees it.
    pub async fn portfolio_owner(&mut self, id: i64) -> Result<Option<PortfolioOwner>, StoreError> {
        self.find("find an owner", "WHERE portfolio_id = ?", vec![Cell::Integer(id)]).await
    }

    /// Whether an owner has at least `count` portfolios.
    pub async fn portfolio_has(&mut self, owner: &str, count: i64) -> Result<bool, StoreError> {
        let rest = "WHERE owner_id = ? LIMIT 1 OFFSET ?";
        let binds = vec![owner.into(), Cell::Integer(count - 1)];
        let found: Option<PortfolioOwner> = self.find("count portfolios", rest, binds).await?;
        Ok(found.is_some())
    }

    /// Writes a new portfolio, and gives it with its number.
    pub async fn portfolio_insert(
        &mut self,
        portfolio: &AgentPortfolio,
    ) -> Result<AgentPortfolio, StoreError> {
        self.insert_numbered("create a portfolio", portfolio).await
    }

    /// Writes every column of a portfolio that was found in this transaction.
    pub async fn portfolio_update(&mut self, portfolio: &AgentPortfolio) -> Result<(), StoreError> {
        self.update("update a portfolio", portfolio).await
    }

    /// Writes whose a portfolio is.
    pub async fn portfolio_owner_insert(
        &mut self,
        owner: &PortfolioOwner,
    ) -> Result<(), StoreError> {
        self.insert("make a portfolio somebody's", owner).await
    }

    /// Writes what has come in and gone out.
    pub async fn portfolio_owner_update(
        &mut self,
        owner: &PortfolioOwner,
    ) -> Result<(), StoreError> {
        self.update("note a transfer", owner).await
    }

    /// The tokens of a portfolio, as this transaction sees them.
    pub async fn asset_list(&mut self, id: i64) -> Result<Vec<PortfolioAsset>, StoreError> {
        self.select("list the tokens of a portfolio", ASSETS, vec![Cell::Integer(id)]).await
    }

    /// Writes a new token of a portfolio, and gives it with its number.
    pub async fn asset_insert(
        &mut self,
        asset: &PortfolioAsset,
    ) -> Result<PortfolioAsset, StoreError> {
        self.insert_numbered("add a token to a portfolio", asset).await
    }

    /// Writes every column of a token that was found in this transaction.
    pub async fn asset_update(&mut self, asset: &PortfolioAsset) -> Result<(), StoreError> {
        self.update("update a token of a portfolio", asset).await
    }
}
