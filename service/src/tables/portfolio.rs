//! What the monolith keeps about portfolios of agents: its twelve tables, column by column.
//!
//! `strategy_signal`, `performance_metrics`, `trading_rule` and `market_condition` stand here because they are part of the
//! database; the monolith's manager never writes them, and neither does the service.

use super::cell::{Float, Int, Json};
use super::choice::choice;
use super::column::table;
use crate::python::time::Stamp;

choice! {
    /// How bold a strategy is.
    pub enum StrategyType {
        /// Keeps what there is.
        Conservative = "CONSERVATIVE" / "conservative",
        /// Neither bold nor shy.
        Balanced = "BALANCED" / "balanced",
        /// Risks much for much.
        Aggressive = "AGGRESSIVE" / "aggressive",
        /// As the market is.
        Dynamic = "DYNAMIC" / "dynamic",
    }
}

choice! {
    /// Where a trade stands.
    pub enum TradeStatus {
        /// Asked for.
        Pending = "PENDING" / "pending",
        /// Done.
        Executed = "EXECUTED" / "executed",
        /// Not done, by an error.
        Failed = "FAILED" / "failed",
        /// Not done, by wish.
        Cancelled = "CANCELLED" / "cancelled",
    }
}

choice! {
    /// How much is at risk.
    pub enum RiskLevel {
        /// Far from every limit.
        Low = "LOW" / "low",
        /// On the way to a limit.
        Medium = "MEDIUM" / "medium",
        /// Past a limit.
        High = "HIGH" / "high",
        /// Far past a limit.
        Critical = "CRITICAL" / "critical",
    }
}

table! {
    /// Which tokens a portfolio is to hold, and how closely.
    pub struct PortfolioStrategy => "portfolio_strategy" {
        id: Int [key],
        name: String [indexed],
        strategy_type: StrategyType [indexed],
        target_allocations: Option<Json>,
        max_drawdown: Float,
        rebalance_frequency: Int,
        volatility_threshold: Float,
        is_active: bool [indexed],
        created_at: Stamp,
        updated_at: Stamp,
    }
}

table! {
    /// The portfolio of one agent.
    pub struct AgentPortfolio => "agent_portfolio" {
        id: Int [key],
        agent_address: String [indexed],
        strategy_id: Int [indexed, references("portfolio_strategy")],
        contract_portfolio_id: Option<String> [indexed],
        initial_capital: Float,
        total_value: Float,
        risk_score: Float,
        risk_tolerance: Float,
        is_active: bool [indexed],
        created_at: Stamp [indexed],
        updated_at: Stamp,
        last_rebalance: Stamp,
    }
}

table! {
    /// What a strategy advises.
    pub struct StrategySignal => "strategy_signal" {
        id: Int [key],
        strategy_id: Int [indexed, references("portfolio_strategy")],
        signal_type: String [indexed],
        token_symbol: String [indexed],
        confidence: Float,
        price_target: Float,
        stop_loss: Float,
        time_horizon: String,
        reasoning: String,
        meta_data: Option<Json>,
        is_executed: bool [indexed],
        executed_at: Option<Stamp>,
        expires_at: Stamp,
        created_at: Stamp [indexed],
    }
}

table! {
    /// How a portfolio did over a time.
    pub struct PerformanceMetrics => "performance_metrics" {
        id: Int [key],
        portfolio_id: Int [indexed, references("agent_portfolio")],
        period: String [indexed],
        total_return: Float,
        annualized_return: Float,
        volatility: Float,
        max_drawdown: Float,
        win_rate: Float,
        profit_factor: Float,
        sharpe_ratio: Float,
        sortino_ratio: Float,
        calmar_ratio: Float,
        benchmark_return: Float,
        alpha: Float,
        beta: Float,
        tracking_error: Float,
        information_ratio: Float,
        updated_at: Stamp,
        period_start: Stamp,
        period_end: Stamp,
    }
}

table! {
    /// Something about a portfolio that somebody should look at.
    pub struct PortfolioAlert => "portfolio_alert" {
        id: Int [key],
        portfolio_id: Int [indexed, references("agent_portfolio")],
        alert_type: String [indexed],
        severity: String [indexed],
        message: String,
        meta_data: Option<Json>,
        is_acknowledged: bool [indexed],
        acknowledged_at: Option<Stamp>,
        created_at: Stamp [indexed],
        resolved_at: Option<Stamp>,
    }
}

table! {
    /// One token of a portfolio.
    pub struct PortfolioAsset => "portfolio_asset" {
        id: Int [key],
        portfolio_id: Int [indexed, references("agent_portfolio")],
        token_symbol: String [indexed],
        token_address: String [indexed],
        balance: Float,
        target_allocation: Float,
        current_allocation: Float,
        average_cost: Float,
        unrealized_pnl: Float,
        created_at: Stamp,
        updated_at: Stamp,
    }
}

table! {
    /// What a portfolio was at one moment.
    pub struct PortfolioSnapshot => "portfolio_snapshot" {
        id: Int [key],
        portfolio_id: Int [indexed, references("agent_portfolio")],
        snapshot_date: Stamp [indexed],
        total_value: Float,
        cash_balance: Float,
        asset_count: Int,
        top_holdings: Option<Json>,
        sector_allocation: Option<Json>,
        geographic_allocation: Option<Json>,
        risk_metrics: Option<Json>,
        performance_metrics: Option<Json>,
        created_at: Stamp,
    }
}

table! {
    /// One token given for another.
    pub struct PortfolioTrade => "portfolio_trade" {
        id: Int [key],
        portfolio_id: Int [indexed, references("agent_portfolio")],
        sell_token: String [indexed],
        buy_token: String [indexed],
        sell_amount: Float,
        buy_amount: Float,
        price: Float,
        fee_amount: Float,
        status: TradeStatus [indexed],
        transaction_hash: Option<String> [indexed],
        executed_at: Option<Stamp> [indexed],
        created_at: Stamp [indexed],
    }
}

table! {
    /// One rebalancing of a portfolio.
    pub struct RebalanceHistory => "rebalance_history" {
        id: Int [key],
        portfolio_id: Int [indexed, references("agent_portfolio")],
        trigger_reason: String [indexed],
        pre_rebalance_value: Float,
        post_rebalance_value: Float,
        trades_executed: Int,
        rebalance_cost: Float,
        execution_time_ms: Int,
        created_at: Stamp [indexed],
    }
}

table! {
    /// What is at risk in a portfolio.
    pub struct RiskMetrics => "risk_metrics" {
        id: Int [key],
        portfolio_id: Int [indexed, references("agent_portfolio")],
        volatility: Float,
        max_drawdown: Float,
        sharpe_ratio: Float,
        beta: Float,
        alpha: Float,
        var_95: Float,
        var_99: Float,
        correlation_matrix: Option<Json>,
        risk_level: RiskLevel [indexed],
        overall_risk_score: Float,
        stress_test_results: Option<Json>,
        updated_at: Stamp,
    }
}

table! {
    /// A limit that somebody sets to trades.
    pub struct TradingRule => "trading_rule" {
        id: Int [key],
        portfolio_id: Int [indexed, references("agent_portfolio")],
        rule_type: String [indexed],
        rule_name: String [indexed],
        parameters: Option<Json>,
        is_active: bool [indexed],
        priority: Int,
        created_at: Stamp,
        updated_at: Stamp,
    }
}

table! {
    /// How the market is.
    pub struct MarketCondition => "market_condition" {
        id: Int [key],
        condition_type: String [indexed],
        market_index: String [indexed],
        confidence: Float,
        indicators: Option<Json>,
        sentiment_score: Float,
        volatility_index: Float,
        trend_strength: Float,
        support_level: Float,
        resistance_level: Float,
        created_at: Stamp [indexed],
        expires_at: Stamp,
    }
}

#[cfg(test)]
mod tests;
