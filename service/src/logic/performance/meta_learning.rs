//! Meta-learning models: what a new one is, and what its training and its adaptations come to. Both are simulated.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::python::time::Stamp;
use crate::tables::Json;
use crate::tables::performance::{LearningStrategy, MetaModel};

/// A model that is being trained.
pub const TRAINING: &str = "training";

/// A model that can be adapted.
pub const READY: &str = "ready";

/// How models may stand.
pub const STATUSES: &[&str] = &[TRAINING, READY, "deployed", "deprecated"];

/// How far a new task is like those that a model was trained for; the same for every task.
const TASK_SIMILARITY: f64 = 0.8;

/// A model as a client describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewModel {
    model_name: String,
    base_algorithms: Vec<String>,
    meta_strategy: LearningStrategy,
    adaptation_targets: Vec<String>,
}

impl NewModel {
    /// The row of this model, whose training begins now.
    pub fn into_row(self, [id, model_id]: [String; 2], now: Stamp) -> MetaModel {
        let some = |value: Value| Some(Json(value));
        MetaModel {
            id,
            model_id,
            model_name: self.model_name,
            model_type: "meta_learning".to_owned(),
            model_version: "1.0.0".to_owned(),
            meta_strategy: self.meta_strategy,
            training_tasks: some(json!([])),
            task_distributions: some(Value::Object(task_distributions(&self.adaptation_targets))),
            meta_features: some(json!(meta_features(&self.adaptation_targets))),
            base_algorithms: some(json!(self.base_algorithms)),
            adaptation_targets: some(json!(self.adaptation_targets)),
            meta_accuracy: 0.0.into(),
            adaptation_speed: 0.0.into(),
            generalization_ability: 0.0.into(),
            training_time: None,
            computational_cost: None,
            memory_requirement: None,
            gpu_requirement: Some(false),
            status: TRAINING.to_owned(),
            deployment_count: 0.into(),
            success_rate: 0.0.into(),
            created_at: now,
            updated_at: now,
            trained_at: None,
            deployed_at: None,
            model_profile_meta_data: some(json!({})),
            training_logs: some(json!([])),
        }
    }
}

/// What a model looks at for its targets: those of each target, every one once.
pub fn meta_features(targets: &[String]) -> Vec<&'static str> {
    let mut features = Vec::new();
    for feature in targets.iter().flat_map(|target| features_of(target)) {
        if !features.contains(&feature) {
            features.push(feature);
        }
    }
    features
}

fn features_of(target: &str) -> [&'static str; 4] {
    match target {
        "text_generation" => ["text_length", "complexity", "domain", "style"],
        "image_generation" => ["resolution", "style", "content_type", "complexity"],
        "reasoning" => ["logic_type", "complexity", "domain", "step_count"],
        "classification" => ["feature_count", "class_count", "data_type", "imbalance"],
        _ => ["complexity", "domain", "data_size", "quality"],
    }
}

/// How often a model trains for each target: evenly, with a little more for later ones, and at least a tenth.
pub fn task_distributions(targets: &[String]) -> Map<String, Value> {
    let count = as_figure(targets.len());
    let share = |i: usize| (1.0 / count + (as_figure(i) - count / 2.0) * 0.1).max(0.1);
    // Of a target that is named twice the last share counts.
    targets.iter().enumerate().map(|(i, target)| (target.clone(), share(i).into())).collect()
}

/// Ends the training of a model, with figures that follow from how many algorithms, targets and features it has.
pub fn end_training(model: &mut MetaModel, now: Stamp) {
    let hours = 2.0 * (size(model.base_algorithms.as_ref()) * 0.5);
    let capped = |base: f64, step: f64, size: f64| (base + size * step).min(1.0);
    let accuracy = capped(0.75, 0.05, size(model.adaptation_targets.as_ref()));
    let speed = capped(0.8, 0.02, size(model.meta_features.as_ref()));
    let generalization = capped(0.7, 0.03, size(model.task_distributions.as_ref()));
    model.meta_accuracy = accuracy.into();
    model.adaptation_speed = speed.into();
    model.generalization_ability = generalization.into();
    model.training_time = Some(hours.into());
    model.computational_cost = Some((hours * 10.0).into());
    READY.clone_into(&mut model.status);
    model.trained_at = Some(now);
}

/// How many things a JSON column holds.
fn size(column: Option<&Json>) -> f64 {
    as_figure(match column.map(|json| &json.0) {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Object(map)) => map.len(),
        _ => 0,
    })
}

#[expect(clippy::cast_precision_loss, reason = "no request and no row holds 2^53 things")]
const fn as_figure(count: usize) -> f64 {
    count as f64
}

/// Why a model cannot be adapted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unadaptable {
    /// There is none.
    #[error("Meta-learning model {0} not found")]
    Unknown(String),
    /// Its training has not ended well.
    #[error("Model {0} is not ready for adaptation")]
    NotReady(String),
}

/// What an adaptation came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptation {
    /// Share of success.
    pub success: f64,
    /// Of how many steps, 1 to 50.
    pub steps: u8,
}

impl Adaptation {
    /// An adaptation of a model to some task: the better the model and the more steps, the better.
    pub fn of(model: &MetaModel, steps: u8) -> Self {
        let figure = |figure: Option<f64>| figure.unwrap_or(0.0);
        let base = figure(model.meta_accuracy.get()) * figure(model.adaptation_speed.get());
        Self { success: base * TASK_SIMILARITY * (1.0 - 0.1 / f64::from(steps)), steps }
    }

    /// Counts it among the model's deployments.
    pub fn count_in(self, model: &mut MetaModel) {
        let before = model.deployment_count.get().unwrap_or(0);
        let rate = model.success_rate.get().unwrap_or(0.0);
        model.deployment_count = before.saturating_add(1).into();
        model.success_rate = running_mean(rate, before, self.success).into();
    }

    /// Its figures. Its time, in seconds, is reckoned and not taken.
    pub fn to_json(self) -> Value {
        json!({
            "success": self.success,
            "adaptation_time": f64::from(self.steps) * 0.1,
            "steps_used": self.steps,
            "final_performance": self.success * 0.9,
            "convergence_achieved": self.success > 0.7,
        })
    }
}

/// The mean of `before + 1` values, of which `before` have the mean `mean` and one is `new`.
fn running_mean(mean: f64, before: i64, new: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "nothing is deployed 2^53 times")]
    let before = before as f64;
    (mean * before + new) / (before + 1.0)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn trained(algorithms: &[&str], targets: &[&str]) -> MetaModel {
        let now = Stamp::of(DateTime::from_timestamp_micros(1_795_341_600_000_001).unwrap());
        let new = NewModel {
            model_name: "m".to_owned(),
            base_algorithms: owned(algorithms),
            meta_strategy: LearningStrategy::MetaLearning,
            adaptation_targets: owned(targets),
        };
        let mut model = new.into_row(owned(&["meta_1", "meta_2"]).try_into().unwrap(), now);
        end_training(&mut model, now);
        model
    }

    const SEVEN: [&str; 7] = [
        "text_generation",
        "image_generation",
        "reasoning",
        "classification",
        "robotics",
        "planning",
        "x7",
    ];

    #[test]
    fn the_contract_s_models() {
        let figures = |model: &MetaModel| {
            (
                model.meta_accuracy.get().unwrap(),
                model.adaptation_speed.get().unwrap(),
                model.generalization_ability.get().unwrap(),
                model.computational_cost.as_ref().and_then(crate::tables::Float::get).unwrap(),
            )
        };
        let small = trained(&["maml"], &["text_generation"]);
        assert_eq!(figures(&small), (0.8, 0.88, 0.73, 10.0));
        assert_eq!(small.task_distributions.unwrap().0, json!({"text_generation": 0.95}));
        let large = trained(&["maml", "reptile", "meta_sgd"], &SEVEN);
        assert_eq!(figures(&large), (1.0, 1.0, 0.909_999_999_999_999_9, 30.0));
        assert_eq!(large.meta_features.unwrap().0.as_array().unwrap().len(), 14);
        let distributions = large.task_distributions.unwrap().0;
        assert_eq!(distributions["classification"], 0.1);
        assert_eq!(distributions["robotics"], 0.192_857_142_857_142_84);
        assert_eq!(distributions["x7"], 0.392_857_142_857_142_85);
        assert_eq!(figures(&trained(&[], &[])), (0.75, 0.8, 0.7, 0.0));
    }

    #[test]
    fn the_contract_s_adaptations() {
        let mut model = trained(&["maml"], &["text_generation"]);
        Adaptation::of(&model, 10).count_in(&mut model);
        Adaptation::of(&model, 1).count_in(&mut model);
        assert_eq!(model.deployment_count.get(), Some(2));
        assert!((model.success_rate.get().unwrap() - 0.532_224).abs() < 1e-12);
        let mut strong = trained(&["maml"], &SEVEN);
        let adapted = Adaptation::of(&strong, 50);
        assert_eq!(adapted.to_json()["convergence_achieved"], true);
        adapted.count_in(&mut strong);
        assert!((strong.success_rate.get().unwrap() - 0.7984).abs() < 1e-12);
    }

    #[test]
    fn of_a_target_named_twice_the_last_share_counts() {
        let distributions = task_distributions(&owned(&["a", "b", "a"]));
        assert_eq!(distributions.keys().collect::<Vec<_>>(), ["a", "b"]);
        let share = distributions["a"].as_f64().unwrap();
        assert!((share - (1.0 / 3.0 + 0.05)).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn trained_figures_are_shares(targets in prop::collection::vec("[a-z]{1,5}", 0..20)) {
            let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
            let model = trained(&[], &targets);
            for figure in [&model.meta_accuracy, &model.adaptation_speed, &model.generalization_ability] {
                prop_assert!((0.7..=1.0).contains(&figure.get().unwrap()));
            }
            let distributions = task_distributions(&owned(&targets));
            prop_assert!(distributions.values().all(|share| share.as_f64().unwrap() >= 0.1));
        }

        #[test]
        fn more_steps_never_adapt_worse(steps in 1..50_u8) {
            let model = trained(&["a"], &["reasoning"]);
            prop_assert!(Adaptation::of(&model, steps).success < Adaptation::of(&model, steps + 1).success);
        }

        #[test]
        fn the_running_mean_is_the_mean(values in prop::collection::vec(0.0..1.0_f64, 1..30)) {
            let (mut mean, mut count) = (0.0, 0_i64);
            for value in &values {
                mean = running_mean(mean, count, *value);
                count += 1;
            }
            let plain = values.iter().sum::<f64>() / as_figure(values.len());
            prop_assert!((mean - plain).abs() < 1e-9);
        }
    }
}
