//! Snapshots: what a portfolio was worth at one moment, and what they tell together.

use serde_json::{Map, Value, json};

use super::book::Book;
use super::returns::Observation;
use super::{Refusal, UNNUMBERED};
use crate::python::time::Stamp;
use crate::tables::Json;
use crate::tables::Money;
use crate::tables::portfolio::{AgentPortfolio, PortfolioSnapshot};

/// The most snapshots that are reckoned with: the newest.
pub const MOST_READ: i64 = 1000;

/// How many tokens a snapshot shows: those with the largest shares.
const TOP: usize = 10;

/// What had come in less what had gone out, in `performance_metrics` of a snapshot.
const NET_TRANSFERS: &str = "net_transfers";

/// What a snapshot of a portfolio would be now.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// When.
    pub now: Stamp,
    /// What everything in it costs.
    pub value: Money,
    /// What has come in less what has gone out; none where nobody has kept count.
    pub net_transfers: Option<Money>,
    /// Percent of each token that is held, largest first.
    pub shares: Vec<(String, Money)>,
    /// What part of it is off its strategy, in percent.
    pub strategy_distance: Money,
    /// How much more it is worth than in the beginning, in percent; none where it began with nothing.
    pub total_return: Option<Money>,
}

impl State {
    /// What a portfolio is at `now`.
    pub fn of(
        portfolio: &AgentPortfolio,
        book: &Book,
        targets: &super::strategies::Targets,
        net_transfers: Option<Money>,
        now: Stamp,
    ) -> Result<Self, Refusal> {
        let value = book.value()?;
        let shares = book.shares()?.into_iter().filter(|(_, share)| share.is_positive());
        let mut shares: Vec<_> = shares.map(|(token, share)| (token.to_owned(), share)).collect();
        shares.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let initial = Money::column(&portfolio.initial_capital)?;
        let total_return = if initial == Money::ZERO {
            None
        } else {
            Some(value.minus(initial)?.percent_of(initial)?)
        };
        let strategy_distance = book.distance(targets)?;
        Ok(Self { now, value, net_transfers, shares, strategy_distance, total_return })
    }

    /// The value for the series.
    pub fn observation(&self) -> Observation {
        Observation {
            at: self.now,
            value: self.value.number(),
            net_transfers: self.net_transfers.map(Money::number),
        }
    }

    /// The share of the largest token in percent.
    pub fn largest_share(&self) -> Money {
        self.shares.first().map_or(Money::ZERO, |(_, share)| *share)
    }

    /// The row of a snapshot. Nothing is known of sectors and countries, and there is no cash beside the tokens.
    pub fn row(&self, portfolio: &AgentPortfolio) -> PortfolioSnapshot {
        let top = self.shares.iter().take(TOP);
        let top: Map<String, Value> =
            top.map(|(token, share)| (token.clone(), share.number().into())).collect();
        let mut performance = Map::new();
        for (name, figure) in
            [(NET_TRANSFERS, self.net_transfers), ("total_return", self.total_return)]
        {
            if let Some(figure) = figure {
                performance.insert(name.to_owned(), figure.number().into());
            }
        }
        PortfolioSnapshot {
            id: UNNUMBERED.into(),
            portfolio_id: portfolio.id.clone(),
            snapshot_date: self.now,
            total_value: self.value.to_column(),
            cash_balance: 0.0.into(),
            asset_count: i64::try_from(self.shares.len()).unwrap_or(i64::MAX).into(),
            top_holdings: Some(Json(Value::Object(top))),
            sector_allocation: Some(Json(json!({}))),
            geographic_allocation: Some(Json(json!({}))),
            risk_metrics: Some(Json(json!({"strategy_distance": self.strategy_distance.number()}))),
            performance_metrics: Some(Json(Value::Object(performance))),
            created_at: self.now,
        }
    }
}

/// The series of stored snapshots, the oldest first, and of now. A snapshot without a number for its value is none.
pub fn series(stored: &[PortfolioSnapshot], state: &State) -> Vec<Observation> {
    let observation = |snapshot: &PortfolioSnapshot| {
        let net =
            snapshot.performance_metrics.as_ref().and_then(|Json(map)| map.get(NET_TRANSFERS));
        Some(Observation {
            at: snapshot.snapshot_date,
            value: snapshot.total_value.get()?,
            net_transfers: net.and_then(Value::as_f64),
        })
    };
    stored.iter().filter_map(observation).chain([state.observation()]).collect()
}
