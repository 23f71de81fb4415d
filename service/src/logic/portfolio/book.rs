//! What a portfolio holds, at the prices of one moment: balances, shares, value, and how they change.

use super::prices::Prices;
use super::strategies::Targets;
use super::{Refusal, UNNUMBERED};
use crate::logic::Denied;
use crate::python::time::Stamp;
use crate::tables::money::{Money, TooLarge, sum};
use crate::tables::portfolio::PortfolioAsset;

/// The most tokens of one portfolio.
pub const MOST_ASSETS: usize = 200;

/// The places of a stored share.
const SHARE_PLACES: u32 = 6;

/// The places of a stored mean cost.
const COST_PLACES: u32 = 12;

/// A portfolio's tokens while something is done with them. Nothing of it lasts until its [`rows`](Self::rows) are written.
#[derive(Debug, Clone)]
pub struct Book {
    portfolio_id: i64,
    positions: Vec<Position>,
    prices: Prices,
}

#[derive(Debug, Clone)]
struct Position {
    row: PortfolioAsset,
    balance: Money,
    average_cost: Money,
}

/// What came of giving one token for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// What was given.
    pub sell_amount: Money,
    /// What was got.
    pub buy_amount: Money,
    /// What one unit of the given token costs.
    pub sell_price: Money,
    /// What one unit of the other token costs.
    pub buy_price: Money,
}

/// A row for a token of which nothing is held.
pub fn asset(
    portfolio_id: i64,
    symbol: &str,
    address: &str,
    target: Money,
    now: Stamp,
) -> PortfolioAsset {
    PortfolioAsset {
        id: UNNUMBERED.into(),
        portfolio_id: portfolio_id.into(),
        token_symbol: symbol.to_owned(),
        token_address: address.to_owned(),
        balance: 0.0.into(),
        target_allocation: target.to_column(),
        current_allocation: 0.0.into(),
        average_cost: 0.0.into(),
        unrealized_pnl: 0.0.into(),
        created_at: now,
        updated_at: now,
    }
}

impl Book {
    /// Opens the rows of a portfolio at these prices.
    pub fn open(
        portfolio_id: i64,
        rows: Vec<PortfolioAsset>,
        prices: Prices,
    ) -> Result<Self, Refusal> {
        let position = |row: PortfolioAsset| {
            let balance = Money::balance(&row.balance)?;
            Ok(Position { balance, average_cost: Money::column(&row.average_cost)?, row })
        };
        let positions = rows.into_iter().map(position).collect::<Result<_, Refusal>>()?;
        Ok(Self { portfolio_id, positions, prices })
    }

    /// How much of a token is held; none where the portfolio does not know it.
    pub fn balance(&self, symbol: &str) -> Option<Money> {
        self.find(symbol).map(|position| position.balance)
    }

    /// Every token with its balance, in the order of the rows.
    pub fn balances(&self) -> impl Iterator<Item = (&str, Money)> {
        self.positions.iter().map(|position| (position.row.token_symbol.as_str(), position.balance))
    }

    /// What everything that is held costs.
    pub fn value(&self) -> Result<Money, Refusal> {
        Ok(sum(self.values()?)?)
    }

    /// The share of each token in percent, in the order of the rows; all are nothing where nothing is held.
    pub fn shares(&self) -> Result<Vec<(&str, Money)>, Refusal> {
        let values = self.values()?;
        let whole = sum(values.iter().copied())?;
        self.positions
            .iter()
            .zip(values)
            .map(|(position, value)| {
                Ok((position.row.token_symbol.as_str(), value.percent_of(whole)?))
            })
            .collect()
    }

    /// How far the shares are from `targets`: what part of the portfolio, in percent, would have to be something else.
    /// Half the sum of all differences. A portfolio that holds nothing is not off its strategy.
    pub fn distance(&self, targets: &Targets) -> Result<Money, Refusal> {
        let shares = self.shares()?;
        if shares.iter().all(|(_, share)| *share == Money::ZERO) {
            return Ok(Money::ZERO);
        }
        let target = |token: &str| targets.get(token).copied().unwrap_or(Money::ZERO);
        let held = shares.iter().map(|(token, share)| share.distance(target(token)));
        let is_absent = |token: &str| shares.iter().all(|(held, _)| *held != token);
        let absent =
            targets.iter().filter(|(token, _)| is_absent(token)).map(|(_, target)| Ok(*target));
        let differences = held.chain(absent).collect::<Result<Vec<_>, _>>()?;
        Ok(sum(differences)?.over(2.into())?)
    }

    /// How far some token that is held is from the target in its row, at most, in points.
    pub fn largest_deviation(&self) -> Result<Money, Refusal> {
        let shares = self.shares()?;
        let held = self.positions.iter().zip(&shares).filter(|(p, _)| p.balance.is_positive());
        held.map(|(position, (_, share))| {
            share.distance(Money::column(&position.row.target_allocation)?)
        })
        .try_fold(Money::ZERO, |most, deviation| Ok(most.max(deviation?)))
    }

    /// Gives so much of one token for another, at the prices of both. What is got is cut to what a column holds, so that
    /// no value comes from nowhere. A book in which it was refused is of no more use.
    pub fn exchange(
        &mut self,
        sell: &str,
        buy: &str,
        amount: Money,
        now: Stamp,
    ) -> Result<Fill, Refusal> {
        let (sell_price, buy_price) = (self.prices.of(sell)?, self.prices.of(buy)?);
        let buy_amount = amount.times(sell_price)?.over(buy_price)?.cut();
        if !buy_amount.is_positive() {
            return Err(Refusal::of("Sell amount is too small to buy anything"));
        }
        self.take(sell, amount)?;
        self.put(buy, buy_amount, buy_price, now)?;
        Ok(Fill { sell_amount: amount, buy_amount, sell_price, buy_price })
    }

    /// Puts tokens in that come from elsewhere, or, where `amount` is less than zero, takes them out. Gives the price at
    /// which that counts.
    pub fn transfer(&mut self, symbol: &str, amount: Money, now: Stamp) -> Result<Money, Refusal> {
        let price = self.prices.of(symbol)?;
        if amount.is_positive() {
            self.put(symbol, amount, price, now)?;
        } else {
            self.take(symbol, Money::ZERO.minus(amount)?)?;
        }
        Ok(price)
    }

    /// The rows as they stand now, with the value of all. The stored shares add up to exactly 100: what rounding leaves
    /// goes to the largest.
    pub fn rows(self, now: Stamp) -> Result<(Vec<PortfolioAsset>, Money), Refusal> {
        let value = self.value()?;
        let shares = self.rounded_shares()?;
        let Self { positions, prices, .. } = self;
        let row = |(position, share): (Position, Money)| -> Result<PortfolioAsset, Refusal> {
            let Position { mut row, balance, average_cost } = position;
            let gain = if balance.is_positive() {
                balance.times(prices.of(&row.token_symbol)?.minus(average_cost)?)?
            } else {
                Money::ZERO
            };
            row.balance = balance.to_column();
            row.average_cost = average_cost.to_column();
            row.current_allocation = share.to_column();
            row.unrealized_pnl = gain.to_column();
            row.updated_at = now;
            Ok(row)
        };
        let rows = positions.into_iter().zip(shares).map(row).collect::<Result<_, _>>()?;
        Ok((rows, value))
    }

    fn find(&self, symbol: &str) -> Option<&Position> {
        self.positions.iter().find(|position| position.row.token_symbol == symbol)
    }

    /// What each position costs; one that holds nothing needs no price.
    fn values(&self) -> Result<Vec<Money>, Refusal> {
        let value = |position: &Position| {
            if !position.balance.is_positive() {
                return Ok(Money::ZERO);
            }
            Ok(position.balance.times(self.prices.of(&position.row.token_symbol)?)?)
        };
        self.positions.iter().map(value).collect()
    }

    fn rounded_shares(&self) -> Result<Vec<Money>, Refusal> {
        let shares = self.shares()?;
        let mut shares: Vec<Money> =
            shares.into_iter().map(|(_, share)| share.rounded(SHARE_PLACES)).collect();
        let total = sum(shares.iter().copied())?;
        if let Some(largest) = shares.iter_mut().max().filter(|share| share.is_positive()) {
            *largest = largest.plus(Money::HUNDRED.minus(total)?)?;
        }
        Ok(shares)
    }

    fn take(&mut self, symbol: &str, amount: Money) -> Result<(), Refusal> {
        let unknown = || Refusal::of("Sell token not found in portfolio");
        let mut positions = self.positions.iter_mut();
        let position =
            positions.find(|position| position.row.token_symbol == symbol).ok_or_else(unknown)?;
        if position.balance < amount {
            return Err(Refusal::of("Insufficient balance"));
        }
        position.balance = kept(position.balance.minus(amount)?)?;
        Ok(())
    }

    fn put(
        &mut self,
        symbol: &str,
        amount: Money,
        price: Money,
        now: Stamp,
    ) -> Result<(), Refusal> {
        let known = self.positions.iter().position(|p| p.row.token_symbol == symbol);
        let index = known.unwrap_or(self.positions.len());
        if known.is_none() {
            if index >= MOST_ASSETS {
                return Err(Denied::Conflict("The portfolio has 200 tokens already").into());
            }
            let row = asset(self.portfolio_id, symbol, "", Money::ZERO, now);
            let nothing = Money::ZERO;
            self.positions.push(Position { row, balance: nothing, average_cost: nothing });
        }
        let position = self.positions.get_mut(index).ok_or(TooLarge)?;
        let balance = kept(position.balance.plus(amount)?)?;
        let cost = position.balance.times(position.average_cost)?.plus(amount.times(price)?)?;
        position.average_cost = cost.over(balance)?.rounded(COST_PLACES);
        position.balance = balance;
        Ok(())
    }
}

/// A balance that a column gives back as it is.
fn kept(balance: Money) -> Result<Money, Refusal> {
    let too_much = Refusal::of("A balance must stay below 100000000");
    if balance.fits_float() { Ok(balance) } else { Err(too_much) }
}
