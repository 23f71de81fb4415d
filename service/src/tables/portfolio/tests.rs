//! The statements of the twelve tables are the monolith's own.

use super::*;
use crate::tables::{Record as _, Table};

const TABLES: [&Table; 12] = [
    &PortfolioStrategy::TABLE,
    &AgentPortfolio::TABLE,
    &StrategySignal::TABLE,
    &PerformanceMetrics::TABLE,
    &PortfolioAlert::TABLE,
    &PortfolioAsset::TABLE,
    &PortfolioSnapshot::TABLE,
    &PortfolioTrade::TABLE,
    &RebalanceHistory::TABLE,
    &RiskMetrics::TABLE,
    &TradingRule::TABLE,
    &MarketCondition::TABLE,
];

#[test]
#[expect(clippy::too_many_lines, reason = "the statements of twelve tables")]
fn the_statements_are_those_of_the_monolith() {
    let of_one = |table: &&Table| {
        // The monolith makes indexes in the order of their names.
        let mut statements = table.create_statements(crate::tables::Engine::Sqlite);
        statements.get_mut(1..).unwrap_or_default().sort();
        statements
    };
    let statements: Vec<String> = TABLES.iter().flat_map(of_one).collect();
    insta::assert_snapshot!(statements.join(";\n"), @r"
        CREATE TABLE IF NOT EXISTS portfolio_strategy (
        	id INTEGER NOT NULL,
        	name VARCHAR NOT NULL,
        	strategy_type VARCHAR(12) NOT NULL,
        	target_allocations JSON,
        	max_drawdown FLOAT NOT NULL,
        	rebalance_frequency INTEGER NOT NULL,
        	volatility_threshold FLOAT NOT NULL,
        	is_active BOOLEAN NOT NULL,
        	created_at DATETIME NOT NULL,
        	updated_at DATETIME NOT NULL,
        	PRIMARY KEY (id)
        );
        CREATE INDEX IF NOT EXISTS ix_portfolio_strategy_is_active ON portfolio_strategy (is_active);
        CREATE INDEX IF NOT EXISTS ix_portfolio_strategy_name ON portfolio_strategy (name);
        CREATE INDEX IF NOT EXISTS ix_portfolio_strategy_strategy_type ON portfolio_strategy (strategy_type);
        CREATE TABLE IF NOT EXISTS agent_portfolio (
        	id INTEGER NOT NULL,
        	agent_address VARCHAR NOT NULL,
        	strategy_id INTEGER NOT NULL,
        	contract_portfolio_id VARCHAR,
        	initial_capital FLOAT NOT NULL,
        	total_value FLOAT NOT NULL,
        	risk_score FLOAT NOT NULL,
        	risk_tolerance FLOAT NOT NULL,
        	is_active BOOLEAN NOT NULL,
        	created_at DATETIME NOT NULL,
        	updated_at DATETIME NOT NULL,
        	last_rebalance DATETIME NOT NULL,
        	PRIMARY KEY (id),
        	FOREIGN KEY(strategy_id) REFERENCES portfolio_strategy (id)
        );
        CREATE INDEX IF NOT EXISTS ix_agent_portfolio_agent_address ON agent_portfolio (agent_address);
        CREATE INDEX IF NOT EXISTS ix_agent_portfolio_contract_portfolio_id ON agent_portfolio (contract_portfolio_id);
        CREATE INDEX IF NOT EXISTS ix_agent_portfolio_created_at ON agent_portfolio (created_at);
        CREATE INDEX IF NOT EXISTS ix_agent_portfolio_is_active ON agent_portfolio (is_active);
        CREATE INDEX IF NOT EXISTS ix_agent_portfolio_strategy_id ON agent_portfolio (strategy_id);
        CREATE TABLE IF NOT EXISTS strategy_signal (
        	id INTEGER NOT NULL,
        	strategy_id INTEGER NOT NULL,
        	signal_type VARCHAR NOT NULL,
        	token_symbol VARCHAR NOT NULL,
        	confidence FLOAT NOT NULL,
        	price_target FLOAT NOT NULL,
        	stop_loss FLOAT NOT NULL,
        	time_horizon VARCHAR NOT NULL,
        	reasoning VARCHAR NOT NULL,
        	meta_data JSON,
        	is_executed BOOLEAN NOT NULL,
        	executed_at DATETIME,
        	expires_at DATETIME NOT NULL,
        	created_at DATETIME NOT NULL,
        	PRIMARY KEY (id),
        	FOREIGN KEY(strategy_id) REFERENCES portfolio_strategy (id)
        );
        CREATE INDEX IF NOT EXISTS ix_strategy_signal_created_at ON strategy_signal (created_at);
        CREATE INDEX IF NOT EXISTS ix_strategy_signal_is_executed ON strategy_signal (is_executed);
        CREATE INDEX IF NOT EXISTS ix_strategy_signal_signal_type ON strategy_signal (signal_type);
        CREATE INDEX IF NOT EXISTS ix_strategy_signal_strategy_id ON strategy_signal (strategy_id);
        CREATE INDEX IF NOT EXISTS ix_strategy_signal_token_symbol ON strategy_signal (token_symbol);
        CREATE TABLE IF NOT EXISTS performance_metrics (
        	id INTEGER NOT NULL,
        	portfolio_id INTEGER NOT NULL,
        	period VARCHAR NOT NULL,
        	total_return FLOAT NOT NULL,
        	annualized_return FLOAT NOT NULL,
        	volatility FLOAT NOT NULL,
        	max_drawdown FLOAT NOT NULL,
        	win_rate FLOAT NOT NULL,
        	profit_factor FLOAT NOT NULL,
        	sharpe_ratio FLOAT NOT NULL,
        	sortino_ratio FLOAT NOT NULL,
        	calmar_ratio FLOAT NOT NULL,
        	benchmark_return FLOAT NOT NULL,
        	alpha FLOAT NOT NULL,
        	beta FLOAT NOT NULL,
        	tracking_error FLOAT NOT NULL,
        	information_ratio FLOAT NOT NULL,
        	updated_at DATETIME NOT NULL,
        	period_start DATETIME NOT NULL,
        	period_end DATETIME NOT NULL,
        	PRIMARY KEY (id),
        	FOREIGN KEY(portfolio_id) REFERENCES agent_portfolio (id)
        );
        CREATE INDEX IF NOT EXISTS ix_performance_metrics_period ON performance_metrics (period);
        CREATE INDEX IF NOT EXISTS ix_performance_metrics_portfolio_id ON performance_metrics (portfolio_id);
        CREATE TABLE IF NOT EXISTS portfolio_alert (
        	id INTEGER NOT NULL,
        	portfolio_id INTEGER NOT NULL,
        	alert_type VARCHAR NOT NULL,
        	severity VARCHAR NOT NULL,
        	message VARCHAR NOT NULL,
        	meta_data JSON,
        	is_acknowledged BOOLEAN NOT NULL,
        	acknowledged_at DATETIME,
        	created_at DATETIME NOT NULL,
        	resolved_at DATETIME,
        	PRIMARY KEY (id),
        	FOREIGN KEY(portfolio_id) REFERENCES agent_portfolio (id)
        );
        CREATE INDEX IF NOT EXISTS ix_portfolio_alert_alert_type ON portfolio_alert (alert_type);
        CREATE INDEX IF NOT EXISTS ix_portfolio_alert_created_at ON portfolio_alert (created_at);
        CREATE INDEX IF NOT EXISTS ix_portfolio_alert_is_acknowledged ON portfolio_alert (is_acknowledged);
        CREATE INDEX IF NOT EXISTS ix_portfolio_alert_portfolio_id ON portfolio_alert (portfolio_id);
        CREATE INDEX IF NOT EXISTS ix_portfolio_alert_severity ON portfolio_alert (severity);
        CREATE TABLE IF NOT EXISTS portfolio_asset (
        	id INTEGER NOT NULL,
        	portfolio_id INTEGER NOT NULL,
        	token_symbol VARCHAR NOT NULL,
        	token_address VARCHAR NOT NULL,
        	balance FLOAT NOT NULL,
        	target_allocation FLOAT NOT NULL,
        	current_allocation FLOAT NOT NULL,
        	average_cost FLOAT NOT NULL,
        	unrealized_pnl FLOAT NOT NULL,
        	created_at DATETIME NOT NULL,
        	updated_at DATETIME NOT NULL,
        	PRIMARY KEY (id),
        	FOREIGN KEY(portfolio_id) REFERENCES agent_portfolio (id)
        );
        CREATE INDEX IF NOT EXISTS ix_portfolio_asset_portfolio_id ON portfolio_asset (portfolio_id);
        CREATE INDEX IF NOT EXISTS ix_portfolio_asset_token_address ON portfolio_asset (token_address);
        CREATE INDEX IF NOT EXISTS ix_portfolio_asset_token_symbol ON portfolio_asset (token_symbol);
        CREATE TABLE IF NOT EXISTS portfolio_snapshot (
        	id INTEGER NOT NULL,
        	portfolio_id INTEGER NOT NULL,
        	snapshot_date DATETIME NOT NULL,
        	total_value FLOAT NOT NULL,
        	cash_balance FLOAT NOT NULL,
        	asset_count INTEGER NOT NULL,
        	top_holdings JSON,
        	sector_allocation JSON,
        	geographic_allocation JSON,
        	risk_metrics JSON,
        	performance_metrics JSON,
        	created_at DATETIME NOT NULL,
        	PRIMARY KEY (id),
        	FOREIGN KEY(portfolio_id) REFERENCES agent_portfolio (id)
        );
        CREATE INDEX IF NOT EXISTS ix_portfolio_snapshot_portfolio_id ON portfolio_snapshot (portfolio_id);
        CREATE INDEX IF NOT EXISTS ix_portfolio_snapshot_snapshot_date ON portfolio_snapshot (snapshot_date);
        CREATE TABLE IF NOT EXISTS portfolio_trade (
        	id INTEGER NOT NULL,
        	portfolio_id INTEGER NOT NULL,
        	sell_token VARCHAR NOT NULL,
        	buy_token VARCHAR NOT NULL,
        	sell_amount FLOAT NOT NULL,
        	buy_amount FLOAT NOT NULL,
        	price FLOAT NOT NULL,
        	fee_amount FLOAT NOT NULL,
        	status VARCHAR(9) NOT NULL,
        	transaction_hash VARCHAR,
        	executed_at DATETIME,
        	created_at DATETIME NOT NULL,
        	PRIMARY KEY (id),
        	FOREIGN KEY(portfolio_id) REFERENCES agent_portfolio (id)
        );
        CREATE INDEX IF NOT EXISTS ix_portfolio_trade_buy_token ON portfolio_trade (buy_token);
        CREATE INDEX IF NOT EXISTS ix_portfolio_trade_created_at ON portfolio_trade (created_at);
        CREATE INDEX IF NOT EXISTS ix_portfolio_trade_executed_at ON portfolio_trade (executed_at);
        CREATE INDEX IF NOT EXISTS ix_portfolio_trade_portfolio_id ON portfolio_trade (portfolio_id);
        CREATE INDEX IF NOT EXISTS ix_portfolio_trade_sell_token ON portfolio_trade (sell_token);
        CREATE INDEX IF NOT EXISTS ix_portfolio_trade_status ON portfolio_trade (status);
        CREATE INDEX IF NOT EXISTS ix_portfolio_trade_transaction_hash ON portfolio_trade (transaction_hash);
        CREATE TABLE IF NOT EXISTS rebalance_history (
        	id INTEGER NOT NULL,
        	portfolio_id INTEGER NOT NULL,
        	trigger_reason VARCHAR NOT NULL,
        	pre_rebalance_value FLOAT NOT NULL,
        	post_rebalance_value FLOAT NOT NULL,
        	trades_executed INTEGER NOT NULL,
        	rebalance_cost FLOAT NOT NULL,
        	execution_time_ms INTEGER NOT NULL,
        	created_at DATETIME NOT NULL,
        	PRIMARY KEY (id),
        	FOREIGN KEY(portfolio_id) REFERENCES agent_portfolio (id)
        );
        CREATE INDEX IF NOT EXISTS ix_rebalance_history_created_at ON rebalance_history (created_at);
        CREATE INDEX IF NOT EXISTS ix_rebalance_history_portfolio_id ON rebalance_history (portfolio_id);
        CREATE INDEX IF NOT EXISTS ix_rebalance_history_trigger_reason ON rebalance_history (trigger_reason);
        CREATE TABLE IF NOT EXISTS risk_metrics (
        	id INTEGER NOT NULL,
        	portfolio_id INTEGER NOT NULL,
        	volatility FLOAT NOT NULL,
        	max_drawdown FLOAT NOT NULL,
        	sharpe_ratio FLOAT NOT NULL,
        	beta FLOAT NOT NULL,
        	alpha FLOAT NOT NULL,
        	var_95 FLOAT NOT NULL,
        	var_99 FLOAT NOT NULL,
        	correlation_matrix JSON,
        	risk_level VARCHAR(8) NOT NULL,
        	overall_risk_score FLOAT NOT NULL,
        	stress_test_results JSON,
        	updated_at DATETIME NOT NULL,
        	PRIMARY KEY (id),
        	FOREIGN KEY(portfolio_id) REFERENCES agent_portfolio (id)
        );
        CREATE INDEX IF NOT EXISTS ix_risk_metrics_portfolio_id ON risk_metrics (portfolio_id);
        CREATE INDEX IF NOT EXISTS ix_risk_metrics_risk_level ON risk_metrics (risk_level);
        CREATE TABLE IF NOT EXISTS trading_rule (
        	id INTEGER NOT NULL,
        	portfolio_id INTEGER NOT NULL,
        	rule_type VARCHAR NOT NULL,
        	rule_name VARCHAR NOT NULL,
        	parameters JSON,
        	is_active BOOLEAN NOT NULL,
        	priority INTEGER NOT NULL,
        	created_at DATETIME NOT NULL,
        	updated_at DATETIME NOT NULL,
        	PRIMARY KEY (id),
        	FOREIGN KEY(portfolio_id) REFERENCES agent_portfolio (id)
        );
        CREATE INDEX IF NOT EXISTS ix_trading_rule_is_active ON trading_rule (is_active);
        CREATE INDEX IF NOT EXISTS ix_trading_rule_portfolio_id ON trading_rule (portfolio_id);
        CREATE INDEX IF NOT EXISTS ix_trading_rule_rule_name ON trading_rule (rule_name);
        CREATE INDEX IF NOT EXISTS ix_trading_rule_rule_type ON trading_rule (rule_type);
        CREATE TABLE IF NOT EXISTS market_condition (
        	id INTEGER NOT NULL,
        	condition_type VARCHAR NOT NULL,
        	market_index VARCHAR NOT NULL,
        	confidence FLOAT NOT NULL,
        	indicators JSON,
        	sentiment_score FLOAT NOT NULL,
        	volatility_index FLOAT NOT NULL,
        	trend_strength FLOAT NOT NULL,
        	support_level FLOAT NOT NULL,
        	resistance_level FLOAT NOT NULL,
        	created_at DATETIME NOT NULL,
        	expires_at DATETIME NOT NULL,
        	PRIMARY KEY (id)
        );
        CREATE INDEX IF NOT EXISTS ix_market_condition_condition_type ON market_condition (condition_type);
        CREATE INDEX IF NOT EXISTS ix_market_condition_created_at ON market_condition (created_at);
        CREATE INDEX IF NOT EXISTS ix_market_condition_market_index ON market_condition (market_index)
    ");
}
