//! Prices: an operator says what a token costs; everybody reckons with it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{PAGE, PRICE, TOKEN};
use super::{list_of, message_schema, with};
use crate::http::openapi::of_table;
use crate::http::{Action, Input, Reply};
use crate::logic::Denied;
use crate::logic::portfolio::prices::{self, MOST_PRICES};
use crate::store::Page;
use crate::tables::Record as _;
use crate::tables::money::Exact;
use crate::tables::own::portfolio::Price;
use crate::work::Work;

/// The part of the path that is a token.
const TOKEN_SYMBOL: &str = "token_symbol";

#[derive(Debug, Deserialize)]
struct Said {
    price: Exact,
}

/// `PUT /portfolio/prices/{token_symbol}`.
pub fn set() -> Action {
    Action::new("Say what one unit of a token costs", async |work: Work, mut input: Input| {
        let Said { price } = input.body()?;
        let symbol = input.part(TOKEN_SYMBOL).to_owned();
        let mut writing = work.store.write().await?;
        if writing.price_has(&symbol, MOST_PRICES).await? {
            return Err(Denied::Conflict("There are 1000 prices already; delete one").into());
        }
        let price = prices::row(symbol, price, &input.caller, work.now());
        writing.price_put(&price).await?;
        writing.commit().await?;
        Ok(Reply::ok(&shown(&work, &price)))
    })
    .path(&TOKEN)
    .body(&PRICE)
    .refuses(&[409])
    .answers(schema)
}

/// `GET /portfolio/prices`.
pub fn list() -> Action {
    Action::new("List the prices of tokens", async |work: Work, mut input: Input| {
        let page: Page = input.query()?;
        let found = work.store.price_list(page).await?;
        Ok(Reply::ok(&found.iter().map(|price| shown(&work, price)).collect()))
    })
    .query(&PAGE)
    .answers(|| list_of(&schema()))
}

/// `DELETE /portfolio/prices/{token_symbol}`.
pub fn remove() -> Action {
    Action::new("Forget the price of a token", async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        if !writing.price_delete(input.part(TOKEN_SYMBOL)).await? {
            return Err(Denied::NotFound("Price").into());
        }
        writing.commit().await?;
        Ok(Reply::ok(&json!({"message": "Price deleted successfully"})))
    })
    .path(&TOKEN)
    .refuses(&[404])
    .answers(message_schema)
}

fn shown(work: &Work, price: &Price) -> Value {
    prices::shown(price, work.now(), work.price_lifetime())
}

fn schema() -> Value {
    let price = with(of_table(&Price::TABLE), "price", json!({"type": "number"}));
    with(price, "is_stale", json!({"type": "boolean"}))
}
