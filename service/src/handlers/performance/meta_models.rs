//! Meta-learning models: create, list, adapt.

use std::sync::LazyLock;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Columns, limit, row, rows};
use crate::handlers::check_filter;
use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_columns};
use crate::http::{Action, ApiError, Input, Reply};
use crate::logic::performance::meta_learning::{
    Adaptation, NewModel, READY, STATUSES, Unadaptable,
};
use crate::store::meta_models::MetaModelFilter;
use crate::tables::Record as _;
use crate::tables::own::MetaTraining;
use crate::tables::performance::{LearningStrategy, MetaModel};
use crate::validation::{Kind, Shape, field};
use crate::work::{Effect, Work};

/// The part of the path that names the model.
const ID: &str = "model_id";

static NEW: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("model_name", Kind::text()),
        field("base_algorithms", Kind::list_of(Kind::text())),
        field("meta_strategy", Kind::Choice(LearningStrategy::WORDS)),
        field("adaptation_targets", Kind::list_of(Kind::text())),
    ])
});

static FILTER: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("status", Kind::text()).filter(),
        field("meta_strategy", Kind::Choice(LearningStrategy::WORDS)).filter(),
        limit(50),
    ])
});

static STEPS: LazyShape = LazyLock::new(|| {
    Shape::new([field("adaptation_steps", Kind::integer_within(1, 50)).default(10)])
});

#[derive(Debug, Deserialize)]
struct Filter {
    status: Option<String>,
    meta_strategy: Option<LearningStrategy>,
    limit: u8,
}

#[derive(Debug, Deserialize)]
struct Steps {
    adaptation_steps: u8,
}

/// What is shown of every model.
const BASE: &[&str] = &[
    "model_id",
    "model_name",
    "model_type",
    "meta_strategy",
    "adaptation_targets",
    "meta_accuracy",
    "adaptation_speed",
    "generalization_ability",
    "status",
];

/// What is shown of a new model.
static CREATED: Columns = LazyLock::new(|| [BASE, &["created_at", "trained_at"]].concat());

/// What is shown of each model of a list.
static LISTED: Columns = LazyLock::new(|| {
    [BASE, &["deployment_count", "success_rate", "created_at", "trained_at"]].concat()
});

/// `POST /meta-learning/models`: records the model; its training ends at once, after the answer.
pub fn create() -> Action {
    let about = "Create a model, whose simulated training ends at once";
    Action::new(about, async |work: Work, mut input: Input| {
        let new: NewModel = input.body()?;
        let mut writing = work.store.write().await?;
        let ids = writing.free_ids::<MetaModel>(|| work.id("meta_", 8)).await?;
        let model = new.into_row(ids, work.now());
        let training =
            MetaTraining { model_id: model.model_id.clone(), recorded_at: model.created_at };
        writing.meta_model_insert(&model).await?;
        writing.meta_training_insert(&training).await?;
        writing.commit().await?;
        work.afterwards(Effect::WakeMetaTrainer);
        Ok(row(&model, &CREATED))
    })
    .unguarded()
    .body(&NEW)
    .answers(|| of_columns(&MetaModel::TABLE, &CREATED))
}

/// `GET /meta-learning/models`.
pub fn list() -> Action {
    Action::new("List models, newest first", async |work: Work, mut input: Input| {
        let Filter { status, meta_strategy, limit } = input.query()?;
        check_filter(&work, "status", status.as_deref(), STATUSES)?;
        let filter = MetaModelFilter { status, meta_strategy, limit };
        let found = work.store.meta_model_list(&filter).await?;
        Ok(rows(&found, &LISTED))
    })
    .unguarded()
    .query(&FILTER)
    .answers(|| list_of(&of_columns(&MetaModel::TABLE, &LISTED)))
}

/// `POST /meta-learning/models/{model_id}/adapt`.
pub fn adapt() -> Action {
    let about = "Adapt a model to a task; simulated, and the task is not looked at";
    Action::new(about, async |work: Work, mut input: Input| {
        let Steps { adaptation_steps } = input.query()?;
        let id = input.part(ID).to_owned();
        let mut writing = work.store.write().await?;
        let mut model =
            writing.meta_model_find(&id).await?.ok_or_else(|| Unadaptable::Unknown(id.clone()))?;
        if model.status != READY {
            return Err(Unadaptable::NotReady(id).into());
        }
        let adaptation = Adaptation::of(&model, adaptation_steps);
        adaptation.count_in(&mut model);
        writing.meta_model_update(&model).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({
            "success": true,
            "model_id": id,
            "adaptation_results": adaptation.to_json(),
            "adapted_at": work.now().aware(),
        })))
    })
    .unguarded()
    .query(&STEPS)
    .any_object()
    .refuses(&[404])
    .answers(adapted)
}

impl From<Unadaptable> for ApiError {
    fn from(why: Unadaptable) -> Self {
        Self::detail(StatusCode::NOT_FOUND, why.to_string())
    }
}

fn adapted() -> Value {
    let (number, truth) = (json!({"type": "number"}), json!({"type": "boolean"}));
    json!({
        "type": "object",
        "properties": {
            "success": truth,
            "model_id": {"type": "string"},
            "adaptation_results": {
                "type": "object",
                "properties": {
                    "success": number,
                    "adaptation_time": number,
                    "steps_used": {"type": "integer"},
                    "final_performance": number,
                    "convergence_achieved": truth,
                },
            },
            "adapted_at": {"type": "string", "format": "date-time"},
        },
        "required": ["success", "model_id", "adaptation_results", "adapted_at"],
    })
}
