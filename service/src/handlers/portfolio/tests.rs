//! Portfolios over HTTP: whose they are, what is refused and in which words, and what stands in the rows.

mod trading;
mod risk;

use serde_json::{Value, json};

use crate::testing::{Answer, TestApp};

const ADDRESS: &str = "0x00000000000000000000000000000000000000aA";

const OTHER: &str = "0x00000000000000000000000000000000000000bB";

/// Below `/portfolio`.
async fn ask(test: &TestApp, method: &str, path: &str, body: Option<Value>) -> Answer {
    test.ask("alice", method, &format!("/portfolio{path}"), body).await
}

/// Something of alice's portfolio.
async fn of(test: &TestApp, method: &str, rest: &str, body: Option<Value>) -> Answer {
    ask(test, method, &format!("/portfolios/{ADDRESS}{rest}"), body).await
}

async fn price(test: &TestApp, token: &str, price: f64) {
    let set = ask(test, "PUT", &format!("/prices/{token}"), Some(json!({"price": price}))).await;
    assert_eq!(set.status.as_u16(), 200, "{set:?}");
}

async fn strategy(test: &TestApp, allocations: Value) -> i64 {
    let body = json!({"name": "s", "strategy_type": "balanced", "target_allocations": allocations});
    let made = ask(test, "POST", "/strategies", Some(body)).await;
    assert_eq!(made.status.as_u16(), 201, "{made:?}");
    made.json()["id"].as_i64().unwrap()
}

/// A portfolio of alice's that is to hold half A at 2 and half B at 4, and holds 100 A.
async fn portfolio(test: &TestApp, more: Value) {
    let strategy = strategy(test, json!({"A": 50, "B": 50})).await;
    price(test, "A", 2.0).await;
    price(test, "B", 4.0).await;
    let mut body = json!({"agent_address": ADDRESS, "strategy_id": strategy});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = ask(test, "POST", "/portfolios", Some(body)).await;
    assert_eq!(made.status.as_u16(), 201, "{made:?}");
    transfer(test, "A", 100.0).await;
}

async fn transfer(test: &TestApp, token: &str, amount: f64) {
    let body = json!({"token_symbol": token, "amount": amount});
    let booked = of(test, "POST", "/transfers", Some(body)).await;
    assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
}

fn trade(sell: &str, buy: &str, amount: f64) -> Value {
    json!({"sell_token": sell, "buy_token": buy, "sell_amount": amount})
}

/// Token, balance and share of each asset.
async fn holdings(test: &TestApp) -> Vec<(String, f64, f64)> {
    let shown = of(test, "GET", "", None).await.json();
    let assets = shown["assets"].as_array().unwrap();
    let number = |asset: &Value, name: &str| asset[name].as_f64().unwrap();
    assets
        .iter()
        .map(|asset| {
            let token = asset["token_symbol"].as_str().unwrap().to_owned();
            (token, number(asset, "balance"), number(asset, "current_allocation"))
        })
        .collect()
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["detail"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_portfolio_is_made_by_its_strategy() {
    let test = TestApp::new().await;
    let strategy = strategy(&test, json!({"A": 70.5, "B": 29.5, "C": 0})).await;
    let token = "0x00000000000000000000000000000000000000cc";
    let body = json!({
        "agent_address": ADDRESS, "strategy_id": strategy, "initial_capital": 1000,
        "token_addresses": {"A": token},
    });
    let mut made = ask(&test, "POST", "/portfolios", Some(body)).await.json();
    for stamp in ["created_at", "updated_at", "last_rebalance"] {
        made[stamp] = "now".into();
    }
    for asset in made["assets"].as_array_mut().unwrap() {
        asset["created_at"] = "now".into();
        asset["updated_at"] = "now".into();
    }
    insta::assert_json_snapshot!(made, @r#"
    {
      "id": 1,
      "agent_address": "0x00000000000000000000000000000000000000aA",
      "strategy_id": 1,
      "contract_portfolio_id": null,
      "initial_capital": 1000.0,
      "total_value": 0.0,
      "risk_score": 0.0,
      "risk_tolerance": 50.0,
      "is_active": true,
      "created_at": "now",
      "updated_at": "now",
      "last_rebalance": "now",
      "assets": [
        {
          "id": 1,
          "portfolio_id": 1,
          "token_symbol": "A",
          "token_address": "0x00000000000000000000000000000000000000cc",
          "balance": 0.0,
          "target_allocation": 70.5,
          "current_allocation": 0.0,
          "average_cost": 0.0,
          "unrealized_pnl": 0.0,
          "created_at": "now",
          "updated_at": "now"
        },
        {
          "id": 2,
          "portfolio_id": 1,
          "token_symbol": "B",
          "token_address": "",
          "balance": 0.0,
          "target_allocation": 29.5,
          "current_allocation": 0.0,
          "average_cost": 0.0,
          "unrealized_pnl": 0.0,
          "created_at": "now",
          "updated_at": "now"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn what_makes_no_portfolio_is_refused_in_the_contracts_words() {
    let test = TestApp::new().await;
    let id = strategy(&test, json!({"A": 100})).await;
    let create = async |address: &str, strategy: i64| {
        let body = json!({"agent_address": address, "strategy_id": strategy});
        refusal(&ask(&test, "POST", "/portfolios", Some(body)).await)
    };
    let bad = (400, "Invalid agent address".to_owned());
    assert_eq!(create("0x12", id).await, bad);
    assert_eq!(create(&ADDRESS[2..], id).await, bad);
    assert_eq!(create(ADDRESS, 99).await, (404, "Strategy not found".to_owned()));
    assert_eq!(create(ADDRESS, id).await.0, 201);
    // The case of the digits is a checksum.
    for same in [ADDRESS.to_owned(), ADDRESS.to_ascii_lowercase()] {
        let taken = (400, "Portfolio already exists for this agent".to_owned());
        assert_eq!(create(&same, id).await, taken);
    }
    ask(&test, "POST", &format!("/strategies/{id}/deactivate"), None).await;
    assert_eq!(create(OTHER, id).await, (404, "Strategy not found".to_owned()));

    let elsewhere = json!({
        "agent_address": OTHER, "strategy_id": strategy(&test, json!({"A": 100})).await,
        "token_addresses": {"B": OTHER},
    });
    let refused = refusal(&ask(&test, "POST", "/portfolios", Some(elsewhere)).await);
    let words = "Token address for a token that the strategy does not hold";
    assert_eq!(refused, (400, words.to_owned()));
    let body = json!({
        "name": "s", "strategy_type": "dynamic", "target_allocations": {"A": 99.98},
    });
    let refused = refusal(&ask(&test, "POST", "/strategies", Some(body)).await);
    assert_eq!(refused, (400, "Target allocations must sum to 100%".to_owned()));
}

#[tokio::test]
async fn amounts_that_no_column_gives_back_are_refused() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    for amount in [json!(0.123_456_78), json!(1e-8), json!(1e8), json!(-1), json!("nan")] {
        let body = json!({"sell_token": "A", "buy_token": "B", "sell_amount": amount});
        assert_eq!(of(&test, "POST", "/trades", Some(body)).await.status.as_u16(), 422, "{amount}");
    }
    let body = Some(json!({"price": 1.234_567_890_123_4}));
    assert_eq!(ask(&test, "PUT", "/prices/A", body).await.status.as_u16(), 422);
    let body = Some(json!({"price": 1}));
    assert_eq!(ask(&test, "PUT", "/prices/A%20B", body).await.status.as_u16(), 422);
}

#[tokio::test]
async fn a_portfolio_and_a_strategy_are_their_owners() {
    let test = TestApp::new().await;
    portfolio(&test, json!({})).await;
    let path = format!("/portfolio/portfolios/{ADDRESS}");
    for (method, rest, body) in [
        ("GET", "", None),
        ("POST", "/claim", None),
        ("POST", "/transfers", Some(json!({"token_symbol": "A", "amount": 1}))),
        ("GET", "/transfers", None),
        ("POST", "/trades", Some(trade("A", "B", 1.0))),
        ("GET", "/trades", None),
        ("POST", "/rebalance", None),
        ("GET", "/rebalances", None),
        ("POST", "/snapshots", None),
        ("GET", "/snapshots", None),
        ("GET", "/performance", None),
        ("POST", "/risk", None),
        ("GET", "/risk", None),
        ("GET", "/alerts", None),
        ("POST", "/alerts/1/acknowledge", None),
    ] {
        let refused = test.ask("mallory", method, &format!("{path}{rest}"), body.clone()).await;
        assert_eq!(refused.status.as_u16(), 403, "{method} {rest}");
        let unknown = format!("/portfolio/portfolios/{OTHER}{rest}");
        let unknown = test.ask("alice", method, &unknown, body).await;
        assert_eq!(refusal(&unknown), (404, "Portfolio not found".to_owned()), "{method} {rest}");
    }
    for (method, rest) in [("GET", ""), ("POST", "/deactivate")] {
        let refused =
            test.ask("mallory", method, &format!("/portfolio/strategies/1{rest}"), None).await;
        assert_eq!(refused.status.as_u16(), 403);
    }
    let body = json!({"agent_address": OTHER, "strategy_id": 1});
    let refused = test.ask("mallory", "POST", "/portfolio/portfolios", Some(body)).await;
    assert_eq!(refused.status.as_u16(), 403);
    for list in ["/portfolio/portfolios", "/portfolio/strategies"] {
        let listed = async |caller: &str, query: &str| {
            let list = test.ask(caller, "GET", &format!("{list}{query}"), None).await.json();
            list.as_array().unwrap().len()
        };
        assert_eq!((listed("alice", "").await, listed("mallory", "").await), (1, 0));
        assert_eq!(listed("mallory", "?unclaimed=true").await, 0);
    }
}

#[tokio::test]
async fn rows_of_the_monolith_are_found_and_can_be_claimed() {
    let test = TestApp::new().await;
    test.sql(
        "INSERT INTO portfolio_strategy VALUES (7, 's', 'BALANCED', '{\"A\": 60.0, \"B\": 40}', 20.0, \
         86400, 15.0, TRUE, '2026-11-01 10:00:00.000000', '2026-11-01 10:00:00.000000')",
    )
    .await;
    test.sql(&format!(
        "INSERT INTO agent_portfolio VALUES (3, '{ADDRESS}', 7, '12', 100.0, 0.0, 0.0, 50.0, TRUE, \
         '2026-11-01 10:00:00.000000', '2026-11-01 10:00:00.000000', '2026-11-22 09:00:00.000000')"
    ))
    .await;
    // What Python makes of 0.1 + 0.2.
    test.sql(
        "INSERT INTO portfolio_asset (portfolio_id, token_symbol, token_address, balance, target_allocation, \
         current_allocation, average_cost, unrealized_pnl, created_at, updated_at) VALUES (3, 'A', '0xa', 0.30000000000000004, 60.0, 0.0, 0.0, \
         0.0, '2026-11-01 10:00:00.000000', '2026-11-01 10:00:00.000000')",
    )
    .await;
    // Nobody has kept count of what came in.
    price(&test, "A", 10.0).await;
    let performance = of(&test, "GET", "/performance", None).await.json();
    assert_eq!(
        [&performance["net_transfers"], &performance["time_weighted_return"]],
        [&Value::Null; 2]
    );
    assert_eq!(performance["total_return"], -97.0);
    let unclaimed = ask(&test, "GET", "/portfolios?unclaimed=true", None).await.json();
    assert_eq!(unclaimed[0]["agent_address"], ADDRESS);
    assert_eq!(ask(&test, "GET", "/strategies/7", None).await.json()["name"], "s");
    let shown = of(&test, "GET", "", None).await.json();
    assert_eq!(shown["assets"][0]["balance"], 0.300_000_000_000_000_04);

    price(&test, "B", 1.0).await;
    let refused = of(&test, "POST", "/trades", Some(trade("A", "B", 0.1))).await;
    assert_eq!(refusal(&refused).0, 409, "{refused:?}");
    assert_eq!(of(&test, "POST", "/claim", None).await.status.as_u16(), 200);
    assert_eq!(of(&test, "POST", "/claim", None).await.status.as_u16(), 200);
    let done = of(&test, "POST", "/trades", Some(trade("A", "B", 0.1))).await;
    assert_eq!(done.status.as_u16(), 201, "{done:?}");
    // Three tenths, as was meant, less one tenth: exactly two tenths.
    let held = holdings(&test).await;
    assert_eq!(held[0], ("A".to_owned(), 0.2, 66.666_667));
    assert_eq!(held[1], ("B".to_owned(), 1.0, 33.333_333));
}

#[tokio::test]
async fn nobody_has_portfolios_without_end() {
    let test = TestApp::new().await;
    let id = strategy(&test, json!({"A": 100})).await;
    test.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
         INSERT INTO agent_service_portfolio_owners SELECT 1000 + i, 'alice', 'address ' || i, '0' FROM n",
    )
    .await;
    test.sql(&format!(
        "INSERT INTO agent_portfolio VALUES (3, '{OTHER}', {id}, NULL, 0.0, 0.0, 0.0, 50.0, TRUE, \
         '2026-11-01 10:00:00.000000', '2026-11-01 10:00:00.000000', '2026-11-22 09:00:00.000000')"
    ))
    .await;
    let body = json!({"agent_address": ADDRESS, "strategy_id": id});
    let full = (409, "There are 1000 portfolios already".to_owned());
    assert_eq!(refusal(&ask(&test, "POST", "/portfolios", Some(body)).await), full);
    let claimed = ask(&test, "POST", &format!("/portfolios/{OTHER}/claim"), None).await;
    assert_eq!(refusal(&claimed), full);
    let bob = test.ask("bob", "POST", &format!("/portfolio/portfolios/{OTHER}/claim"), None).await;
    assert_eq!(bob.status.as_u16(), 200);
}
