//! Performance profiles: what a new one is, and what new metrics do to one.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Denied, figure, figures};
use crate::python::{json, number, time::Stamp};
use crate::tables::Json;
use crate::tables::performance::Profile;

/// What each metric weighs in the overall score. Latency counts against it.
const WEIGHTS: [(&str, f64); 5] = [
    ("accuracy", 0.3),
    ("latency", -0.2),
    ("throughput", 0.2),
    ("efficiency", 0.15),
    ("cost_efficiency", 0.15),
];

/// What any other metric weighs.
const OTHER_WEIGHT: f64 = 0.1;

/// The type of an agent that nobody has introduced.
pub const DEFAULT_TYPE: &str = "hermes";

/// Most entries that a history keeps; older ones go first. The monolith keeps all.
const HISTORY_ENTRIES: usize = 1000;

/// Most bytes of text that a history keeps, apart from its last two entries, which trends need.
const HISTORY_BYTES: usize = 4 * 1024 * 1024;

/// Most bytes of text that the metrics of one profile may come to.
const METRICS_BYTES: usize = 16 * 1024 * 1024;

/// A profile as a client describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewProfile {
    /// Whose it is.
    pub agent_id: String,
    /// What kind of agent that is.
    pub agent_type: String,
    /// Figures to begin with.
    pub initial_metrics: Map<String, Value>,
}

impl NewProfile {
    /// The row of this profile. Its score stays 0 until metrics are added to it.
    pub fn into_row(self, [id, profile_id]: [String; 2], now: Stamp) -> Profile {
        let some = |value: Value| Some(Json(value));
        Profile {
            id,
            profile_id,
            agent_id: self.agent_id,
            agent_type: self.agent_type,
            agent_version: "1.0.0".to_owned(),
            overall_score: 0.0.into(),
            performance_metrics: some(Value::Object(self.initial_metrics)),
            learning_strategies: some(json!(["meta_learning", "transfer_learning"])),
            adaptation_rate: 0.0.into(),
            generalization_score: 0.0.into(),
            resource_efficiency: some(json!({})),
            cost_per_task: 0.0.into(),
            throughput: 0.0.into(),
            average_latency: 0.0.into(),
            specialization_areas: some(json!(["general"])),
            expertise_levels: some(json!({})),
            performance_history: some(json!([])),
            improvement_trends: some(json!({})),
            benchmark_scores: some(json!({})),
            ranking_position: None,
            percentile_rank: None,
            created_at: now,
            updated_at: now,
            last_assessed: None,
            profile_meta_data: some(json!({})),
            performance_notes: String::new(),
        }
    }
}

/// What has been measured of an agent.
#[derive(Debug, Clone, Deserialize)]
pub struct Measured {
    /// The figures.
    pub metrics: Map<String, Value>,
    /// At what task.
    #[serde(default)]
    pub task_context: Option<Map<String, Value>>,
}

impl Measured {
    /// Adds what was measured to a profile: metrics, history, score and trends.
    pub fn add_to(self, profile: &mut Profile, now: Stamp) -> Result<(), Denied> {
        let mut metrics = object(profile.performance_metrics.take());
        // A key that is there keeps its place: the score is a sum in this order.
        metrics.extend(self.metrics.clone());
        let metrics = Value::Object(metrics);
        if json::stored(&metrics).len() > METRICS_BYTES {
            return Err(Denied::Refused("The profile has too many metrics"));
        }
        let mut history = array(profile.performance_history.take());
        history.push(json!({
            "timestamp": now.aware(),
            "metrics": self.metrics,
            "context": self.task_context.unwrap_or_default(),
        }));
        profile.overall_score = metrics.as_object().map_or(Ok(0.0), overall_score)?.into();
        profile.improvement_trends = Some(Json(Value::Object(trends(&history))));
        profile.performance_metrics = Some(Json(metrics));
        profile.performance_history = Some(Json(newest(history)));
        profile.updated_at = now;
        profile.last_assessed = Some(now);
        Ok(())
    }
}

fn object(found: Option<Json>) -> Map<String, Value> {
    match found {
        Some(Json(Value::Object(map))) => map,
        _ => Map::new(),
    }
}

fn array(found: Option<Json>) -> Vec<Value> {
    match found {
        Some(Json(Value::Array(items))) => items,
        _ => Vec::new(),
    }
}

/// The mean of the metrics, weighted; 0 where the weights do not come to more than 0.
pub fn overall_score(metrics: &Map<String, Value>) -> Result<f64, Denied> {
    let (mut score, mut weights) = (0.0, 0.0);
    for (name, value) in figures(metrics) {
        let known = WEIGHTS.iter().find(|(metric, _)| *metric == name);
        let weight = known.map_or(OTHER_WEIGHT, |(_, weight)| *weight);
        score += value * weight;
        weights += weight;
    }
    if weights > 0.0 { figure(score / weights) } else { Ok(0.0) }
}

/// By what share each metric of the newest entry differs from the entry before; metrics that were 0 have none.
pub fn trends(history: &[Value]) -> Map<String, Value> {
    let [.., before, newest] = history else { return Map::new() };
    let (Some(before), Some(newest)) =
        (before["metrics"].as_object(), newest["metrics"].as_object())
    else {
        return Map::new();
    };
    figures(newest)
        .filter_map(|(name, new)| {
            let old = number::as_f64(before.get(name)?).filter(|old| *old != 0.0)?;
            Some((name.to_owned(), number::of((new - old) / old.abs())))
        })
        .collect()
}

/// The newest entries of a history, as many as it keeps.
fn newest(mut history: Vec<Value>) -> Value {
    let mut bytes = 0;
    let kept = history.iter().rev().enumerate().take(HISTORY_ENTRIES).take_while(|(i, entry)| {
        bytes += json::stored(entry).len();
        *i < 2 || bytes <= HISTORY_BYTES
    });
    let old = history.len() - kept.count();
    history.drain(..old);
    Value::Array(history)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the contract's figures are exact")]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("{value} is no object") };
        map
    }

    fn now() -> Stamp {
        Stamp::of(DateTime::from_timestamp_micros(1_795_341_600_000_001).unwrap())
    }

    fn profile() -> Profile {
        let new = json!({"agent_id": "ag1", "agent_type": "hermes", "initial_metrics": {}});
        let new: NewProfile = serde_json::from_value(new).unwrap();
        new.into_row(["perf_1".to_owned(), "perf_2".to_owned()], now())
    }

    fn add(profile: &mut Profile, metrics: Value) {
        let measured = Measured { metrics: map(metrics), task_context: None };
        measured.add_to(profile, now()).unwrap();
    }

    #[test]
    fn scores_and_trends_are_those_of_the_contract() {
        let mut profile = profile();
        let score = |profile: &Profile| profile.overall_score.get().unwrap();
        let trends = |profile: &Profile| profile.improvement_trends.clone().unwrap().0;
        add(&mut profile, json!({"accuracy": 0.8, "throughput": 50.0, "other": 10.0}));
        assert_eq!((score(&profile), trends(&profile)), (18.733_333_333_333_334, json!({})));
        add(&mut profile, json!({"accuracy": 0.9, "throughput": 25.0, "new": 1.0}));
        assert_eq!(score(&profile), 9.1);
        assert_eq!(
            trends(&profile),
            json!({"accuracy": 0.124_999_999_999_999_97, "throughput": -0.5})
        );
        add(&mut profile, json!({"latency": 5.0}));
        assert_eq!((score(&profile), trends(&profile)), (10.74, json!({})));
        add(&mut profile, json!({}));
        assert_eq!(score(&profile), 10.74);
        assert_eq!(
            profile.performance_metrics.unwrap().0.to_string(),
            r#"{"accuracy":0.9,"throughput":25.0,"other":10.0,"new":1.0,"latency":5.0}"#
        );
        assert_eq!(
            profile.performance_history.unwrap().0[2],
            json!({"timestamp": now().aware(), "metrics": {"latency": 5.0}, "context": {}})
        );
        assert_eq!(overall_score(&map(json!({"latency": 20.0}))), Ok(0.0));
        let score = overall_score(&map(json!({"accuracy": 0.5, "latency": 120.0, "zeta": 3.0})));
        assert_eq!(score, Ok(-117.750_000_000_000_01));
    }

    #[test]
    fn no_trend_from_zero_and_no_score_that_is_no_number() {
        let entry = |value: f64| json!({"metrics": {"accuracy": value}});
        assert_eq!(trends(&[entry(0.0), entry(0.5)]), Map::new());
        assert_eq!(trends(&[entry(-2.0), entry(-1.0)]), map(json!({"accuracy": 0.5})));
        let endless = map(json!({"a": number::hold("Infinity")}));
        assert_eq!(overall_score(&endless), Ok(f64::INFINITY));
        let both = map(json!({"a": number::hold("Infinity"), "b": number::hold("-Infinity")}));
        assert!(overall_score(&both).is_err());
        let history = [json!({"metrics": endless}), json!({"metrics": endless})];
        assert_eq!(trends(&history), map(json!({"a": number::hold("NaN")})));
    }

    #[test]
    fn a_history_keeps_its_newest_entries() {
        let mut profile = profile();
        let entries = (0..2 * HISTORY_ENTRIES).map(|i| json!({"metrics": {"m": i}})).collect();
        profile.performance_history = Some(Json(Value::Array(entries)));
        add(&mut profile, json!({"m": 1.5}));
        let history = array(profile.performance_history);
        assert_eq!(history.len(), HISTORY_ENTRIES);
        assert_eq!(history[HISTORY_ENTRIES - 1]["metrics"]["m"], 1.5);
        let long = json!({"context": "x".repeat(HISTORY_BYTES / 2)});
        assert_eq!(array(Some(Json(newest(vec![long.clone(), long.clone(), long])))).len(), 2);
    }

    proptest! {
        #[test]
        fn a_score_of_metrics_that_are_all_alike_is_their_value(
            value in -1e6..1e6_f64,
            names in prop::collection::hash_set("[a-z]{1,9}", 1..6),
        ) {
            let metrics = names.into_iter().map(|name| (name, value.into())).collect();
            let score = overall_score(&metrics).unwrap();
            prop_assert!(score == 0.0 || (score - value).abs() <= 1e-6 * value.abs().max(1.0));
        }

        #[test]
        fn a_trend_leads_back_to_the_new_figure(old in 1e-3..1e6_f64, new in -1e6..1e6_f64) {
            let history = [json!({"metrics": {"m": old}}), json!({"metrics": {"m": new, "n": 1.0}})];
            let trends = trends(&history);
            let trend = trends["m"].as_f64().unwrap();
            prop_assert_eq!(trends.len(), 1);
            prop_assert!((old + trend * old - new).abs() <= 1e-9 * (old.abs() + new.abs()));
        }
    }
}
