//! Trades, transfers, prices and rebalancing.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{ADDRESS, ask, holdings, of, portfolio, price, refusal, trade, transfer};
use crate::testing::TestApp;

fn held(token: &str, balance: f64, share: f64) -> (String, f64, f64) {
    (token.to_owned(), balance, share)
}

#[tokio::test]
async fn a_trade_moves_balances_and_says_that_it_is_only_recorded() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    assert_eq!(holdings(&test).await, [held("A", 100.0, 100.0), held("B", 0.0, 0.0)]);
    let mut done = of(&test, "POST", "/trades", Some(trade("A", "B", 30.5))).await.json();
    done["executed_at"] = "now".into();
    done["created_at"] = "now".into();
    insta::assert_json_snapshot!(done, @r#"
    {
      "id": 1,
      "portfolio_id": 1,
      "sell_token": "A",
      "buy_token": "B",
      "sell_amount": 30.5,
      "buy_amount": 15.25,
      "price": 0.5,
      "fee_amount": 0.0,
      "status": "executed",
      "transaction_hash": null,
      "executed_at": "now",
      "created_at": "now",
      "settlement": "recorded"
    }
    "#);
    assert_eq!(holdings(&test).await, [held("A", 69.5, 69.5), held("B", 15.25, 30.5)]);
    let shown = of(&test, "GET", "", None).await.json();
    assert_eq!(shown["total_value"], 200.0);
    assert_eq!(shown["assets"][1]["average_cost"], 4.0);
    let rows: Vec<String> = test.app.store.dump().await;
    let row = rows.iter().find(|row| row.starts_with("portfolio_trade")).unwrap();
    assert!(row.contains(r#"Text("EXECUTED"), Null, Text("2026-11-22 "#), "{row}");
    let list = of(&test, "GET", "/trades?limit=1", None).await.json();
    assert_eq!(list[0]["settlement"], "recorded");
}

#[tokio::test]
async fn what_is_no_trade_is_refused_in_the_contracts_words_and_changes_nothing() {
    let test = TestApp::new().await;
    portfolio(&test, json!({"risk_tolerance": 60})).await;
    price(&test, "C", 1.0).await;
    let before = test.app.store.dump().await;
    let min = |body: Value, least: f64| {
        let mut body = body;
        body["min_buy_amount"] = least.into();
        body
    };
    for (body, status, words) in [
        (trade("C", "B", 1.0), 400, "Sell token not found in portfolio"),
        (trade("A", "B", 100.5), 400, "Insufficient balance"),
        (trade("B", "A", 1.0), 400, "Insufficient balance"),
        // C is no part of the strategy: after it 70 % of the portfolio would be something else.
        (trade("A", "C", 70.0), 400, "Trade exceeds risk tolerance"),
        // Read as it is sent: not rounded to what would be enough.
        (
            min(trade("A", "B", 10.0), 5.000_000_01),
            400,
            "Insufficient buy amount (slippage protection)",
        ),
        (min(trade("A", "B", 10.0), 5.1), 400, "Insufficient buy amount (slippage protection)"),
        (trade("A", "A", 1.0), 400, "Sell and buy token are the same"),
        (trade("A", "D", 1.0), 409, "No price for D; set one"),
    ] {
        let refused = of(&test, "POST", "/trades", Some(body.clone())).await;
        assert_eq!(refusal(&refused), (status, words.to_owned()), "{body}");
    }
    assert_eq!(test.app.store.dump().await, before);
    let exact = of(&test, "POST", "/trades", Some(min(trade("A", "B", 10.0), 5.0))).await;
    assert_eq!(exact.status.as_u16(), 201);
}

#[tokio::test]
async fn a_stale_price_stops_what_needs_it_until_it_is_set_anew() {
    let test = TestApp::with(&[("PORTFOLIO_PRICE_MAX_AGE_SECONDS", "60")]).await;
    portfolio(&test, json!({})).await;
    test.clock.advance(61);
    for (method, rest, body) in [
        ("POST", "/trades", Some(trade("A", "B", 1.0))),
        ("POST", "/rebalance", None),
        ("POST", "/risk", None),
        ("POST", "/snapshots", None),
        ("GET", "/performance", None),
    ] {
        let (status, words) = refusal(&of(&test, method, rest, body).await);
        assert_eq!(status, 409, "{method} {rest}");
        assert!(words.starts_with("The price of A is stale, 61 seconds old"), "{words}");
    }
    let listed = ask(&test, "GET", "/prices", None).await.json();
    assert_eq!((&listed[0]["token_symbol"], &listed[0]["is_stale"]), (&json!("A"), &json!(true)));
    assert!(listed[0]["set_by"].as_str().unwrap().starts_with("key:"));
    price(&test, "A", 2.0).await;
    price(&test, "B", 4.0).await;
    let done = of(&test, "POST", "/trades", Some(trade("A", "B", 1.0))).await;
    assert_eq!(done.status.as_u16(), 201);
    assert_eq!(ask(&test, "DELETE", "/prices/B", None).await.status.as_u16(), 200);
    assert_eq!(ask(&test, "DELETE", "/prices/B", None).await.status.as_u16(), 404);
}

#[tokio::test]
async fn of_clients_that_trade_at_once_none_loses_anything() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    let trades = (0..30).map(|_| of(&test, "POST", "/trades", Some(trade("A", "B", 5.0))));
    let answers = join_all(trades).await;
    let done = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    let refused: Vec<_> =
        answers.iter().map(refusal).filter(|(status, _)| *status == 400).collect();
    assert_eq!((done, refused.len()), (20, 10), "{answers:?}");
    assert!(refused.iter().all(|(_, words)| words == "Insufficient balance"));
    assert_eq!(holdings(&test).await, [held("A", 0.0, 0.0), held("B", 50.0, 100.0)]);
    let list = of(&test, "GET", "/trades?limit=100", None).await.json();
    assert_eq!(list.as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn tokens_come_and_go() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    price(&test, "A", 5.0).await;
    transfer(&test, "A", 50.0).await;
    transfer(&test, "A", -0.1).await;
    let shown = of(&test, "GET", "", None).await.json();
    let asset = &shown["assets"][0];
    assert_eq!((&asset["balance"], &asset["average_cost"]), (&json!(149.9), &json!(3.0)));
    assert_eq!(asset["unrealized_pnl"], 299.8);
    assert_eq!(shown["total_value"], 749.5);
    let too_much = json!({"token_symbol": "A", "amount": -150});
    let refused = of(&test, "POST", "/transfers", Some(too_much)).await;
    assert_eq!(refusal(&refused), (400, "Insufficient balance".to_owned()));
    let nothing = json!({"token_symbol": "A", "amount": 0});
    assert_eq!(of(&test, "POST", "/transfers", Some(nothing)).await.status.as_u16(), 400);
    let list = of(&test, "GET", "/transfers", None).await.json();
    let values: Vec<&Value> =
        list.as_array().unwrap().iter().map(|transfer| &transfer["value"]).collect();
    assert_eq!(values, [&json!(-0.5), &json!(250.0), &json!(200.0)]);
}

#[tokio::test]
async fn a_portfolio_is_rebalanced_when_it_is_off_or_due() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    let mut done = of(&test, "POST", "/rebalance", None).await.json();
    // A is 50 points over: half of it goes.
    assert_eq!(done["trades"][0]["sell_amount"], 50.0);
    done["trades"] = json!([]);
    assert_eq!(
        done,
        json!({
            "success": true, "message": "Rebalanced with 1 trades", "trades_executed": 1,
            "trades": [], "settlement": "recorded",
        })
    );
    assert_eq!(holdings(&test).await, [held("A", 50.0, 50.0), held("B", 25.0, 50.0)]);
    let again = of(&test, "POST", "/rebalance", None).await.json();
    assert_eq!(again["success"], false);
    assert_eq!(again["message"], "Rebalancing not needed at this time");

    test.clock.advance(86_401);
    price(&test, "A", 2.0).await;
    price(&test, "B", 4.0).await;
    let due = of(&test, "POST", "/rebalance", None).await.json();
    assert_eq!(due["message"], "No rebalancing trades required");
    // Two points over: due, and traded.
    price(&test, "B", 4.4).await;
    let due = of(&test, "POST", "/rebalance", None).await.json();
    assert_eq!(due["trades_executed"], 1, "{due}");
    let history = of(&test, "GET", "/rebalances", None).await.json();
    let reasons: Vec<&Value> =
        history.as_array().unwrap().iter().map(|row| &row["trigger_reason"]).collect();
    assert_eq!(reasons, ["frequency", "deviation"]);
    assert_eq!(history[1]["pre_rebalance_value"], 200.0);
    assert_eq!(history[1]["rebalance_cost"], 0.0);
}

#[tokio::test]
async fn a_portfolio_that_is_not_active_does_nothing() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    test.sql(&format!(
        "UPDATE agent_portfolio SET is_active = FALSE WHERE agent_address = '{ADDRESS}'"
    ))
    .await;
    let refused = of(&test, "POST", "/trades", Some(trade("A", "B", 1.0))).await;
    assert_eq!(refusal(&refused), (409, "The portfolio is not active".to_owned()));
}
