//! What the monolith keeps about the creativity of agents.

use super::cell::{Float, Int, Json};
use super::column::table;
use crate::python::time::Stamp;

table! {
    /// What an agent can create in one domain, and how well.
    pub struct CreativeCapability => "creative_capabilities" {
        id: String [key],
        capability_id: String [unique],
        agent_id: String [indexed],
        creative_domain: String [up_to(50)],
        capability_type: String [up_to(50)],
        originality_score: Float,
        novelty_score: Float,
        aesthetic_quality: Float,
        coherence_score: Float,
        generation_models: Option<Json>,
        style_variety: Int,
        output_quality: Float,
        creative_learning_rate: Float,
        style_adaptation: Float,
        cross_domain_transfer: Float,
        creative_specializations: Option<Json>,
        tool_proficiency: Option<Json>,
        domain_knowledge: Option<Json>,
        creations_generated: Int,
        user_ratings: Option<Json>,
        expert_evaluations: Option<Json>,
        status: String,
        certification_level: Option<String>,
        last_evaluation: Option<Stamp>,
        created_at: Stamp,
        updated_at: Stamp,
        creative_profile_meta_data: Option<Json>,
        portfolio_samples: Option<Json>,
    }
}

table! {
    /// The domain of a capability, where nothing else of it is looked at.
    pub struct CreativeDomain => "creative_capabilities" {
        creative_domain: String,
    }
}
