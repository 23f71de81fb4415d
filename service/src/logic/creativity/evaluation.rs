//! Evaluating a creation: scores by simple rules and chance, corrected by experts. No model looks at the creation.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::Chance;
use crate::logic::Denied;
use crate::python::{number, repr, time::Stamp};
use crate::tables::creativity::CreativeCapability;
use crate::tables::{Float, Json};

/// What a creation is scored for, in the order of answers.
const METRICS: [&str; 6] =
    ["originality", "fluency", "flexibility", "elaboration", "aesthetic_value", "utility"];

/// How much of a score is the rules' own and how much the experts', where they have said something.
const WEIGHTS: (f64, f64) = (0.3, 0.7);

/// How fast a capability's own scores follow those of its creations.
const ALPHA: f64 = 0.1;

/// How many characters of content count as rich.
const RICH: f64 = 1000.0;

/// How many evaluations a capability remembers.
const KEPT: usize = 50;

/// A creation and what experts say of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Creation {
    creation_data: Map<String, Value>,
    #[serde(default)]
    expert_feedback: Option<Map<String, Value>>,
}

/// A score for each of the [`METRICS`].
type Scores = [f64; METRICS.len()];

impl Creation {
    /// Evaluates the creation, lets the capability learn from it, and gives the answer. `id` is for a creation that has
    /// none.
    pub fn evaluate(
        self,
        capability: &mut CreativeCapability,
        chance: &dyn Chance,
        id: String,
        now: Stamp,
    ) -> Result<Value, Denied> {
        let own = automatic(&capability.creative_domain, self.richness(), chance);
        let scores = corrected(own, self.expert_feedback.as_ref());
        let [originality, _, _, _, beauty, utility] = scores;
        let aesthetic = followed(&capability.aesthetic_quality, beauty * 5.0)?;
        capability.originality_score = followed(&capability.originality_score, originality)?.into();
        capability.aesthetic_quality = aesthetic.into();
        capability.coherence_score = followed(&capability.coherence_score, utility)?.into();
        let made = capability.creations_generated.get().unwrap_or(0);
        capability.creations_generated = made.saturating_add(1).into();
        let scores: Value = METRICS.into_iter().zip(scores.map(number::of)).collect();
        let record = json!({
            "timestamp": now.sent(),
            "creation_id": self.creation_data.get("id").cloned().unwrap_or(Value::String(id)),
            "scores": scores,
        });
        remember(capability, record);
        capability.last_evaluation = Some(now);
        Ok(json!({
            "success": true,
            "evaluation": scores,
            "capability_updated": true,
            "new_aesthetic_quality": aesthetic,
        }))
    }

    /// How rich the content is, as a share: by the length of what Python's `str` makes of it.
    fn richness(&self) -> f64 {
        let text = self.creation_data.get("content").map(repr::text).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "no body has 2^53 characters")]
        let length = text.chars().count() as f64;
        (length / RICH).min(1.0)
    }
}

/// What the rules and chance say of a creation in a domain.
fn automatic(domain: &str, richness: f64, chance: &dyn Chance) -> Scores {
    let structure = 0.5 + chance.between(-0.2, 0.3);
    let between = |low, high| chance.between(low, high);
    match domain {
        "artistic" => [
            between(0.6, 0.95),
            richness,
            between(0.5, 0.8),
            structure,
            between(0.7, 0.9),
            between(0.4, 0.7),
        ],
        "innovation" => [
            between(0.7, 0.9),
            structure,
            between(0.6, 0.9),
            richness,
            between(0.5, 0.8),
            between(0.8, 0.95),
        ],
        _ => METRICS.map(|_| between(0.5, 0.9)),
    }
}

/// The scores, drawn towards what experts say. What they say of anything else is not heard.
fn corrected(own: Scores, experts: Option<&Map<String, Value>>) -> Scores {
    let mut scores = own;
    for (score, metric) in scores.iter_mut().zip(METRICS) {
        let theirs = experts.and_then(|experts| experts.get(metric)).and_then(number::as_f64);
        if let Some(theirs) = theirs {
            *score = *score * WEIGHTS.0 + theirs * WEIGHTS.1;
        }
    }
    scores
}

/// The moving average of a capability's score after one more creation.
fn followed(score: &Float, new: f64) -> Result<f64, Denied> {
    let followed = (1.0 - ALPHA) * score.get().unwrap_or(0.0) + ALPHA * new;
    // Experts are not bound to any range, but no column holds what is no number.
    let fits = (!followed.is_nan()).then_some(followed);
    fits.ok_or(Denied::Refused("The expert feedback comes to no number"))
}

fn remember(capability: &mut CreativeCapability, record: Value) {
    let mut records = match capability.expert_evaluations.take() {
        Some(Json(Value::Array(records))) => records,
        _ => Vec::new(),
    };
    records.push(record);
    records.drain(..records.len().saturating_sub(KEPT));
    capability.expert_evaluations = Some(Json(Value::Array(records)));
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the contract's figures are exact")]
mod tests {
    use proptest::prelude::*;

    use super::super::capabilities::tests::{capability, now};
    use super::*;
    use crate::testing::SeededChance;

    fn creation(body: Value) -> Creation {
        serde_json::from_value(body).unwrap()
    }

    fn evaluate(row: &mut CreativeCapability, body: Value, seed: u64) -> Value {
        let chance = SeededChance::new(seed);
        creation(body).evaluate(row, &chance, "create_1".to_owned(), now()).unwrap()
    }

    #[test]
    fn content_counts_by_the_length_of_python_s_text() {
        for (content, richness) in [
            (json!("x".repeat(400)), 0.4),
            (json!("ü".repeat(2000)), 1.0),
            (json!(null), 0.004),
            (json!([1, "a"]), 0.008),
        ] {
            let creation = creation(json!({"creation_data": {"content": content}}));
            assert_eq!(creation.richness(), richness);
        }
        assert_eq!(creation(json!({"creation_data": {}})).richness(), 0.0);
    }

    #[test]
    fn experts_weigh_more_and_only_on_what_is_scored() {
        let experts = json!({"originality": 1.0, "utility": 0.0, "made_up": 0.3});
        let scores = corrected([0.5; 6], experts.as_object());
        let expected = [0.85, 0.5, 0.5, 0.5, 0.5, 0.15];
        assert!(scores.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{scores:?}");
        let mut row = capability("artistic", 0.5);
        let mut said = |metric: &str, figure: &str| {
            let experts = json!({metric: number::hold(figure)});
            let body = json!({"creation_data": {}, "expert_feedback": experts});
            creation(body).evaluate(&mut row, &SeededChance::new(1), String::new(), now())
        };
        assert!(said("aesthetic_value", "NaN").is_err());
        assert_eq!(said("fluency", "NaN").unwrap()["evaluation"]["fluency"], number::hold("NaN"));
        assert!(said("utility", "Infinity").is_ok());
        assert_eq!(row.coherence_score.get(), Some(f64::INFINITY));
    }

    #[test]
    fn a_creation_is_remembered_with_its_id_and_the_oldest_is_forgotten() {
        let mut row = capability("artistic", 0.5);
        for i in 0..KEPT + 3 {
            evaluate(&mut row, json!({"creation_data": {"id": i}}), 1);
        }
        let answer = evaluate(&mut row, json!({"creation_data": {}}), 1);
        let records = row.expert_evaluations.unwrap().0;
        assert_eq!(records.as_array().unwrap().len(), KEPT);
        assert_eq!(records[0]["creation_id"], 4);
        assert_eq!(records[49]["creation_id"], "create_1");
        assert_eq!(records[49]["scores"], answer["evaluation"]);
        assert_eq!(row.creations_generated.get(), Some(54));
        assert_eq!(row.last_evaluation, Some(now()));
    }

    proptest! {
        #[test]
        fn scores_are_within_the_domain_s_ranges(seed in any::<u64>(), richness in 0.0..=1.0_f64) {
            let chance = SeededChance::new(seed);
            let within = |scores: Scores, ranges: [(f64, f64); 6]| {
                scores.iter().zip(ranges).all(|(score, (low, high))| (low..=high).contains(score))
            };
            let (structure, rich) = ((0.3, 0.8), (richness, richness));
            prop_assert!(within(
                automatic("artistic", richness, &chance),
                [(0.6, 0.95), rich, (0.5, 0.8), structure, (0.7, 0.9), (0.4, 0.7)],
            ));
            prop_assert!(within(
                automatic("innovation", richness, &chance),
                [(0.7, 0.9), structure, (0.6, 0.9), rich, (0.5, 0.8), (0.8, 0.95)],
            ));
            prop_assert!(within(automatic("cooking", richness, &chance), [(0.5, 0.9); 6]));
        }

        #[test]
        fn a_capability_follows_by_a_tenth(seed in any::<u64>(), score in 0.0..=1.0_f64) {
            let mut row = capability("narrative", score);
            let answer = evaluate(&mut row, json!({"creation_data": {}}), seed);
            let of = |name: &str| answer["evaluation"][name].as_f64().unwrap();
            let near = |found: &Float, expected: f64| (found.get().unwrap() - expected).abs() < 1e-12;
            prop_assert!(near(&row.originality_score, 0.9 * score + 0.1 * of("originality")));
            prop_assert!(near(&row.coherence_score, 0.9 * (1.1 * score) + 0.1 * of("utility")));
            prop_assert!(near(&row.aesthetic_quality, 0.9 * (5.0 * score) + 0.5 * of("aesthetic_value")));
        }
    }
}
