//! Performance profiles: create, show, add metrics.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::{AGENT, Columns, row};
use crate::http::endpoint::LazyShape;
use crate::http::openapi::{of_columns, with};
use crate::http::{Action, Input, Reply};
use crate::logic::Denied;
use crate::logic::performance::profiles::{DEFAULT_TYPE, Measured, NewProfile};
use crate::tables::Record as _;
use crate::tables::performance::Profile;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("agent_id", Kind::text()),
        field("agent_type", Kind::text()).default(DEFAULT_TYPE),
        field("initial_metrics", Kind::map_of(Kind::AnyNumber)).default(json!({})),
    ])
});

static MEASURED: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("metrics", Kind::map_of(Kind::AnyNumber)),
        field("task_context", Kind::object()).optional(),
    ])
});

/// What is shown of every profile.
const BASE: &[&str] = &[
    "profile_id",
    "agent_id",
    "agent_type",
    "overall_score",
    "performance_metrics",
    "learning_strategies",
    "specialization_areas",
    "expertise_levels",
    "resource_efficiency",
    "cost_per_task",
    "throughput",
    "average_latency",
];

/// What is shown of a new profile.
static CREATED: Columns =
    LazyLock::new(|| [BASE, &["last_assessed", "created_at", "updated_at"]].concat());

/// What is shown of a profile.
static SHOWN: Columns = LazyLock::new(|| {
    let more = &[
        "performance_history",
        "improvement_trends",
        "benchmark_scores",
        "ranking_position",
        "percentile_rank",
        "last_assessed",
    ];
    [BASE, more].concat()
});

/// What is shown of a profile that metrics were added to.
const ADDED: &[&str] = &["profile_id", "overall_score", "updated_at", "improvement_trends"];

/// `POST /profiles`.
pub fn create() -> Action {
    let about = "Create the profile of an agent; the first one of an agent counts";
    Action::new(about, async |work: Work, mut input: Input| {
        let new: NewProfile = input.body()?;
        let mut writing = work.store.write().await?;
        let ids = writing.free_ids::<Profile>(|| work.id("perf_", 8)).await?;
        let profile = new.into_row(ids, work.now());
        writing.profile_insert(&profile).await?;
        writing.commit().await?;
        Ok(row(&profile, &CREATED))
    })
    .unguarded()
    .body(&NEW)
    .answers(|| of_columns(&Profile::TABLE, &CREATED))
}

/// `GET /profiles/{agent_id}`.
pub fn show() -> Action {
    Action::new("Show the profile of an agent", async |work: Work, input: Input| {
        let profile = work.store.profile_find(input.part(AGENT)).await?;
        let profile = profile.ok_or(Denied::NotFound("Profile"))?;
        Ok(row(&profile, &SHOWN))
    })
    .unguarded()
    .refuses(&[404])
    .answers(|| of_columns(&Profile::TABLE, &SHOWN))
}

/// `POST /profiles/{agent_id}/metrics`.
pub fn add() -> Action {
    let about = "Add what was measured of an agent; one without a profile gets its first";
    Action::new(about, async |work: Work, mut input: Input| {
        let measured: Measured = input.body()?;
        let mut writing = work.store.write().await?;
        let found = writing.profile_find(input.part(AGENT)).await?;
        let profile = if let Some(mut profile) = found {
            measured.add_to(&mut profile, work.now())?;
            writing.profile_update(&profile).await?;
            profile
        } else {
            let new = NewProfile {
                agent_id: input.part(AGENT).to_owned(),
                agent_type: DEFAULT_TYPE.to_owned(),
                initial_metrics: measured.metrics,
            };
            let ids = writing.free_ids::<Profile>(|| work.id("perf_", 8)).await?;
            let profile = new.into_row(ids, work.now());
            writing.profile_insert(&profile).await?;
            profile
        };
        writing.commit().await?;
        let mut answer = Map::from_iter([("success".to_owned(), Value::Bool(true))]);
        answer.extend(profile.shown(ADDED));
        Ok(Reply::ok(&Value::Object(answer)))
    })
    .unguarded()
    .parts(&MEASURED)
    .refuses(&[400])
    .answers(|| {
        let schema = of_columns(&Profile::TABLE, ADDED);
        with(schema, "success", json!({"type": "boolean"}))
    })
}
