//! What holds of every trade and every rebalancing, whatever is held and whatever it costs.

use std::time::Duration;

use proptest::prelude::*;

use super::book::{Book, asset};
use super::prices::{self, Prices};
use super::strategies::Targets;
use super::trades::NewTrade;
use super::{Refusal, rebalancing};
use crate::python::time::Stamp;
use crate::tables::money::tests::money;
use crate::tables::money::{Exact, Money, sum};
use crate::tables::portfolio::PortfolioAsset;

fn now() -> Stamp {
    Stamp::parse("2026-11-22 10:00:00").unwrap()
}

/// Balance, price and target of a token.
#[derive(Debug, Clone, Copy)]
struct Token {
    balance: Money,
    price: Money,
    target: Money,
}

fn symbol(index: usize) -> String {
    format!("T{index}")
}

fn said(tokens: &[Token]) -> Prices {
    let row = |(i, token): (usize, &Token)| prices::row(symbol(i), Exact(token.price), "me", now());
    Prices::new(tokens.iter().enumerate().map(row).collect(), now(), Duration::from_mins(1))
}

fn rows(tokens: &[Token]) -> Vec<PortfolioAsset> {
    let row = |(i, token): (usize, &Token)| PortfolioAsset {
        balance: token.balance.to_column(),
        ..asset(1, &symbol(i), "", token.target, now())
    };
    tokens.iter().enumerate().map(row).collect()
}

fn book(tokens: &[Token]) -> Book {
    Book::open(1, rows(tokens), said(tokens)).unwrap()
}

fn targets(tokens: &[Token]) -> Targets {
    tokens.iter().enumerate().map(|(i, token)| (symbol(i), token.target)).collect()
}

/// Two to six tokens whose targets add up to 100; some are not held.
fn tokens() -> impl Strategy<Value = Vec<Token>> {
    let digits =
        |most: i64, places: u32| (0..most).prop_map(move |n| money(&format!("{n}e-{places}")));
    let token = (
        prop_oneof![3 => digits(100_000_000_000, 6), 1 => Just(Money::ZERO)],
        digits(99_999_999, 4).prop_map(|price| price.plus(money("0.0001")).unwrap()),
        0_i32..=100,
    );
    prop::collection::vec(token, 2..=6).prop_map(|tokens| {
        let mut left = 100;
        let last = tokens.len() - 1;
        let token = |(i, (balance, price, part)): (usize, (Money, Money, i32))| {
            let target = if i == last { left } else { part * left / 100 };
            left -= target;
            Token { balance, price, target: target.into() }
        };
        tokens.into_iter().enumerate().map(token).collect()
    })
}

fn balance(book: &Book, index: usize) -> Money {
    book.balance(&symbol(index)).unwrap()
}

proptest! {
    #[test]
    fn a_trade_keeps_the_value(tokens in tokens(), part in 1_i32..=100) {
        let before = book(&tokens);
        let wanted = tokens[0].balance.times(part.into()).unwrap().over(Money::HUNDRED).unwrap();
        let trade = NewTrade {
            sell_token: symbol(0),
            buy_token: symbol(1),
            sell_amount: wanted.cut(),
            min_buy_amount: Exact::default(),
        };
        let mut after = before.clone();
        match trade.carry_out(&mut after, &targets(&tokens), Money::HUNDRED, now()) {
            Ok(fill) => {
                let lost = before.value().unwrap().minus(after.value().unwrap()).unwrap();
                prop_assert!(lost >= Money::ZERO, "{lost} came from nowhere");
                prop_assert!(lost < money("0.0000001").times(tokens[1].price).unwrap(), "{lost} lost");
                prop_assert_eq!(balance(&after, 0).plus(fill.sell_amount), Ok(tokens[0].balance));
                prop_assert_eq!(tokens[1].balance.plus(fill.buy_amount), Ok(balance(&after, 1)));
                for (i, token) in tokens.iter().enumerate().skip(2) {
                    prop_assert_eq!(balance(&after, i), token.balance);
                }
            }
            Err(refusal) => {
                let words = ["Sell amount is too small to buy anything", "A balance must stay below 100000000"];
                prop_assert!(words.map(Refusal::of).contains(&refusal), "{refusal}");
                prop_assert_eq!(after.value(), before.value());
            }
        }
    }

    #[test]
    fn rebalancing_sells_no_more_than_is_held_and_comes_no_further_from_the_targets(tokens in tokens()) {
        let (before, targets) = (book(&tokens), targets(&tokens));
        let planned = rebalancing::plan(&before, &targets).unwrap();
        for trade in &planned {
            let held = before.balance(&trade.sell_token).unwrap();
            prop_assert!(trade.sell_amount.is_positive() && trade.sell_amount <= held);
        }
        let mut after = before.clone();
        // Whatever the tolerance is.
        let done = rebalancing::carry_out(&planned, 1, &mut after, &targets, Money::ZERO, now()).unwrap();
        prop_assert!(done.len() <= planned.len());
        for i in 0..tokens.len() {
            prop_assert!(balance(&after, i) >= Money::ZERO);
        }
        let (was, is) = (before.distance(&targets).unwrap(), after.distance(&targets).unwrap());
        prop_assert!(is <= was.plus(money("0.00001")).unwrap(), "{was} became {is}");
        let lost = before.value().unwrap().minus(after.value().unwrap()).unwrap();
        prop_assert!(lost >= Money::ZERO);
    }

    #[test]
    fn stored_shares_add_up_to_a_hundred_and_balances_read_back(tokens in tokens()) {
        let (rows, value) = book(&tokens).rows(now()).unwrap();
        let shares = rows.iter().map(|row| Money::column(&row.current_allocation).unwrap());
        let total = sum(shares).unwrap();
        prop_assert_eq!(total, if value.is_positive() { Money::HUNDRED } else { Money::ZERO });
        let again = Book::open(1, rows, said(&tokens)).unwrap();
        for (i, token) in tokens.iter().enumerate() {
            prop_assert_eq!(balance(&again, i), token.balance);
        }
        prop_assert_eq!(again.value(), Ok(value));
    }

    #[test]
    fn a_distance_is_a_part_of_the_whole(tokens in tokens()) {
        let distance = book(&tokens).distance(&targets(&tokens)).unwrap();
        prop_assert!(distance >= Money::ZERO && distance <= money("100.000001"));
    }
}

#[test]
fn a_balance_that_no_column_gives_back_is_refused() {
    let token = |balance| Token { balance: money(balance), price: money("1"), target: 50.into() };
    let mut book = book(&[token("60000000"), token("40000000")]);
    let refused = book.clone().exchange("T0", "T1", money("60000000"), now()).unwrap_err();
    assert_eq!(refused.to_string(), "A balance must stay below 100000000");
    let fill = book.exchange("T0", "T1", money("59999999.9999999"), now());
    assert_eq!(fill.unwrap().buy_amount, money("59999999.9999999"));
    assert_eq!(book.balance("T0"), Some(money("0.0000001")));
}

#[test]
fn what_is_bought_is_cut_and_never_rounded_up() {
    let token =
        |balance, price| Token { balance: money(balance), price: money(price), target: 50.into() };
    let mut book = book(&[token("10", "2"), token("0", "3")]);
    let fill = book.exchange("T0", "T1", money("1"), now()).unwrap();
    assert_eq!(fill.buy_amount, money("0.6666666"));
}

#[test]
fn nobody_has_tokens_without_end() {
    let token = Token { balance: money("1"), price: money("1"), target: Money::ZERO };
    let tokens = vec![token; super::book::MOST_ASSETS + 1];
    let held = rows(&tokens[1..]);
    let mut book = Book::open(1, held, said(&tokens)).unwrap();
    let refused = book.exchange("T0", "T200", money("1"), now()).unwrap_err();
    assert_eq!(refused.to_string(), "The portfolio has 200 tokens already");
}
