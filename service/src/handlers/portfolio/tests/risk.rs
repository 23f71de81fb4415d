//! Risk, snapshots, performance and alerts.

use serde_json::{Value, json};

use super::{holdings, of, portfolio, price, refusal, trade, transfer};
use crate::testing::TestApp;

/// Moves to the next day, when A costs so much, and takes a snapshot.
async fn next_day(test: &TestApp, cost: f64) {
    test.clock.advance(86_400);
    price(test, "A", cost).await;
    price(test, "B", 4.0).await;
    let taken = of(test, "POST", "/snapshots", None).await;
    assert_eq!(taken.status.as_u16(), 201, "{taken:?}");
}

#[tokio::test]
async fn what_cannot_be_computed_is_null_and_stored_as_the_default() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    let none = of(&test, "GET", "/risk", None).await;
    assert_eq!(refusal(&none), (404, "Risk assessment not found".to_owned()));
    let mut assessed = of(&test, "POST", "/risk", None).await.json();
    assessed["updated_at"] = "now".into();
    assert_eq!(
        assessed,
        json!({
            "id": 1, "portfolio_id": 1, "volatility": null, "max_drawdown": 0.0,
            "sharpe_ratio": null, "beta": null, "alpha": null, "var_95": null, "var_99": null,
            "correlation_matrix": null, "risk_level": "high", "overall_risk_score": 50.0,
            "stress_test_results": {"largest_holding_halves": -50.0}, "updated_at": "now",
            "observations": 2, "strategy_distance": 50.0, "raised_alerts": [],
        })
    );
    let rows = test.app.store.dump().await;
    let row = rows.iter().find(|row| row.starts_with("risk_metrics")).unwrap();
    assert!(row.contains(r#"Real(0.0), Text("{}"), Text("HIGH"), Real(50.0)"#), "{row}");
    assert_eq!(of(&test, "GET", "", None).await.json()["risk_score"], 50.0);
}

#[tokio::test]
async fn history_tells_volatility_and_drawdown_and_one_row_is_kept() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    of(&test, "POST", "/risk", None).await;
    of(&test, "POST", "/snapshots", None).await;
    for cost in [2.2, 1.1] {
        next_day(&test, cost).await;
    }
    // A transfer is no growth.
    transfer(&test, "A", 300.0).await;
    next_day(&test, 1.21).await;
    let assessed = of(&test, "POST", "/risk", None).await.json();
    assert_eq!((&assessed["id"], &assessed["observations"]), (&json!(1), &json!(7)));
    let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() - wanted).abs() < 1e-9;
    assert!(near(&assessed["max_drawdown"], 50.0), "{assessed}");
    let returns = [1.1_f64.ln(), 0.5_f64.ln(), 1.1_f64.ln()];
    let mean = returns.iter().sum::<f64>() / 3.0;
    let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 2.0;
    assert!(near(&assessed["volatility"], 100.0 * (365.0 * variance).sqrt()), "{assessed}");
    assert!(assessed["beta"].is_null() && assessed["correlation_matrix"].is_null());
    assert_eq!(of(&test, "GET", "/risk", None).await.json()["volatility"], assessed["volatility"]);

    // Another writer's figures are shown as they are.
    test.sql("UPDATE risk_metrics SET beta = 1.5, updated_at = '2026-12-01 00:00:00.000000'").await;
    let shown = of(&test, "GET", "/risk", None).await.json();
    assert_eq!((&shown["beta"], &shown["observations"]), (&json!(1.5), &Value::Null));
}

#[tokio::test]
async fn performance_is_what_the_contract_reckons_and_nothing_of_nothing() {
    let test = TestApp::new().await;
    portfolio(&test, json!({"initial_capital": 160})).await;
    of(&test, "POST", "/trades", Some(trade("A", "B", 10.0))).await;
    let mut found = of(&test, "GET", "/performance?period=7d", None).await.json();
    assert!(found["last_updated"].as_str().unwrap().ends_with("+00:00"), "{found}");
    assert!(found["period_start"].as_str().unwrap().starts_with("2026-11-15T10:00:00"));
    found["last_updated"] = "now".into();
    found["period_start"] = "then".into();
    assert_eq!(
        found,
        json!({
            "total_return": 25.0, "current_value": 200.0, "initial_value": 160.0,
            "total_trades": 1, "last_updated": "now", "net_transfers": 200.0,
            "period": "7d", "period_start": "then", "trades_in_period": 1, "observations": 2,
            "time_weighted_return": 0.0, "max_drawdown": 0.0, "volatility": null,
            "sharpe_ratio": null,
        })
    );
    test.sql("UPDATE agent_portfolio SET initial_capital = 0").await;
    let found = of(&test, "GET", "/performance", None).await.json();
    assert_eq!((&found["total_return"], &found["period"]), (&Value::Null, &json!("30d")));
    let unknown = of(&test, "GET", "/performance?period=2w", None).await;
    assert_eq!(unknown.status.as_u16(), 422);
}

#[tokio::test]
async fn a_snapshot_shows_shares_and_nothing_that_is_not_known() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    of(&test, "POST", "/trades", Some(trade("A", "B", 75.0))).await;
    of(&test, "POST", "/snapshots", None).await;
    let mut list = of(&test, "GET", "/snapshots?limit=1", None).await.json();
    list[0]["snapshot_date"] = "now".into();
    list[0]["created_at"] = "now".into();
    assert_eq!(
        list,
        json!([{
            "id": 2, "portfolio_id": 1, "snapshot_date": "now", "total_value": 200.0,
            "cash_balance": 0.0, "asset_count": 2, "top_holdings": {"B": 75.0, "A": 25.0},
            "sector_allocation": {}, "geographic_allocation": {},
            "risk_metrics": {"strategy_distance": 25.0},
            "performance_metrics": {"net_transfers": 200.0}, "created_at": "now",
        }])
    );
    let shares: f64 = holdings(&test).await.iter().map(|(_, _, share)| share).sum();
    assert!((shares - 100.0).abs() < 1e-9);
}

#[tokio::test]
async fn an_alert_is_raised_once_acknowledged_and_resolved() {
    let test = TestApp::new().await;
    portfolio(&test, json!({"risk_tolerance": 40})).await;
    let assessed = of(&test, "POST", "/risk", None).await.json();
    assert_eq!(assessed["raised_alerts"][0]["alert_type"], "strategy_distance");
    let again = of(&test, "POST", "/risk", None).await.json();
    assert_eq!(again["raised_alerts"], json!([]));
    let list = of(&test, "GET", "/alerts?open=true", None).await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["message"], "strategy distance is 50 %, more than 40 %");
    assert_eq!(list[0]["meta_data"], json!({"value": "50", "limit": "40"}));
    let seen = of(&test, "POST", "/alerts/1/acknowledge", None).await.json();
    assert_eq!(seen["is_acknowledged"], true);
    let unknown = of(&test, "POST", "/alerts/2/acknowledge", None).await;
    assert_eq!(refusal(&unknown), (404, "Alert not found".to_owned()));

    of(&test, "POST", "/rebalance", None).await;
    of(&test, "POST", "/risk", None).await;
    assert_eq!(of(&test, "GET", "/alerts?open=true", None).await.json(), json!([]));
    let all = of(&test, "GET", "/alerts", None).await.json();
    assert!(all[0]["resolved_at"].is_string() && all[0]["acknowledged_at"].is_string());
}

#[tokio::test]
async fn nothing_is_nothing_to_judge() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    transfer(&test, "A", -100.0).await;
    let refused = of(&test, "POST", "/risk", None).await;
    assert_eq!(refusal(&refused), (400, "The portfolio holds nothing".to_owned()));
}
