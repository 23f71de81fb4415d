//! Rows of `agent_service_portfolio_prices`.

use super::super::rows::cell;
use super::super::{Page, Store, StoreError, Writing};
use crate::tables::Cell;
use crate::tables::own::portfolio::Price;

/// The prices of the tokens of a portfolio, and of two more.
const NEEDED: &str = "WHERE token_symbol IN (SELECT token_symbol FROM portfolio_asset WHERE portfolio_id = ?) \
     OR token_symbol IN (?, ?)";

impl Store {
    /// The prices, by token.
    pub async fn price_list(&self, page: Page) -> Result<Vec<Price>, StoreError> {
        let rest = "ORDER BY token_symbol LIMIT ? OFFSET ?";
        self.select("list prices", rest, page.binds().to_vec()).await
    }

    /// What is known of the prices of a portfolio's tokens.
    pub async fn prices_of(&self, portfolio_id: i64) -> Result<Vec<Price>, StoreError> {
        self.select("look up prices", NEEDED, needed(portfolio_id, ["", ""])).await
    }
}

impl Writing {
    /// What is known of the prices of a portfolio's tokens and of two more, as this transaction sees it.
    pub async fn prices_of(
        &mut self,
        portfolio_id: i64,
        more: [&str; 2],
    ) -> Result<Vec<Price>, StoreError> {
        self.select("look up prices", NEEDED, needed(portfolio_id, more)).await
    }

    /// Whether at least `count` other tokens have a price.
    pub async fn price_has(&mut self, symbol: &str, count: i64) -> Result<bool, StoreError> {
        let rest = "WHERE token_symbol <> ? LIMIT 1 OFFSET ?";
        let binds = vec![symbol.into(), Cell::Integer(count - 1)];
        let found: Option<Price> = self.find("count prices", rest, binds).await?;
        Ok(found.is_some())
    }

    /// Puts a price in the place of the token's former one.
    pub async fn price_put(&mut self, price: &Price) -> Result<(), StoreError> {
        self.price_delete(&price.token_symbol).await?;
        self.insert("set a price", price).await
    }

    /// Forgets a price. Says whether there was one.
    pub async fn price_delete(&mut self, symbol: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM agent_service_portfolio_prices WHERE token_symbol = ?";
        Ok(self.run("forget a price", sql, vec![symbol.into()]).await? > 0)
    }
}

fn needed(portfolio_id: i64, more: [&str; 2]) -> Vec<Cell> {
    let more = more.map(|symbol| cell(&symbol.to_owned()));
    [Cell::Integer(portfolio_id)].into_iter().chain(more).collect()
}
