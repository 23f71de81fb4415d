//! Optimisations: what one would save. It is simulated, and says so: nothing of the agent is changed.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Denied, figures};
use crate::python::{number, time::Stamp};
use crate::tables::Json;
use crate::tables::performance::{Optimization, PerformanceMetric};

/// How optimisations may stand.
pub const STATUSES: &[&str] = &["pending", "running", "completed", "failed", "deployed"];

/// How many techniques are weighed: hyperparameters, architecture, algorithm, data. None of them has figures of its own
/// to start from, so what comes out is the same whichever wins.
const TECHNIQUES: i64 = 4;

/// From which improvement on an optimisation counts as converged.
const CONVERGED: f64 = 0.05;

/// What a client wants optimised.
#[derive(Debug, Clone, Deserialize)]
pub struct NewOptimization {
    agent_id: String,
    target_metric: PerformanceMetric,
    current_performance: Map<String, Value>,
}

impl NewOptimization {
    /// The row of this optimisation before it is carried out.
    pub fn into_row(
        self,
        [id, optimization_id]: [String; 2],
        now: Stamp,
    ) -> Result<Optimization, Denied> {
        let baseline_cost = super::figure(cost(&self.current_performance))?;
        let none = || Some(Json(json!({})));
        Ok(Optimization {
            id,
            optimization_id,
            agent_id: self.agent_id,
            optimization_type: "comprehensive".to_owned(),
            target_metric: self.target_metric,
            baseline_performance: Some(Json(Value::Object(self.current_performance))),
            baseline_resources: none(),
            baseline_cost: baseline_cost.into(),
            optimization_parameters: none(),
            optimization_algorithm: "auto".to_owned(),
            search_space: none(),
            optimized_performance: none(),
            optimized_resources: none(),
            optimized_cost: 0.0.into(),
            performance_improvement: 0.0.into(),
            resource_savings: 0.0.into(),
            cost_savings: 0.0.into(),
            overall_efficiency_gain: 0.0.into(),
            optimization_duration: None,
            iterations_required: 0.into(),
            convergence_achieved: false,
            status: "running".to_owned(),
            applied_at: None,
            rollback_available: true,
            created_at: now,
            updated_at: now,
            completed_at: None,
            optimization_profile_meta_data: none(),
            performance_logs: Some(Json(json!([]))),
        })
    }
}

/// Carries an optimisation out. Where it cannot be, its row remains: failed, or running where what came out was no number,
/// which is how the monolith leaves it.
pub fn carry_out(row: &mut Optimization, now: impl Fn() -> Stamp) -> Result<(), Denied> {
    let began = now();
    let baseline = match &row.baseline_performance {
        Some(Json(Value::Object(map))) => map.clone(),
        _ => Map::new(),
    };
    if let Err(denied) = feasible(row.target_metric, &baseline) {
        "failed".clone_into(&mut row.status);
        return Err(denied);
    }
    let optimized = Map::new();
    let gains = Gains::of(&baseline, &optimized)?;
    row.optimized_cost = cost(&optimized).into();
    row.optimized_performance = Some(Json(Value::Object(optimized)));
    row.performance_improvement = gains.improvement.into();
    row.resource_savings = gains.resources.into();
    row.cost_savings = gains.cost.into();
    row.overall_efficiency_gain = gains.overall.into();
    row.iterations_required = TECHNIQUES.into();
    row.convergence_achieved = gains.improvement > CONVERGED;
    "completed".clone_into(&mut row.status);
    let ended = now();
    row.optimization_duration = Some(ended.seconds_since(&began).into());
    row.completed_at = Some(ended);
    Ok(())
}

/// Whether a metric has a target, and the distance to it can be told.
fn feasible(metric: PerformanceMetric, baseline: &Map<String, Value>) -> Result<(), Denied> {
    match metric {
        PerformanceMetric::Accuracy
        | PerformanceMetric::Throughput
        | PerformanceMetric::ResourceEfficiency
        | PerformanceMetric::CostEfficiency => Ok(()),
        PerformanceMetric::Latency if figure(baseline, "latency", 0.0) != 0.0 => Ok(()),
        PerformanceMetric::Latency => {
            Err(Denied::Refused("The current latency must be given and must not be 0"))
        }
        PerformanceMetric::Precision
        | PerformanceMetric::Recall
        | PerformanceMetric::F1Score
        | PerformanceMetric::AdaptationSpeed
        | PerformanceMetric::Generalization => {
            Err(Denied::Refused("There is no target for this metric"))
        }
    }
}

/// Shares of what there was before; negative where something was lost.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Gains {
    improvement: f64,
    resources: f64,
    cost: f64,
    overall: f64,
}

impl Gains {
    fn of(baseline: &Map<String, Value>, optimized: &Map<String, Value>) -> Result<Self, Denied> {
        let total =
            |map: &Map<String, Value>| figures(map).fold(0.0, |sum, (_, value)| sum + value);
        let gained = -saved(total(baseline), total(optimized));
        // Minus nothing is nothing.
        let improvement = if gained == 0.0 { 0.0 } else { gained };
        let resources = saved(resources(baseline), resources(optimized));
        let cost = saved(cost(baseline), cost(optimized));
        let overall = super::figure(improvement + resources + cost)?;
        Ok(Self { improvement, resources, cost, overall })
    }
}

/// By what share `after` is less than `before`; none of nothing.
fn saved(before: f64, after: f64) -> f64 {
    if before > 0.0 { (before - after) / before } else { 0.0 }
}

/// Cores and GB of memory together.
fn resources(performance: &Map<String, Value>) -> f64 {
    figure(performance, "cpu_cores", 1.0) + figure(performance, "memory_gb", 2.0)
}

/// What resources cost: 10 a core, 2 a GB of memory, 100 a GPU, 0.1 a GB of storage.
pub fn cost(performance: &Map<String, Value>) -> f64 {
    figure(performance, "cpu_cores", 1.0) * 10.0
        + figure(performance, "memory_gb", 2.0) * 2.0
        + figure(performance, "gpu_count", 0.0) * 100.0
        + figure(performance, "storage_gb", 50.0) * 0.1
}

fn figure(performance: &Map<String, Value>, name: &str, absent: f64) -> f64 {
    performance.get(name).and_then(number::as_f64).unwrap_or(absent)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the contract's figures are exact")]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::tables::Record as _;

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("{value} is no object") };
        map
    }

    fn now() -> Stamp {
        Stamp::of(DateTime::from_timestamp_micros(1_795_341_600_000_001).unwrap())
    }

    fn optimized(metric: &str, current: Value) -> (Optimization, Result<(), Denied>) {
        let new = NewOptimization {
            agent_id: "a".to_owned(),
            target_metric: PerformanceMetric::from_word(metric).unwrap(),
            current_performance: map(current),
        };
        let mut row = new.into_row(["opt_1".to_owned(), "opt_2".to_owned()], now()).unwrap();
        let outcome = carry_out(&mut row, now);
        (row, outcome)
    }

    #[test]
    fn the_contract_s_optimisations() {
        let shown = |current: Value| {
            let (row, outcome) = optimized("accuracy", current);
            assert_eq!(outcome, Ok(()));
            let names = [
                "performance_improvement",
                "resource_savings",
                "cost_savings",
                "overall_efficiency_gain",
            ];
            row.shown(&names).values().map(|v| v.as_f64().unwrap()).collect::<Vec<f64>>()
        };
        assert_eq!(
            shown(json!({"accuracy": 0.5, "cpu_cores": 4.0, "memory_gb": 8.0})),
            [-1.0, 0.75, 0.688_524_590_163_934_4, 0.438_524_590_163_934_4]
        );
        let gpu = json!({"accuracy": 0.9, "cpu_cores": 2.0, "memory_gb": 4.0, "gpu_count": 1.0, "storage_gb": 100.0});
        assert_eq!(shown(gpu), [-1.0, 0.5, 0.862_318_840_579_710_2, 0.362_318_840_579_710_2]);
        assert_eq!(shown(json!({})), [0.0; 4]);
    }

    #[test]
    fn what_cannot_be_optimised_is_failed_and_keeps_its_baseline() {
        for (metric, current) in
            [("precision", json!({})), ("latency", json!({})), ("latency", json!({"latency": 0.0}))]
        {
            let (row, outcome) = optimized(metric, current);
            assert!(outcome.is_err(), "{metric}");
            assert_eq!(
                (row.status.as_str(), row.completed_at, row.optimization_duration),
                ("failed", None, None)
            );
            assert_eq!(
                (row.baseline_cost.get(), row.iterations_required.get()),
                (Some(19.0), Some(0))
            );
        }
        let (row, outcome) = optimized("accuracy", json!({"a": 1.7e308, "b": 1.7e308}));
        assert_eq!((row.status.as_str(), outcome.is_err()), ("running", true));
    }

    proptest! {
        #[test]
        fn each_resource_has_its_price(cores in 0.0..1e4_f64, memory in 0.0..1e4_f64, gpus in 0.0..1e3_f64, storage in 0.0..1e6_f64) {
            let all = map(json!({"cpu_cores": cores, "memory_gb": memory, "gpu_count": gpus, "storage_gb": storage}));
            let price = 10.0 * cores + 2.0 * memory + 100.0 * gpus + 0.1 * storage;
            prop_assert!((cost(&all) - price).abs() <= 1e-9 * price.max(1.0));
        }

        #[test]
        fn all_of_a_baseline_is_lost_and_the_gain_is_the_sum(figures in prop::collection::btree_map("[a-z_]{1,9}", 0.001..1e6_f64, 1..6)) {
            let baseline: Map<String, Value> = figures.into_iter().map(|(k, v)| (k, v.into())).collect();
            let gains = Gains::of(&baseline, &Map::new()).unwrap();
            prop_assert_eq!(gains.improvement, -1.0);
            prop_assert_eq!(gains.overall, gains.improvement + gains.resources + gains.cost);
            prop_assert!(gains.resources <= 1.0 && gains.cost <= 1.0);
        }
    }
}
