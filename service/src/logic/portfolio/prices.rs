//! What tokens cost: only what an operator has said, and only for so long.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Refusal, shown as with};
use crate::python::time::Stamp;
use crate::tables::money::{Exact, Money};
use crate::tables::own::portfolio::Price;

/// The most tokens that have a price.
pub const MOST_PRICES: i64 = 1000;

/// The prices of one moment: the only way to one.
#[derive(Debug, Clone)]
pub struct Prices {
    said: BTreeMap<String, Price>,
    now: Stamp,
    longest: Duration,
}

impl Prices {
    /// What was said, as it stands at `now`; what is older than `longest` counts no more.
    pub fn new(said: Vec<Price>, now: Stamp, longest: Duration) -> Self {
        let said = said.into_iter().map(|price| (price.token_symbol.clone(), price)).collect();
        Self { said, now, longest }
    }

    /// What one unit of a token costs.
    pub fn of(&self, symbol: &str) -> Result<Money, Refusal> {
        let none = || Refusal::NoPrice(symbol.to_owned());
        let said = self.said.get(symbol).ok_or_else(none)?;
        let age = age(said, self.now);
        if age > self.longest {
            return Err(Refusal::StalePrice { symbol: symbol.to_owned(), seconds: age.as_secs() });
        }
        Some(said.price.0).filter(|price| price.is_positive()).ok_or_else(none)
    }
}

/// The most digits of a price, and the most places, so that an amount times a price is exact: 27 digits of 28, 19 places of
/// 28. The double in an answer has all of twelve digits.
const DIGITS: u32 = 12;

/// Whether a price has no more digits and places than can be reckoned with exactly.
pub fn is_exact(price: Money) -> bool {
    let price = price.exact().normalize();
    price.mantissa().unsigned_abs() < 10_u128.pow(DIGITS) && price.scale() <= DIGITS
}

/// The row of a price.
pub fn row(token_symbol: String, price: Exact, caller: &str, now: Stamp) -> Price {
    Price { token_symbol, price, set_by: name_of(caller), set_at: now }
}

/// A price as answers show it, with whether it counts no more.
pub fn shown(price: &Price, now: Stamp, longest: Duration) -> Value {
    with(price, [("is_stale", (age(price, now) > longest).into())])
}

fn age(price: &Price, now: Stamp) -> Duration {
    // A clock that was set back makes no price stale.
    Duration::try_from_secs_f64(now.seconds_since(&price.set_at)).unwrap_or_default()
}

/// A name for who has a key, which everybody may see: the key itself opens doors.
fn name_of(key: &str) -> String {
    let digest = hex::encode(Sha256::digest(key));
    format!("key:{}", digest.get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::money::tests::money;

    #[test]
    fn a_price_counts_until_it_is_stale() {
        let said = Stamp::parse("2026-11-22 10:00:00").unwrap();
        let price = row("A".to_owned(), Exact(money("0.1")), "alice", said);
        let at = |seconds| {
            let prices = Prices::new(
                vec![price.clone()],
                said.plus_seconds(seconds),
                Duration::from_mins(1),
            );
            prices.of("A")
        };
        assert_eq!(at(-5), Ok(money("0.1")));
        assert_eq!(at(60), Ok(money("0.1")));
        let stale = at(61).unwrap_err();
        assert_eq!(stale.to_string(), "The price of A is stale, 61 seconds old; set it anew");
        let none = Prices::new(Vec::new(), said, Duration::from_mins(1)).of("B").unwrap_err();
        assert_eq!(none.to_string(), "No price for B; set one");
    }

    #[test]
    fn a_price_has_twelve_digits_and_twelve_places_at_most() {
        for (text, is_price) in [
            ("0.0000001", true),
            ("0.000000000001", true),
            ("0.0000000000001", false),
            ("99999999.9999", true),
            ("99999999.99999", false),
            ("100000000", true),
            ("1234567890123", false),
        ] {
            assert_eq!(is_exact(money(text)), is_price, "{text}");
        }
    }

    #[test]
    fn who_set_a_price_is_told_without_their_key() {
        let price = row(
            "A".to_owned(),
            Exact(Money::from(1)),
            "admin-key",
            Stamp::parse("2026-11-22").unwrap(),
        );
        assert!(price.set_by.starts_with("key:") && !price.set_by.contains("admin"));
        assert_eq!(price.set_by.len(), 20);
    }
}
