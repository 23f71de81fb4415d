//! Synthesis across domains.

use std::sync::LazyLock;

use http::StatusCode;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::creativity::synthesis::{NoPrimaryDomain, Plan};
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

static PLAN: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("agent_id", Kind::text()),
        field("primary_domain", Kind::text()),
        field("secondary_domains", Kind::list_of(Kind::text())),
        field("synthesis_goal", Kind::text()),
    ])
});

/// `POST /synthesis/cross-domain`. The time that it pretends to take lies between reading and writing, so that nobody waits
/// for the database because of it.
pub fn generate() -> Action {
    let about = "Bring an agent's domains together by fixed patterns and chance; no model is asked";
    Action::new(about, async |work: Work, mut input: Input| {
        let plan: Plan = input.body()?;
        let means = plan.means(&work.store.creative_domains(&plan.agent_id).await?)?;
        tokio::time::sleep(work.compatibility().synthesis_time()).await;
        let answer = plan.answer(&means, work.chance());
        let mut writing = work.store.write().await?;
        for domain in &means.domains {
            writing.creative_transfer(&plan.agent_id, domain).await?;
        }
        writing.commit().await?;
        Ok(Reply::ok(&answer))
    })
    .unguarded()
    .body(&PLAN)
    .refuses(&[400])
    .answers(schema)
}

impl From<NoPrimaryDomain> for ApiError {
    fn from(why: NoPrimaryDomain) -> Self {
        Self::detail(StatusCode::BAD_REQUEST, why.to_string())
    }
}

fn schema() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": text});
    json!({
        "type": "object",
        "properties": {
            "goal": text,
            "primary_framework": text,
            "integrated_perspectives": texts,
            "synthesis_output": text,
            "synergy_score": {"type": "number"},
            "innovation_level": text,
            "suggested_applications": texts,
        },
        "required": [
            "goal", "primary_framework", "integrated_perspectives", "synthesis_output",
            "synergy_score", "innovation_level", "suggested_applications",
        ],
    })
}
