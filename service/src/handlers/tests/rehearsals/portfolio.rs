//! A portfolio that writes can be about, and bodies whose schema does not say what they ask for.

use serde_json::{Value, json};

use super::seeds::created;
use crate::testing::TestApp;

const ADDRESS: &str = "0x00000000000000000000000000000000000000aa";

/// The portfolio that the monolith made.
const UNCLAIMED: &str = "0x00000000000000000000000000000000000000bb";

const NEW: &str = "0x00000000000000000000000000000000000000cc";

/// Sows strategy 1, a portfolio that follows it and holds one token of two, alert 1, and a portfolio of nobody's.
pub(crate) async fn sow(test: &TestApp) {
    for (token, price) in [("text", 2), ("b", 1)] {
        let path = format!("/portfolio/prices/{token}");
        test.ask("alice", "PUT", &path, Some(json!({"price": price}))).await;
    }
    let halves = json!({"text": 50, "b": 50});
    let strategy = json!({"name": "s", "strategy_type": "balanced", "target_allocations": halves});
    test.ask("alice", "POST", "/portfolio/strategies", Some(strategy)).await;
    let portfolio = json!({"agent_address": ADDRESS, "strategy_id": 1});
    created(test, "/portfolio/portfolios", "agent_address", portfolio).await;
    let path = format!("/portfolio/portfolios/{ADDRESS}/transfers");
    created(test, &path, "id", json!({"token_symbol": "text", "amount": 10})).await;
    test.sql(
        "INSERT INTO portfolio_alert VALUES (1, 1, 'drawdown', 'warning', '', '{}', FALSE, NULL, \
         '2026-11-22 10:00:00.000000', NULL)",
    )
    .await;
    test.sql(&format!(
        "INSERT INTO agent_portfolio (agent_address, strategy_id, contract_portfolio_id, initial_capital, \
         total_value, risk_score, risk_tolerance, is_active, created_at, updated_at, last_rebalance) \
         SELECT '{UNCLAIMED}', 1, NULL, 0.0, 0.0, 0.0, 50.0, TRUE, \
         created_at, created_at, created_at FROM agent_portfolio"
    ))
    .await;
}

/// Names what was sown.
pub(crate) fn fill(path: &str) -> String {
    path.replace("{agent_address}/claim", &format!("{UNCLAIMED}/claim"))
        .replace("{agent_address}", ADDRESS)
        .replace("{strategy_id}", "1")
        .replace("{alert_id}", "1")
        .replace("{token_symbol}", "text")
}

/// The body of a write to this path, where a sample of its schema would be refused.
pub(super) fn body(path: &str) -> Option<Value> {
    let (_, rest) = path.split_once("/portfolio/")?;
    match rest {
        "strategies" => Some(json!({
            "name": "s", "strategy_type": "dynamic", "target_allocations": {"text": 100},
        })),
        "portfolios" => Some(json!({"agent_address": NEW, "strategy_id": 1})),
        "portfolios/{agent_address}/trades" => {
            Some(json!({"sell_token": "text", "buy_token": "b", "sell_amount": 1}))
        }
        _ => None,
    }
}
