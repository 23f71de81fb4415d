//! Strategies: which tokens a portfolio is to hold, in percent.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Refusal, UNNUMBERED};
use crate::logic::Denied;
use crate::python::time::Stamp;
use crate::tables::money::{Money, sum};
use crate::tables::portfolio::{PortfolioStrategy, StrategyType};
use crate::tables::{Float, Int, Json};

/// The most strategies of one owner.
pub const MOST_STRATEGIES: i64 = 1000;

/// The most tokens of one strategy.
pub const MOST_TOKENS: usize = 100;

/// How far from 100 the allocations may add up to, in hundredths of a point.
const TOLERANCE: i64 = 1;

/// What somebody wants of a strategy.
#[derive(Debug, Clone, Deserialize)]
pub struct NewStrategy {
    name: String,
    strategy_type: StrategyType,
    target_allocations: Map<String, Value>,
    max_drawdown: f64,
    rebalance_frequency: i64,
    volatility_threshold: f64,
}

impl NewStrategy {
    /// The row of a strategy, if its allocations add up to 100.
    pub fn into_row(self, now: Stamp) -> Result<PortfolioStrategy, Refusal> {
        let total = sum(targets_of(&self.target_allocations).into_values())?;
        if total.distance(Money::HUNDRED)? > Money::new(TOLERANCE, 2) {
            return Err(Refusal::of("Target allocations must sum to 100%"));
        }
        Ok(PortfolioStrategy {
            id: UNNUMBERED.into(),
            name: self.name,
            strategy_type: self.strategy_type,
            target_allocations: Some(Json(Value::Object(self.target_allocations))),
            max_drawdown: self.max_drawdown.into(),
            rebalance_frequency: self.rebalance_frequency.into(),
            volatility_threshold: self.volatility_threshold.into(),
            is_active: true,
            created_at: now,
            updated_at: now,
        })
    }
}

/// Percent of each token that a strategy is to have.
pub type Targets = BTreeMap<String, Money>;

/// The targets of a stored strategy. Another writer may have left something else there; it is no target.
pub fn targets(strategy: &PortfolioStrategy) -> Targets {
    match &strategy.target_allocations {
        Some(Json(Value::Object(allocations))) => targets_of(allocations),
        _ => Targets::new(),
    }
}

fn targets_of(allocations: &Map<String, Value>) -> Targets {
    let target = |value: &Value| value.as_f64().and_then(Money::exactly);
    allocations.iter().filter_map(|(token, value)| Some((token.clone(), target(value)?))).collect()
}

/// A limit of a strategy as stored; none where another writer has left no number.
pub fn limit(column: &Float) -> Option<f64> {
    column.get().filter(|limit| limit.is_finite())
}

/// How many seconds a strategy lets pass between two rebalancings.
pub fn frequency(column: &Int) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "no strategy waits for 2^53 seconds")]
    column.get().map(|seconds| seconds as f64)
}

/// A strategy that `caller` may see: their own, or one without an owner.
pub fn visible(
    found: Option<PortfolioStrategy>,
    owner: Option<&str>,
    caller: &str,
) -> Result<PortfolioStrategy, Denied> {
    let strategy = found.ok_or(Denied::NotFound("Strategy"))?;
    if owner.is_none_or(|owner| owner == caller) { Ok(strategy) } else { Err(Denied::Forbidden) }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::tables::money::tests::money;

    /// A strategy with the defaults: drawdown 20 %, volatility 15 %, daily.
    pub(crate) fn strategy(allocations: &Value) -> Result<PortfolioStrategy, Refusal> {
        let new = json!({
            "name": "s", "strategy_type": "balanced", "target_allocations": allocations,
            "max_drawdown": 20.0, "rebalance_frequency": 86400, "volatility_threshold": 15.0,
        });
        let new: NewStrategy = serde_json::from_value(new).unwrap();
        new.into_row(Stamp::parse("2026-11-22").unwrap())
    }

    #[test]
    fn allocations_add_up_to_a_hundred_within_a_hundredth() {
        for allocations in [
            json!({"A": 100}),
            json!({"A": 33.33, "B": 33.33, "C": 33.33}),
            json!({"A": 0.1, "B": 0.2, "C": 99.7}),
            json!({"A": 50.005, "B": 50.005}),
        ] {
            assert!(strategy(&allocations).is_ok(), "{allocations}");
        }
        for allocations in [json!({}), json!({"A": 99.98}), json!({"A": 50.005, "B": 50.006})] {
            let refused = strategy(&allocations).unwrap_err();
            assert_eq!(refused.to_string(), "Target allocations must sum to 100%");
        }
    }

    #[test]
    fn what_another_writer_left_there_is_no_target() {
        let mut stored = strategy(&json!({"A": 60, "B": 40.0})).unwrap();
        let expected =
            Targets::from([("A".to_owned(), money("60")), ("B".to_owned(), money("40"))]);
        assert_eq!(targets(&stored), expected);
        stored.target_allocations = Some(Json(json!({"A": "sixty", "B": 40})));
        assert_eq!(targets(&stored), Targets::from([("B".to_owned(), money("40"))]));
        stored.target_allocations = None;
        assert_eq!(targets(&stored), Targets::new());
    }

    proptest! {
        #[test]
        fn the_sum_is_exact_however_many_there_are(parts in prop::collection::vec(1_u32..10_000, 1..100)) {
            let total: u32 = parts.iter().sum();
            let allocations: Map<String, Value> = parts
                .iter()
                .enumerate()
                .map(|(i, part)| (format!("T{i}"), json!(f64::from(*part) / 100.0)))
                .collect();
            let accepted = strategy(&Value::Object(allocations)).is_ok();
            prop_assert_eq!(accepted, total.abs_diff(10_000) <= 1);
        }
    }
}
