//! Enhancing a capability: what some cycles of training with an algorithm gain. Training is simulated.

use serde_json::{Map, Value, json};

use crate::clock::Chance;
use crate::python::time::Stamp;
use crate::tables::creativity::CreativeCapability;
use crate::tables::{Float, Json};

/// What training gains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gains {
    originality: f64,
    novelty: f64,
    /// Of a scale to 5.
    aesthetic: f64,
    variety: i64,
    /// A figure that only this algorithm has, and its name.
    special: (&'static str, f64),
}

impl Gains {
    /// What `cycles` (1 to 1000) of training with an algorithm gain at a learning rate. An unknown name means
    /// `divergent_thinking`.
    pub fn of(algorithm: &str, rate: f64, cycles: u16, chance: &dyn Chance) -> Self {
        let n = f64::from(cycles);
        match algorithm {
            "conceptual_blending" => {
                let gain = rate * (n / 80.0) * chance.between(0.9, 1.3);
                let special = ("blending_efficiency", chance.between(0.15, 0.35));
                Self::scaled(gain, [0.7, 1.0, 1.5], whole(n / 60.0), special)
            }
            "morphological_analysis" => {
                let special = ("systematic_coverage", chance.between(0.2, 0.4));
                Self::scaled(rate * (n / 100.0), [0.9, 1.1, 1.0], whole(n / 40.0), special)
            }
            "lateral_thinking" => {
                let gain = rate * (n / 90.0) * chance.between(0.7, 1.5);
                let special = ("perspective_shifts", chance.between(0.2, 0.5));
                Self::scaled(gain, [1.3, 1.2, 0.8], whole(n / 50.0), special)
            }
            "bisociation" => {
                let gain = rate * (n / 120.0) * chance.between(0.8, 1.4);
                let special = ("cross_domain_links", chance.between(0.1, 0.4));
                Self::scaled(gain, [1.4, 1.3, 1.2], whole(n / 70.0), special)
            }
            _divergent_thinking => {
                let gain = rate * (n / 100.0) * chance.between(0.8, 1.2);
                let variety = whole((n / 50.0).max(1.0) * chance.between(0.5, 1.5));
                let special = ("fluency_improvement", chance.between(0.1, 0.3));
                Self::scaled(gain, [1.0, 0.8, 2.0], variety, special)
            }
        }
    }

    fn scaled(gain: f64, scale: [f64; 3], variety: i64, special: (&'static str, f64)) -> Self {
        let [originality, novelty, aesthetic] = scale.map(|scale| gain * scale);
        Self { originality, novelty, aesthetic, variety, special }
    }

    /// The gains as an answer shows them.
    fn to_json(self) -> Value {
        let (special, figure) = self.special;
        let gains: [(&str, Value); 5] = [
            ("originality_gain", self.originality.into()),
            ("novelty_gain", self.novelty.into()),
            ("aesthetic_gain", self.aesthetic.into()),
            ("variety_gain", self.variety.into()),
            (special, figure.into()),
        ];
        gains.into_iter().collect()
    }
}

/// Without the fraction. The figures here lie between 0 and 30.
fn whole(figure: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is meant to be cut")]
    let whole = figure as i64;
    whole
}

/// Enhances a capability, and gives the answer to the request.
pub fn enhance(
    capability: &mut CreativeCapability,
    algorithm: &str,
    cycles: u16,
    chance: &dyn Chance,
    now: Stamp,
) -> Value {
    let rate = capability.creative_learning_rate.get().unwrap_or(0.0);
    let gains = Gains::of(algorithm, rate, cycles, chance);
    let originality = raised(&capability.originality_score, gains.originality, 1.0);
    let novelty = raised(&capability.novelty_score, gains.novelty, 1.0);
    let aesthetic = raised(&capability.aesthetic_quality, gains.aesthetic, 5.0);
    let variety = capability.style_variety.get().unwrap_or(0).saturating_add(gains.variety);
    capability.originality_score = originality.into();
    capability.novelty_score = novelty.into();
    capability.aesthetic_quality = aesthetic.into();
    capability.style_variety = variety.into();
    if let Some(status) = earned(originality, aesthetic) {
        status.clone_into(&mut capability.status);
    }
    let last = json!({
        "algorithm": algorithm,
        "cycles": cycles,
        "results": gains.to_json(),
        "timestamp": now.sent(),
    });
    note(capability, last);
    capability.updated_at = now;
    json!({
        "success": true,
        "capability_id": capability.capability_id,
        "algorithm": algorithm,
        "improvements": gains.to_json(),
        "new_scores": {
            "originality": originality,
            "novelty": novelty,
            "aesthetic": aesthetic,
            "variety": variety,
        },
        "status": capability.status,
    })
}

fn raised(score: &Float, gain: f64, most: f64) -> f64 {
    (score.get().unwrap_or(0.0) + gain).min(most)
}

/// The status that scores earn; with less a capability keeps the one it has.
fn earned(originality: f64, aesthetic: f64) -> Option<&'static str> {
    if originality > 0.8 && aesthetic > 4.0 {
        Some("certified")
    } else if originality > 0.6 {
        Some("ready")
    } else {
        None
    }
}

fn note(capability: &mut CreativeCapability, last: Value) {
    let mut notes = match capability.creative_profile_meta_data.take() {
        Some(Json(Value::Object(map))) => map,
        _ => Map::new(),
    };
    notes.insert("last_enhancement".to_owned(), last);
    capability.creative_profile_meta_data = Some(Json(Value::Object(notes)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::capabilities::tests::{capability, now};
    use super::*;
    use crate::testing::SeededChance;

    const NAMES: [&str; 6] = [
        "divergent_thinking",
        "conceptual_blending",
        "morphological_analysis",
        "lateral_thinking",
        "bisociation",
        "unknown_algorithm",
    ];

    #[test]
    fn what_the_contract_leaves_to_no_chance() {
        let chance = SeededChance::new(1);
        let mut row = capability("design", 0.9);
        let answer = enhance(&mut row, "morphological_analysis", 1000, &chance, now());
        let gains = answer["improvements"].as_object().unwrap();
        assert_eq!(
            gains.keys().collect::<Vec<_>>(),
            [
                "originality_gain",
                "novelty_gain",
                "aesthetic_gain",
                "variety_gain",
                "systematic_coverage"
            ]
        );
        assert_eq!(
            (&gains["originality_gain"], &gains["novelty_gain"], &gains["variety_gain"]),
            (&json!(0.45), &json!(0.55), &json!(25))
        );
        assert_eq!(
            answer["new_scores"],
            json!({"originality": 1.0, "novelty": 1.0, "aesthetic": 5.0, "variety": 26})
        );
        assert_eq!((&answer["status"], row.status.as_str()), (&json!("certified"), "certified"));
        let notes = row.creative_profile_meta_data.unwrap().0;
        assert_eq!(notes["last_enhancement"]["results"], answer["improvements"]);
        assert_eq!(notes["last_enhancement"]["timestamp"], now().sent());

        let mut row = capability("innovation", 0.2);
        let answer = enhance(&mut row, "morphological_analysis", 1, &chance, now());
        assert_eq!(answer["improvements"]["originality_gain"], 0.000_450_000_000_000_000_04);
        assert_eq!(answer["new_scores"]["novelty"], 0.180_550_000_000_000_02);
        assert_eq!(
            (&answer["new_scores"]["variety"], &answer["status"]),
            (&json!(1), &json!("developing"))
        );
    }

    #[test]
    fn a_status_is_earned() {
        assert_eq!(earned(0.81, 4.1), Some("certified"));
        assert_eq!(earned(0.81, 4.0), Some("ready"));
        assert_eq!(earned(0.6, 5.0), None);
    }

    proptest! {
        #[test]
        fn gains_are_within_their_ranges(seed in any::<u64>(), cycles in 1..=1000_u16, name in 0..NAMES.len()) {
            let gains = Gains::of(NAMES[name], 0.05, cycles, &SeededChance::new(seed));
            let n = f64::from(cycles);
            // The gain that the others are scaled from, and its range for each cycle.
            let (gain, low, high) = match NAMES[name] {
                "conceptual_blending" => (gains.novelty, 0.9 / 80.0, 1.3 / 80.0),
                "morphological_analysis" => (gains.aesthetic, 1.0 / 100.0, 1.0 / 100.0),
                "lateral_thinking" => (gains.originality / 1.3, 0.7 / 90.0, 1.5 / 90.0),
                "bisociation" => (gains.originality / 1.4, 0.8 / 120.0, 1.4 / 120.0),
                _ => (gains.originality, 0.8 / 100.0, 1.2 / 100.0),
            };
            prop_assert!((0.05 * n * low - 1e-12..=0.05 * n * high + 1e-12).contains(&gain));
            prop_assert!((0..=30).contains(&gains.variety));
            prop_assert!((0.1..=0.5).contains(&gains.special.1));
        }

        #[test]
        fn scores_never_fall_and_never_pass_their_bounds(
            seed in any::<u64>(),
            score in 0.0..=1.0_f64,
            cycles in 1..=1000_u16,
            name in 0..NAMES.len(),
        ) {
            let mut row = capability("artistic", score);
            let chance = SeededChance::new(seed);
            let answer = enhance(&mut row, NAMES[name], cycles, &chance, now());
            let new = |name: &str| answer["new_scores"][name].as_f64().unwrap();
            prop_assert!((score..=1.0).contains(&new("originality")));
            prop_assert!((score * 0.9..=1.0).contains(&new("novelty")));
            prop_assert!((score * 5.0..=5.0).contains(&new("aesthetic")));
            prop_assert!(new("variety") >= 1.0);
        }
    }
}
