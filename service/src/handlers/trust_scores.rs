//! Trust scores: list, show, and the update by an execution's outcome.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::openapi::of_table;
use crate::http::{Action, Input, Reply};
use crate::logic::Denied;
use crate::logic::trust_scores::{self, Outcome};
use crate::python::number;
use crate::store::trust_scores::TrustFilter;
use crate::tables::Record;
use crate::tables::security::TrustScore;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

static FILTER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("entity_type", Kind::text()).optional(),
        field("entity_id", Kind::text()).optional(),
        field("min_score", Kind::AnyNumber).optional(),
        field("max_score", Kind::AnyNumber).optional(),
        field("limit", Kind::integer()).default(100),
        field("offset", Kind::integer()).default(0),
    ])
});

#[derive(Debug, Deserialize)]
struct Query {
    entity_type: Option<String>,
    entity_id: Option<String>,
    min_score: Option<Value>,
    max_score: Option<Value>,
    limit: i64,
    offset: i64,
}

static OUTCOME: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("execution_success", Kind::Boolean),
        field("execution_time", Kind::AnyNumber).optional(),
        field("security_violation", Kind::Boolean).default(false),
        field("policy_violation", Kind::Boolean).default(false),
    ])
});

#[derive(Debug, Deserialize)]
struct Told {
    execution_success: bool,
    execution_time: Option<Value>,
    security_violation: bool,
    policy_violation: bool,
}

/// `GET /security/trust-scores`.
pub fn list() -> Action {
    Action::new("List trust scores, highest first", async |work: Work, mut input: Input| {
        let query: Query = input.query()?;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let filter = TrustFilter {
            entity_type: given(query.entity_type),
            entity_id: given(query.entity_id),
            min_score: query.min_score.as_ref().and_then(number::as_f64),
            max_score: query.max_score.as_ref().and_then(number::as_f64),
            limit: query.limit,
            offset: query.offset,
        };
        let found = work.store.trust_list(&filter).await?;
        Ok(Reply::rows(&found))
    })
    .query(&FILTER)
    .answers(list_schema)
}

/// `GET /security/trust-scores/{entity_type}/{entity_id}`.
pub fn show() -> Action {
    Action::new("Show the trust score of an entity", async |work: Work, input: Input| {
        let (kind, id) = entity(&input);
        let found = work.store.trust_find(kind, id).await?;
        Ok(Reply::ok(&found.ok_or(Denied::NotFound("Trust score"))?.to_json()))
    })
    .refuses(&[404])
    .answers(schema)
}

/// `POST /security/trust-scores/{entity_type}/{entity_id}/update`.
pub fn update() -> Action {
    Action::new("Count the outcome of an execution", async |work: Work, mut input: Input| {
        let told: Told = input.query()?;
        let outcome = Outcome {
            success: told.execution_success,
            seconds: told.execution_time.as_ref().and_then(number::as_f64),
            security_violation: told.security_violation,
            policy_violation: told.policy_violation,
        };
        let (kind, id) = entity(&input);
        let mut writing = work.store.write().await?;
        let known = writing.trust_find(kind, id).await?;
        let now = work.now();
        let is_new = known.is_none();
        let mut score = if let Some(score) = known {
            score
        } else {
            let own_id = writing.free_id::<TrustScore>(|| work.id("trust_", 8)).await?;
            trust_scores::unknown(kind, id, own_id, now)
        };
        trust_scores::update(&mut score, outcome, now)?;
        if is_new {
            writing.trust_insert(&score).await?;
        } else {
            writing.trust_update(&score).await?;
        }
        let event = trust_scores::updated(&score, outcome, input.caller.clone());
        writing.audit(&work, event).await?;
        writing.commit().await?;
        Ok(Reply::ok(&score.to_json()))
    })
    .query(&OUTCOME)
    .refuses(&[409])
    .answers(schema)
}

fn entity(input: &Input) -> (&str, &str) {
    (input.part("entity_type"), input.part("entity_id"))
}

fn schema() -> Value {
    of_table(&TrustScore::TABLE)
}

fn list_schema() -> Value {
    json!({"type": "array", "items": schema()})
}
