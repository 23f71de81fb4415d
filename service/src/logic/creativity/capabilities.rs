//! Creative capabilities: what a new one is.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::python::time::Stamp;
use crate::tables::Json;
use crate::tables::creativity::CreativeCapability;

/// How much of a gain each hundred cycles of training bring a new capability.
const LEARNING_RATE: f64 = 0.05;

/// A capability as a client describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewCapability {
    agent_id: String,
    creative_domain: String,
    capability_type: String,
    generation_models: Vec<String>,
    initial_score: f64,
}

impl NewCapability {
    /// The row of this capability. Its scores follow from the one that it begins with, a share.
    pub fn into_row(self, [id, capability_id]: [String; 2], now: Stamp) -> CreativeCapability {
        let some = |value: Value| Some(Json(value));
        let score = self.initial_score;
        CreativeCapability {
            id,
            capability_id,
            agent_id: self.agent_id,
            creative_specializations: some(json!(specializations(&self.creative_domain))),
            creative_domain: self.creative_domain,
            capability_type: self.capability_type,
            originality_score: score.into(),
            novelty_score: (score * 0.9).into(),
            aesthetic_quality: (score * 5.0).into(),
            coherence_score: (score * 1.1).into(),
            generation_models: some(json!(self.generation_models)),
            style_variety: 1.into(),
            output_quality: 0.0.into(),
            creative_learning_rate: LEARNING_RATE.into(),
            style_adaptation: 0.0.into(),
            cross_domain_transfer: 0.0.into(),
            tool_proficiency: some(json!({})),
            domain_knowledge: some(json!({})),
            creations_generated: 0.into(),
            user_ratings: some(json!([])),
            expert_evaluations: some(json!([])),
            status: "developing".to_owned(),
            certification_level: None,
            last_evaluation: None,
            created_at: now,
            updated_at: now,
            creative_profile_meta_data: some(json!({})),
            portfolio_samples: some(json!([])),
        }
    }
}

/// The fields of a domain.
pub fn specializations(domain: &str) -> &'static [&'static str] {
    match domain {
        "artistic" => &["visual_arts", "music_composition", "literary_arts"],
        "design" => &["ui_ux", "product_design", "architectural"],
        "innovation" => &["problem_solving", "product_innovation", "process_innovation"],
        "scientific" => &["hypothesis_generation", "experimental_design"],
        "narrative" => &["storytelling", "world_building", "character_development"],
        _ => &["general_creativity"],
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the contract's figures are exact")]
pub(super) mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    pub(in crate::logic::creativity) fn now() -> Stamp {
        Stamp::of(DateTime::from_timestamp_micros(1_795_341_600_000_001).unwrap())
    }

    pub(in crate::logic::creativity) fn capability(domain: &str, score: f64) -> CreativeCapability {
        let new = json!({
            "agent_id": "cr1", "creative_domain": domain, "capability_type": "generative",
            "generation_models": ["gpt", "sd"], "initial_score": score,
        });
        let new: NewCapability = serde_json::from_value(new).unwrap();
        new.into_row(["creative_1".to_owned(), "creative_2".to_owned()], now())
    }

    fn scores(row: &CreativeCapability) -> [f64; 4] {
        [&row.originality_score, &row.novelty_score, &row.aesthetic_quality, &row.coherence_score]
            .map(|score| score.get().unwrap())
    }

    #[test]
    fn the_contract_s_capabilities() {
        assert_eq!(scores(&capability("artistic", 0.5)), [0.5, 0.45, 2.5, 0.55]);
        assert_eq!(scores(&capability("design", 0.9)), [0.9, 0.81, 4.5, 0.990_000_000_000_000_1]);
        assert_eq!(scores(&capability("scientific", 1.0)), [1.0, 0.9, 5.0, 1.1]);
        assert_eq!(specializations("cooking"), ["general_creativity"]);
        assert_eq!(specializations("scientific").len(), 2);
    }

    proptest! {
        #[test]
        fn scores_are_within_what_the_first_allows(score in 0.0..=1.0_f64) {
            let [originality, novelty, aesthetic, coherence] = scores(&capability("x", score));
            prop_assert!(originality == score && novelty <= originality && originality <= coherence);
            prop_assert!((0.0..=5.0).contains(&aesthetic) && coherence <= 1.1 + 1e-12);
        }
    }
}
