//! What requests about portfolios take: tokens, amounts and prices that can be reckoned with exactly.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::paging::page;
use crate::logic::portfolio::prices::is_exact;
use crate::logic::portfolio::strategies::MOST_TOKENS;
use crate::tables::Money;
use crate::tables::portfolio::StrategyType;
use crate::validation::shape::Field;
use crate::validation::{Kind, Shape, field};

/// The least amount, and the most.
const LEAST_AMOUNT: f64 = 1e-7;
const MOST_AMOUNT: f64 = 99_999_999.999_999_9;

/// The most that a portfolio may begin with.
const MOST_CAPITAL: f64 = 1e12;

/// The most characters of a token's symbol.
const SYMBOL: usize = 32;

/// A strategy.
pub(super) static STRATEGY: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("name", Kind::text_within(1, 100)),
        field("strategy_type", Kind::Choice(StrategyType::WORDS)),
        field("target_allocations", Kind::map_of(Kind::number_within(0.0, 100.0)))
            .rule(tokens)
            .example(json!({"AITBC": 60, "ETH": 40})),
        field("max_drawdown", Kind::number_within(0.0, 100.0)).default(20.0),
        field("rebalance_frequency", Kind::integer_within(1, 31_536_000)).default(86_400),
        field("volatility_threshold", Kind::number_within(0.0, 1000.0)).default(15.0),
    ])
});

/// A portfolio. What is wrong with an address is said in the contract's words.
pub(super) static PORTFOLIO: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("agent_address", Kind::text()).example("0x52908400098527886e0f7030069857d2e4169ee7"),
        field("strategy_id", Kind::integer()),
        field("initial_capital", Kind::number_within(0.0, MOST_CAPITAL)).default(0.0),
        field("risk_tolerance", Kind::number_within(0.0, 100.0)).default(50.0),
        field("token_addresses", Kind::map_of(Kind::text())).default(json!({})).rule(tokens),
    ])
});

/// A trade.
pub(super) static TRADE: LazyShape = LazyLock::new(|| {
    let most = |least| Kind::number_within(least, MOST_AMOUNT);
    Shape::new([
        symbol("sell_token"),
        symbol("buy_token"),
        field("sell_amount", most(LEAST_AMOUNT)).rule(amount),
        field("min_buy_amount", most(0.0)).default(0.0),
    ])
});

/// A transfer.
pub(super) static TRANSFER: LazyShape = LazyLock::new(|| {
    let either_way = Kind::number_within(-MOST_AMOUNT, MOST_AMOUNT);
    Shape::new([symbol("token_symbol"), field("amount", either_way).rule(amount)])
});

/// A price.
pub(super) static PRICE: LazyShape =
    LazyLock::new(|| Shape::new([field("price", Kind::number_within(1e-9, 1e9)).rule(price)]));

/// The part of the path that is a token.
pub(super) static TOKEN: LazyShape = LazyLock::new(|| Shape::new([symbol("token_symbol")]));

/// A page of a list.
pub(super) static PAGE: LazyShape = LazyLock::new(|| Shape::new(page(50)));

/// A page of one's own portfolios, or of those that have no owner.
pub(super) static WHOSE: LazyShape = LazyLock::new(|| Shape::new(whose()));

/// A page of strategies.
pub(super) static STRATEGIES: LazyShape = LazyLock::new(|| {
    let [unclaimed, limit, offset] = whose();
    Shape::new([field("is_active", Kind::Boolean).optional(), unclaimed, limit, offset])
});

/// A page of alerts.
pub(super) static ALERTS: LazyShape = LazyLock::new(|| {
    let [limit, offset] = page(50);
    Shape::new([field("open", Kind::Boolean).default(false), limit, offset])
});

fn whose() -> [Field; 3] {
    let [limit, offset] = page(50);
    [field("unclaimed", Kind::Boolean).default(false), limit, offset]
}

fn symbol(name: &'static str) -> Field {
    field(name, Kind::text_within(1, SYMBOL)).rule(token)
}

fn token(value: &Value, _: &Map<String, Value>) -> Result<(), &'static str> {
    let is_token = value.as_str().is_some_and(is_symbol);
    if is_token { Ok(()) } else { Err("should be letters, digits, dots, hyphens and underscores") }
}

fn tokens(value: &Value, _: &Map<String, Value>) -> Result<(), &'static str> {
    let Some(map) = value.as_object() else { return Ok(()) };
    if map.len() > MOST_TOKENS {
        return Err("should have at most 100 tokens");
    }
    let are_tokens = map.keys().all(|key| (1..=SYMBOL).contains(&key.len()) && is_symbol(key));
    if are_tokens {
        Ok(())
    } else {
        Err("should name tokens by 1 to 32 letters, digits, dots, hyphens and underscores")
    }
}

fn is_symbol(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn amount(value: &Value, _: &Map<String, Value>) -> Result<(), &'static str> {
    let is_exact = value.as_f64().and_then(Money::exactly).is_some_and(Money::fits_float);
    if is_exact { Ok(()) } else { Err("should have at most 7 decimal places") }
}

fn price(value: &Value, _: &Map<String, Value>) -> Result<(), &'static str> {
    let is_exact = value.as_f64().and_then(Money::exactly).is_some_and(is_exact);
    if is_exact { Ok(()) } else { Err("should have at most 12 digits and 12 decimal places") }
}
