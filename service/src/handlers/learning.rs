//! Reinforcement learning: learners, their trainings, and what they have learned.

use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::endpoint::LazyShape;
use crate::http::openapi::{list_of, of_table, with};
use crate::http::paging::page;
use crate::http::{Action, ApiError, Input, Reply};
use crate::learning::environment::FEATURE_NAMES;
use crate::learning::{Algorithm, Environment, Policy, evaluation};
use crate::logic::Denied;
use crate::logic::learning::{
    self, KEPT_TRAININGS, MOST_LEARNERS, NewLearner, NewTraining, SentState,
};
use crate::store::Page;
use crate::store::learners::LearnerFilter;
use crate::tables::column::Record as _;
use crate::tables::own::learning::{Learner, Model, Training};
use crate::validation::kind::Bounds;
use crate::validation::{Kind, Shape, field};
use crate::work::{Effect, Work};

/// The part of the path that names the learner.
const LEARNER: &str = "learner_id";

/// The part of the path that names the training.
const TRAINING: &str = "training_id";

static NEW: LazyShape = LazyLock::new(|| {
    let settings = Shape::new([
        field("max_episodes", episodes()).optional(),
        field("hidden_size", Kind::integer_within(16, 512)).optional(),
        field("learning_rate", within(1e-5, 0.05)).optional(),
        field("discount_factor", within(0.0, 0.999)).optional(),
        field("batch_size", Kind::integer_within(16, 256)).optional(),
    ]);
    Shape::new([
        field("agent_id", Kind::text_up_to(100)),
        field("environment", Kind::Choice(Environment::WORDS)).default("marketplace_trading"),
        field("algorithm", Kind::Choice(Algorithm::WORDS)).default("ppo"),
        field("settings", Kind::Model(settings)).default(json!({})),
    ])
});

static FILTER: LazyShape = LazyLock::new(|| {
    let filters = [
        field("environment", Kind::Choice(Environment::WORDS)).optional(),
        field("algorithm", Kind::Choice(Algorithm::WORDS)).optional(),
    ];
    Shape::new(filters.into_iter().chain(page(50)))
});

static PAGE: LazyShape = LazyLock::new(|| Shape::new(page(20)));

static TRAIN: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("seed", Kind::integer_within(0, i32::MAX)).default(0),
        field("max_episodes", episodes()).optional(),
    ])
});

static ACT: LazyShape = LazyLock::new(|| {
    // All of them: 0 is a value like any other, and no feature's ordinary one.
    let features = FEATURE_NAMES.map(|name| field(name, within(-100.0, 100.0)).example(0.5));
    Shape::new([field("state", Kind::Model(Shape::new(features)))])
});

static EVALUATE: LazyShape = LazyLock::new(|| {
    Shape::new([
        field("episodes", Kind::integer_within(10, 500)).default(100),
        field("seed", Kind::integer_within(0, i32::MAX)).default(1),
    ])
});

fn episodes() -> Kind {
    Kind::integer_within(1, 5000)
}

fn within(ge: f64, le: f64) -> Kind {
    Kind::Number(Bounds { ge: Some(ge), le: Some(le) })
}

#[derive(Debug, Deserialize)]
struct Query {
    environment: Option<Environment>,
    algorithm: Option<Algorithm>,
    limit: i64,
    offset: i64,
}

#[derive(Debug, Deserialize)]
struct ActBody {
    state: SentState,
}

#[derive(Debug, Deserialize)]
struct EvaluateBody {
    episodes: usize,
    seed: u64,
}

/// `GET /learning/environments`.
pub fn environments() -> Action {
    Action::new("What can be learned: the simulated environments", async |_: Work, _: Input| {
        Ok(Reply::ok(&learning::environments()))
    })
    .answers(environments_schema)
}

/// `POST /learning/agents`.
pub fn create() -> Action {
    Action::new("Create a learning agent", async |work: Work, mut input: Input| {
        let new: NewLearner = input.body()?;
        let mut writing = work.store.write().await?;
        let id = writing.free_id::<Learner>(|| work.id("rl_", 8)).await?;
        let learner = new.into_row(id, input.caller, work.now());
        if writing.learner_has(&learner.owner_id, MOST_LEARNERS).await? {
            return Err(
                Denied::Conflict("There are 100 learning agents already; delete one").into()
            );
        }
        writing.learner_insert(&learner).await?;
        writing.commit().await?;
        Ok(Reply::created(&learning::shown(&learner, None, None)))
    })
    .body(&NEW)
    .creates()
    .refuses(&[409])
    .answers(shown_schema)
}

/// `GET /learning/agents`.
pub fn list() -> Action {
    Action::new("List one's learning agents, newest first", async |work: Work, mut input: Input| {
        let Query { environment, algorithm, limit, offset } = input.query()?;
        let owner = input.caller;
        let filter = LearnerFilter { owner, environment, algorithm, limit, offset };
        let found = work.store.learner_list(&filter).await?;
        Ok(Reply::ok(&found.iter().map(Learner::to_json).collect()))
    })
    .query(&FILTER)
    .answers(|| list_of(&of_table(&Learner::TABLE)))
}

/// `GET /learning/agents/{learner_id}`.
pub fn show() -> Action {
    Action::new("Show a learning agent", async |work: Work, input: Input| {
        let learner = owned(&work, &input).await?;
        let model = work.store.model_of(&learner.id).await?;
        let newest = work.store.training_list(&learner.id, 1, 0).await?;
        Ok(Reply::ok(&learning::shown(&learner, model.as_ref(), newest.first())))
    })
    .refuses(&[403, 404])
    .answers(shown_schema)
}

/// `DELETE /learning/agents/{learner_id}`.
pub fn remove() -> Action {
    let about = "Delete a learning agent with its trainings and its model";
    Action::new(about, async |work: Work, input: Input| {
        let mut writing = work.store.write().await?;
        let found = writing.learner_find(input.part(LEARNER)).await?;
        let learner = learning::owned(found, &input.caller)?;
        writing.learner_delete(&learner.id).await?;
        writing.commit().await?;
        Ok(Reply::ok(&json!({"message": "Learning agent deleted successfully"})))
    })
    .refuses(&[403, 404])
    .answers(super::message_schema)
}

/// `POST /learning/agents/{learner_id}/train`: records the training; a trainer carries it out.
pub fn train() -> Action {
    Action::new("Begin a training", async |work: Work, mut input: Input| {
        let new: NewTraining = input.body()?;
        let mut writing = work.store.write().await?;
        let found = writing.learner_find(input.part(LEARNER)).await?;
        let learner = learning::owned(found, &input.caller)?;
        if writing.training_goes_on(&learner.id).await? {
            return Err(Denied::Conflict("A training has not ended yet; wait or cancel it").into());
        }
        let training = new.into_row(work.id("rljob_", 12), &learner, work.now());
        writing.training_insert(&training, KEPT_TRAININGS).await?;
        writing.commit().await?;
        work.afterwards(Effect::WakeTrainer);
        Ok(Reply::created(&learning::progress(&training)))
    })
    .body(&TRAIN)
    .creates()
    .refuses(&[403, 404, 409])
    .answers(training_schema)
}

/// `GET /learning/agents/{learner_id}/trainings`.
pub fn trainings() -> Action {
    let about = "List the trainings of a learning agent, newest first";
    Action::new(about, async |work: Work, mut input: Input| {
        let Page { limit, offset } = input.query()?;
        let learner = owned(&work, &input).await?;
        let found = work.store.training_list(&learner.id, limit, offset).await?;
        Ok(Reply::ok(&found.iter().map(learning::progress).collect()))
    })
    .query(&PAGE)
    .refuses(&[403, 404])
    .answers(|| list_of(&training_schema()))
}

/// `GET /learning/trainings/{training_id}`.
pub fn progress() -> Action {
    Action::new("How far a training is", async |work: Work, input: Input| {
        let training = owned_training(&work, &input).await?;
        Ok(Reply::ok(&learning::progress(&training)))
    })
    .refuses(&[403, 404])
    .answers(training_schema)
}

/// `POST /learning/trainings/{training_id}/cancel`.
pub fn cancel() -> Action {
    Action::new("End a training before its end", async |work: Work, input: Input| {
        let training = owned_training(&work, &input).await?;
        let mut writing = work.store.write().await?;
        if !writing.training_cancel(&training.id, work.now()).await? {
            return Err(Denied::Conflict("The training has ended already").into());
        }
        writing.commit().await?;
        Ok(Reply::ok(&json!({"message": "Training cancelled successfully"})))
    })
    .refuses(&[403, 404, 409])
    .answers(super::message_schema)
}

/// `POST /learning/agents/{learner_id}/act`.
pub fn act() -> Action {
    Action::new("What to do in a state", async |work: Work, mut input: Input| {
        let ActBody { state } = input.body()?;
        let learner = owned(&work, &input).await?;
        let (model, policy) = trained(&work, &learner).await?;
        let decided = work.calculate(move || policy.decide(&[state.0])).await?;
        let decided = decided.map_err(|error| failed(&error))?;
        let decision = decided.first().ok_or_else(|| ApiError::Internal("no decision".into()))?;
        Ok(Reply::ok(&learning::decision(decision, &learner, &model)))
    })
    .body(&ACT)
    .refuses(&[403, 404, 409])
    .answers(decision_schema)
}

/// `POST /learning/agents/{learner_id}/evaluate`.
pub fn evaluate() -> Action {
    let about = "Compare what was learned with acting at random, in simulated episodes";
    Action::new(about, async |work: Work, mut input: Input| {
        let EvaluateBody { episodes, seed } = input.body()?;
        let learner = owned(&work, &input).await?;
        let (model, policy) = trained(&work, &learner).await?;
        let environment = learner.environment;
        let run = move || evaluation::evaluate(&policy, environment, episodes, seed);
        let evaluation = work.calculate(run).await?.map_err(|error| failed(&error))?;
        Ok(Reply::ok(&learning::evaluation(&evaluation, &learner, &model)))
    })
    .body(&EVALUATE)
    .refuses(&[403, 404, 409])
    .answers(evaluation_schema)
}

/// The learner in the path, if it is the caller's.
async fn owned(work: &Work, input: &Input) -> Result<Learner, ApiError> {
    let found = work.store.learner_find(input.part(LEARNER)).await?;
    Ok(learning::owned(found, &input.caller)?)
}

/// The training in the path, if its learner is the caller's.
async fn owned_training(work: &Work, input: &Input) -> Result<Training, ApiError> {
    let found = work.store.training_find(input.part(TRAINING)).await?;
    let training = found.ok_or(Denied::NotFound("Training"))?;
    let learner = work.store.learner_find(&training.learner_id).await?;
    learning::owned(learner, &input.caller)?;
    Ok(training)
}

/// What a learner has learned, from memory where it was asked for before.
async fn trained(work: &Work, learner: &Learner) -> Result<(Model, Arc<Policy>), ApiError> {
    let untrained = Denied::Conflict("The learning agent has no model yet; train it");
    let model = work.store.model_of(&learner.id).await?.ok_or(untrained)?;
    if let Some(policy) = work.policies().get(&model.id) {
        return Ok((model, policy));
    }
    let weights = work.store.weights_find(&model.id).await?.ok_or(untrained)?;
    let (algorithm, checksum) = (learner.algorithm, model.checksum.clone());
    let read = move || learning::policy(algorithm, &checksum, &weights.bytes.0);
    let policy = work.calculate(read).await?.map_err(|error| failed(&error))?;
    Ok((model.clone(), work.policies().keep(&model.id, policy)))
}

fn failed(error: &crate::learning::LearningError) -> ApiError {
    ApiError::Internal(crate::http::error::chain(error))
}

fn shown_schema() -> Value {
    let or_null = |schema: Value| json!({"anyOf": [schema, {"type": "null"}]});
    let status =
        json!({"type": "string", "enum": ["new", "queued", "training", "ready", "failed"]});
    let schema = with(of_table(&Learner::TABLE), "status", status);
    let schema = with(schema, "model", or_null(of_table(&Model::TABLE)));
    with(schema, "training", or_null(training_schema()))
}

fn training_schema() -> Value {
    let mut schema = of_table(&Training::TABLE);
    for place in ["properties", "required"] {
        match schema.get_mut(place) {
            Some(Value::Object(fields)) => fields.retain(|name, _| !name.starts_with("lease_")),
            Some(Value::Array(names)) => {
                names.retain(|name| !name.as_str().is_some_and(|name| name.starts_with("lease_")));
            }
            _ => {}
        }
    }
    with(schema, "progress", json!({"type": "number", "minimum": 0, "maximum": 1}))
}

fn decision_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "properties": {
        "learner_id": text, "model_id": text,
        "action": {"type": "string", "enum": crate::learning::Action::WORDS},
        "action_index": {"type": "integer"},
        "scores": {"type": "object", "additionalProperties": {"type": "number"}},
        "scores_are": {"type": "string", "enum": ["probability", "expected_return"]},
    }})
}

fn evaluation_schema() -> Value {
    let number = json!({"type": "number"});
    let estimate = json!({
        "type": "object",
        "properties": {"mean": number, "low": number, "high": number},
    });
    json!({"type": "object", "properties": {
        "episodes": {"type": "integer"}, "seed": {"type": "integer"},
        "policy": estimate, "random": estimate, "advantage": estimate,
        "beats_random": {"type": "boolean"}, "is_simulated": {"type": "boolean"},
        "learner_id": {"type": "string"}, "model_id": {"type": "string"},
        "environment": {"type": "string", "enum": Environment::WORDS},
    }})
}

fn environments_schema() -> Value {
    let text = json!({"type": "string"});
    let named = json!({"type": "object", "additionalProperties": text});
    json!({"type": "array", "items": {"type": "object", "properties": {
        "environment": {"type": "string", "enum": Environment::WORDS}, "about": text,
        "features": named, "actions": named, "reward": text,
        "is_simulated": {"type": "boolean"},
    }}})
}
