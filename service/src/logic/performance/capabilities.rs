//! Capabilities: what an agent can do, and how well.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::python::time::Stamp;
use crate::tables::Json;
use crate::tables::performance::Capability;

/// The highest level of skill.
pub const MOST_SKILL: f64 = 10.0;

/// What every capability is: the monolith promises a status and has no column for one.
pub const STATUS: &str = "active";

/// A capability as a client describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewCapability {
    agent_id: String,
    capability_name: String,
    capability_type: String,
    domain_area: String,
    skill_level: f64,
    specialization_areas: Vec<String>,
}

impl NewCapability {
    /// The row of this capability.
    pub fn into_row(self, [id, capability_id]: [String; 2], now: Stamp) -> Capability {
        let some = |value: Value| Some(Json(value));
        Capability {
            id,
            capability_id,
            agent_id: self.agent_id,
            capability_name: self.capability_name,
            capability_type: self.capability_type,
            domain_area: self.domain_area,
            skill_level: self.skill_level.into(),
            proficiency_score: proficiency(self.skill_level).into(),
            experience_years: 0.0.into(),
            performance_metrics: some(json!({})),
            success_rate: 0.0.into(),
            average_quality: 0.0.into(),
            learning_rate: 0.0.into(),
            adaptation_speed: 0.0.into(),
            knowledge_retention: 0.0.into(),
            specializations: some(json!(self.specialization_areas)),
            sub_capabilities: some(json!([])),
            tool_proficiency: some(json!({})),
            acquired_at: now,
            last_improved: None,
            improvement_count: 0.into(),
            certified: false,
            certification_level: None,
            last_validated: None,
            created_at: now,
            updated_at: now,
            capability_profile_meta_data: some(json!({})),
            training_history: some(json!([])),
        }
    }
}

/// A level of skill, 0 to [`MOST_SKILL`], as a share.
pub fn proficiency(skill_level: f64) -> f64 {
    (skill_level / MOST_SKILL).min(1.0)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the contract's figures are exact")]
mod tests {
    use proptest::prelude::*;

    use super::proficiency;

    #[test]
    fn the_contract_s_levels() {
        assert_eq!([7.5, 10.0, 0.0].map(proficiency), [0.75, 1.0, 0.0]);
    }

    proptest! {
        #[test]
        fn proficiency_is_a_share_and_grows_with_skill(a in 0.0..=10.0_f64, b in 0.0..=10.0_f64) {
            prop_assert!((0.0..=1.0).contains(&proficiency(a)));
            prop_assert!(proficiency(a.min(b)) <= proficiency(a.max(b)));
        }
    }
}
