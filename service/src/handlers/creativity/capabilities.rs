//! Creative capabilities: create, list, enhance, evaluate a creation.

use std::sync::LazyLock;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::openapi::{of_columns, of_table};
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::creativity::UnknownCapability;
use crate::logic::creativity::capabilities::NewCapability;
use crate::logic::creativity::enhancement;
use crate::logic::creativity::evaluation::Creation;
use crate::store::Writing;
use crate::tables::Record;
use crate::tables::creativity::CreativeCapability;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

/// The part of the path that names the capability.
const ID: &str = "capability_id";

/// Most entries of a list. The monolith shows all.
const MOST: i32 = 1000;

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("agent_id", Kind::text()),
        field("creative_domain", Kind::text()),
        field("capability_type", Kind::text()),
        field("generation_models", Kind::list_of(Kind::text())),
        field("initial_score", Kind::number_within(0.0, 1.0)).default(0.5),
    ])
});

static ENHANCE: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("algorithm", Kind::text()).default("divergent_thinking"),
        field("training_cycles", Kind::integer_within(1, 1000)).default(100),
    ])
});

static EVALUATE: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("creation_data", Kind::object()),
        field("expert_feedback", Kind::map_of(Kind::AnyNumber).or_null()).optional(),
    ])
});

static PAGE: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("limit", Kind::integer_within(1, MOST)).default(MOST),
        field("offset", Kind::integer_within(0, i32::MAX)).default(0),
    ])
});

#[derive(Debug, Deserialize)]
struct Enhance {
    algorithm: String,
    training_cycles: u16,
}

#[derive(Debug, Deserialize)]
struct Page {
    limit: u16,
    offset: u32,
}

/// What is shown of a new capability.
const CREATED: &[&str] = &[
    "capability_id",
    "agent_id",
    "creative_domain",
    "capability_type",
    "originality_score",
    "novelty_score",
    "aesthetic_quality",
    "coherence_score",
    "style_variety",
    "creative_specializations",
    "status",
];

/// `POST /capabilities`.
pub fn create() -> Action {
    let about = "Record what an agent can create in a domain";
    Action::new(about, async |work: Work, mut input: Input| {
        let new: NewCapability = input.body()?;
        let mut writing = work.store.write().await?;
        let ids = writing.free_ids::<CreativeCapability>(|| work.id("creative_", 8)).await?;
        let capability = new.into_row(ids, work.now());
        writing.creative_insert(&capability).await?;
        writing.commit().await?;
        Ok(Reply::ok(&Value::Object(capability.shown(CREATED))))
    })
    .unguarded()
    .body(&NEW)
    .answers(|| of_columns(&CreativeCapability::TABLE, CREATED))
}

/// `GET /capabilities/{agent_id}`.
pub fn list() -> Action {
    let about = "List what an agent can create, with every column";
    Action::new(about, async |work: Work, mut input: Input| {
        let Page { limit, offset } = input.query()?;
        let found = work.store.creative_list(input.part("agent_id"), limit, offset).await?;
        Ok(Reply::rows(&found))
    })
    .unguarded()
    .query(&PAGE)
    .answers(|| json!({"type": "array", "items": of_table(&CreativeCapability::TABLE)}))
}

/// `POST /capabilities/{capability_id}/enhance`.
pub fn enhance() -> Action {
    Action::new("Simulate the training of a capability", async |work: Work, mut input: Input| {
        let Enhance { algorithm, training_cycles } = input.body()?;
        let mut writing = work.store.write().await?;
        let mut capability = found(&mut writing, &input).await?;
        let (chance, now) = (work.chance(), work.now());
        let answer =
            enhancement::enhance(&mut capability, &algorithm, training_cycles, chance, now);
        writing.creative_update(&capability).await?;
        writing.commit().await?;
        Ok(Reply::ok(&answer))
    })
    .unguarded()
    .body(&ENHANCE)
    .refuses(&[404])
    .answers(enhanced)
}

/// `POST /capabilities/{capability_id}/evaluate`.
pub fn evaluate() -> Action {
    let about = "Score a creation by simple rules, chance and what experts say";
    Action::new(about, async |work: Work, mut input: Input| {
        let creation: Creation = input.body()?;
        let mut writing = work.store.write().await?;
        let mut capability = found(&mut writing, &input).await?;
        let id = work.id("create_", 8);
        let answer = creation.evaluate(&mut capability, work.chance(), id, work.now())?;
        writing.creative_update(&capability).await?;
        writing.commit().await?;
        Ok(Reply::ok(&answer))
    })
    .unguarded()
    .body(&EVALUATE)
    .refuses(&[400, 404])
    .answers(evaluated)
}

async fn found(writing: &mut Writing, input: &Input) -> Result<CreativeCapability, ApiError> {
    let id = input.part(ID);
    let found = writing.creative_find(id).await?;
    found.ok_or_else(|| UnknownCapability(id.to_owned()).into())
}

impl From<UnknownCapability> for ApiError {
    fn from(why: UnknownCapability) -> Self {
        Self::detail(StatusCode::NOT_FOUND, why.to_string())
    }
}

fn enhanced() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
    json!({
        "type": "object",
        "properties": {
            "success": {"type": "boolean"},
            "capability_id": text,
            "algorithm": text,
            "improvements": {"type": "object", "additionalProperties": number},
            "new_scores": {
                "type": "object",
                "properties": {
                    "originality": number,
                    "novelty": number,
                    "aesthetic": number,
                    "variety": {"type": "integer"},
                },
            },
            "status": text,
        },
        "required": ["success", "capability_id", "algorithm", "improvements", "new_scores", "status"],
    })
}

fn evaluated() -> Value {
    let (number, truth) = (json!({"type": "number"}), json!({"type": "boolean"}));
    json!({
        "type": "object",
        "properties": {
            "success": truth,
            "evaluation": {"type": "object", "additionalProperties": number},
            "capability_updated": truth,
            "new_aesthetic_quality": number,
        },
        "required": ["success", "evaluation", "capability_updated", "new_aesthetic_quality"],
    })
}
