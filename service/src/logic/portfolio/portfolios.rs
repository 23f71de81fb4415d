//! Portfolios: one for each address of an agent, made by a strategy.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::book::asset;
use super::strategies::targets;
use super::{Refusal, UNNUMBERED, shown as with};
use crate::logic::Denied;
use crate::python::time::Stamp;
use crate::tables::Record as _;
use crate::tables::money::{Exact, Money};
use crate::tables::own::portfolio::PortfolioOwner;
use crate::tables::portfolio::{AgentPortfolio, PortfolioAsset, PortfolioStrategy};

/// The most portfolios of one owner.
pub const MOST_PORTFOLIOS: i64 = 1000;

/// What somebody wants of a portfolio.
#[derive(Debug, Clone, Deserialize)]
pub struct NewPortfolio {
    /// The agent's address.
    pub agent_address: String,
    /// The strategy that it follows.
    pub strategy_id: i64,
    initial_capital: f64,
    risk_tolerance: f64,
    token_addresses: BTreeMap<String, String>,
}

impl NewPortfolio {
    /// Checks every address that was sent.
    pub fn check(&self) -> Result<(), Refusal> {
        if !is_address(&self.agent_address) {
            return Err(Refusal::of("Invalid agent address"));
        }
        if !self.token_addresses.values().all(|address| is_address(address)) {
            return Err(Refusal::of("Invalid token address"));
        }
        Ok(())
    }

    /// The row of a portfolio that holds nothing yet.
    pub fn row(&self, now: Stamp) -> AgentPortfolio {
        AgentPortfolio {
            id: UNNUMBERED.into(),
            agent_address: self.agent_address.clone(),
            strategy_id: self.strategy_id.into(),
            // There is no contract whose number it could be.
            contract_portfolio_id: None,
            initial_capital: self.initial_capital.into(),
            total_value: 0.0.into(),
            risk_score: 0.0.into(),
            risk_tolerance: self.risk_tolerance.into(),
            is_active: true,
            created_at: now,
            updated_at: now,
            last_rebalance: now,
        }
    }

    /// A row for each token that the strategy wants some of. A token whose address nobody has told has an empty one; an
    /// address for any other token is a mistake.
    pub fn assets(
        &self,
        portfolio_id: i64,
        strategy: &PortfolioStrategy,
        now: Stamp,
    ) -> Result<Vec<PortfolioAsset>, Refusal> {
        let mut wanted = targets(strategy);
        wanted.retain(|_token, target| target.is_positive());
        if !self.token_addresses.keys().all(|token| wanted.contains_key(token)) {
            return Err(Refusal::of("Token address for a token that the strategy does not hold"));
        }
        let row = |(token, target): (String, Money)| {
            let address = self.token_addresses.get(&token).map_or("", String::as_str);
            asset(portfolio_id, &token, address, target, now)
        };
        Ok(wanted.into_iter().map(row).collect())
    }
}

/// `0x` and forty hexadecimal digits.
pub fn is_address(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Makes a portfolio somebody's.
pub fn owner(portfolio: &AgentPortfolio, owner_id: &str) -> PortfolioOwner {
    PortfolioOwner {
        portfolio_id: portfolio.id.clone(),
        owner_id: owner_id.to_owned(),
        // The case of the digits is a checksum and no part of the address.
        address: portfolio.agent_address.to_ascii_lowercase(),
        net_transfers: Exact::default(),
    }
}

/// Whether an owner may look at a portfolio, or, where it `is_to_change`, change it. One that nobody has claimed may be
/// looked at.
pub fn allowed(
    owner: Option<&PortfolioOwner>,
    caller: &str,
    is_to_change: bool,
) -> Result<(), Denied> {
    match owner {
        Some(owner) if owner.owner_id == caller => Ok(()),
        None if is_to_change => Err(Denied::Conflict("Nobody has claimed the portfolio; claim it")),
        None => Ok(()),
        Some(_) => Err(Denied::Forbidden),
    }
}

/// Refuses what is to be done with a portfolio that is not active.
pub fn active(portfolio: &AgentPortfolio) -> Result<(), Denied> {
    if portfolio.is_active { Ok(()) } else { Err(Denied::Conflict("The portfolio is not active")) }
}

/// A portfolio as answers show it, with its tokens.
pub fn shown(portfolio: &AgentPortfolio, assets: &[PortfolioAsset]) -> Value {
    with(portfolio, [("assets", assets.iter().map(PortfolioAsset::to_json).collect())])
}

/// How much of the portfolio may be off its strategy, in percent.
pub fn tolerance(portfolio: &AgentPortfolio) -> Result<Money, Refusal> {
    Ok(Money::column(&portfolio.risk_tolerance)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_0x_and_forty_digits() {
        let digits = "0123456789abcdefABCDEF0123456789abcdefAB";
        assert!(is_address(&format!("0x{digits}")));
        for text in ["", "0x", digits, &format!("0X{digits}"), &format!("0x{digits}0"), "0xż"] {
            assert!(!is_address(text), "{text}");
        }
        assert!(!is_address(&format!("0x{}g", &digits[1..])));
    }
}
