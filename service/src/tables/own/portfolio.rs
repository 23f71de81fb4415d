//! Portfolios: whose they and their strategies are, what tokens cost, and what has no column in the monolith's tables.

use crate::python::time::Stamp;
use crate::tables::cell::{Float, Int, Json};
use crate::tables::column::table;
use crate::tables::money::{Exact, Money};

table! {
    /// Whose a strategy is. One without such a row was made by the monolith, and everybody may use it.
    pub struct StrategyOwner => "agent_service_portfolio_strategy_owners" {
        strategy_id: Int [key],
        owner_id: String [indexed],
    }
}

table! {
    /// Whose a portfolio is, its address in small letters, and what has come in less what has gone out, at the prices of
    /// those moments. One without such a row was made by the monolith, and nobody has claimed it.
    pub struct PortfolioOwner => "agent_service_portfolio_owners" {
        portfolio_id: Int [key],
        owner_id: String [indexed],
        address: String [unique_constraint],
        net_transfers: Exact,
    }
}

table! {
    /// What one unit of a token costs, as an operator has said.
    pub struct Price => "agent_service_portfolio_prices" {
        token_symbol: String [key],
        price: Exact,
        set_by: String,
        set_at: Stamp,
    }
}

table! {
    /// Tokens that came into a portfolio, or, less than zero, went out of it, other than by a trade.
    pub struct Transfer => "agent_service_portfolio_transfers" {
        id: String [key],
        portfolio_id: Int [indexed],
        token_symbol: String,
        amount: Money,
        price: Exact,
        value: Exact,
        recorded_at: Stamp,
    }
}

table! {
    /// What the service's last assessment could not compute: the columns of `risk_metrics` cannot be null.
    pub struct Assessment => "agent_service_portfolio_assessments" {
        portfolio_id: Int [key],
        not_computed: Json,
        observations: Int,
        strategy_distance: Float,
        assessed_at: Stamp,
    }
}
