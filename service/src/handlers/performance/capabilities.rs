//! Capabilities: create, list.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{AGENT, limit};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_columns, with};
use crate::http::{Action, Input, Reply};
use crate::logic::performance::capabilities::{MOST_SKILL, NewCapability, STATUS};
use crate::store::performance::CapabilityFilter;
use crate::tables::Record as _;
use crate::tables::column::ColumnValue as _;
use crate::tables::performance::Capability;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("agent_id", Kind::text()),
        field("capability_name", Kind::text()),
        field("capability_type", Kind::text()),
        field("domain_area", Kind::text()),
        field("skill_level", Kind::number_within(0.0, MOST_SKILL)),
        field("specialization_areas", Kind::list_of(Kind::text())).default(json!([])),
    ])
});

static FILTER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("capability_type", Kind::text()).filter(),
        field("domain_area", Kind::text()).filter(),
        limit(50),
    ])
});

#[derive(Debug, Deserialize)]
struct Filter {
    capability_type: Option<String>,
    domain_area: Option<String>,
    limit: u8,
}

/// What is shown of a new capability, besides what [`show`] adds.
const CREATED: &[&str] = &[
    "capability_id",
    "agent_id",
    "capability_name",
    "capability_type",
    "domain_area",
    "skill_level",
    "proficiency_score",
    "created_at",
];

/// What is shown of each capability of a list, besides what [`show`] adds.
const LISTED: &[&str] = &[
    "capability_id",
    "agent_id",
    "capability_name",
    "capability_type",
    "domain_area",
    "skill_level",
    "proficiency_score",
    "experience_years",
    "success_rate",
    "average_quality",
    "learning_rate",
    "adaptation_speed",
    "sub_capabilities",
    "tool_proficiency",
    "certified",
    "certification_level",
    "acquired_at",
    "last_improved",
];

/// Some columns, and two things that the API calls otherwise than the table or has no column for.
fn show(capability: &Capability, names: &[&str]) -> Value {
    let mut shown = capability.shown(names);
    let areas = capability.specializations.to_json();
    shown.insert("specialization_areas".to_owned(), areas);
    shown.insert("status".to_owned(), STATUS.into());
    Value::Object(shown)
}

fn schema(names: &[&str]) -> Value {
    let areas = json!({"type": "array", "items": {"type": "string"}});
    let shown = with(of_columns(&Capability::TABLE, names), "specialization_areas", areas);
    with(shown, "status", json!({"type": "string"}))
}

/// `POST /capabilities`.
pub fn create() -> Action {
    Action::new("Record what an agent can do", async |work: Work, mut input: Input| {
        let new: NewCapability = input.body()?;
        let mut writing = work.store.write().await?;
        let ids = writing.free_ids::<Capability>(|| work.id("cap_", 8)).await?;
        let capability = new.into_row(ids, work.now());
        writing.capability_insert(&capability).await?;
        writing.commit().await?;
        Ok(Reply::ok(&show(&capability, CREATED)))
    })
    .unguarded()
    .body(&NEW)
    .answers(|| schema(CREATED))
}

/// `GET /capabilities/{agent_id}`.
pub fn list() -> Action {
    let about = "List what an agent can do, highest skill first";
    Action::new(about, async |work: Work, mut input: Input| {
        let Filter { capability_type, domain_area, limit } = input.query()?;
        let filter = CapabilityFilter { capability_type, domain_area, limit };
        let found = work.store.capability_list(input.part(AGENT), &filter).await?;
        Ok(Reply::ok(&found.iter().map(|row| show(row, LISTED)).collect()))
    })
    .unguarded()
    .query(&FILTER)
    .answers(|| list_of(&schema(LISTED)))
}
