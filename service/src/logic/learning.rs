//! Learners and trainings: what a new one is, who may see one, and how answers show them.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Denied;
use crate::learning::environment::FEATURE_NAMES;
use crate::learning::settings::Overrides;
use crate::learning::{
    Action, Algorithm, Course, Decision, Environment, Evaluation, LearningError, Policy, Settings,
    State, Trained,
};
use crate::python::time::Stamp;
use crate::tables::Json;
use crate::tables::cell::Bytes;
use crate::tables::column::{ColumnValue as _, Record as _};
use crate::tables::own::learning::{Learner, Model, Training, TrainingStatus, Weights};

/// Learners that one owner may have.
pub const MOST_LEARNERS: i64 = 100;

/// Ended trainings that are kept for each learner.
pub const KEPT_TRAININGS: i64 = 19;

/// How often a training may be taken up without reaching its end before it is given up.
pub const MOST_ATTEMPTS: i64 = 5;

/// A learner as a client describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct NewLearner {
    agent_id: String,
    environment: Environment,
    algorithm: Algorithm,
    #[serde(default)]
    settings: Overrides,
}

impl NewLearner {
    /// The row of this learner, with every figure filled in.
    pub fn into_row(self, id: String, owner: String, now: Stamp) -> Learner {
        let settings = self.settings.over(&Settings::of(self.algorithm));
        Learner {
            id,
            owner_id: owner,
            agent_id: self.agent_id,
            environment: self.environment,
            algorithm: self.algorithm,
            settings: Json(json!(settings)),
            created_at: now,
        }
    }
}

/// What a client wants of a training.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct NewTraining {
    seed: i64,
    max_episodes: Option<u32>,
}

impl NewTraining {
    /// The row of a training that waits for a trainer.
    pub fn into_row(self, id: String, learner: &Learner, now: Stamp) -> Training {
        let mut settings = settings_of(&learner.settings, learner.algorithm);
        settings.max_episodes = self.max_episodes.unwrap_or(settings.max_episodes);
        Training {
            id,
            learner_id: learner.id.clone(),
            status: TrainingStatus::Queued,
            seed: self.seed.into(),
            episodes: i64::from(settings.max_episodes).into(),
            settings: Json(json!(settings)),
            episodes_done: 0.into(),
            steps_done: 0.into(),
            mean_reward: None,
            reward_history: Json(json!([])),
            error: None,
            attempts: 0.into(),
            lease_owner: None,
            lease_token: None,
            lease_until: None,
            created_at: now,
            started_at: None,
            finished_at: None,
        }
    }
}

/// Stored figures. Where a hand has spoilt them, those that suit the algorithm.
fn settings_of(stored: &Json, algorithm: Algorithm) -> Settings {
    Settings::deserialize(&stored.0).unwrap_or_else(|_why| Settings::of(algorithm))
}

/// What a trainer is to do.
pub fn course(training: &Training, learner: &Learner) -> Course {
    Course {
        environment: learner.environment,
        algorithm: learner.algorithm,
        settings: settings_of(&training.settings, learner.algorithm),
        seed: training.seed.get().unwrap_or(0).unsigned_abs(),
    }
}

/// The rows of what came of a training.
pub fn model(id: String, training: &Training, trained: Trained, now: Stamp) -> (Model, Weights) {
    let model = Model {
        id: id.clone(),
        learner_id: training.learner_id.clone(),
        training_id: training.id.clone(),
        checksum: checksum(&trained.model),
        size: i64::try_from(trained.model.len()).unwrap_or(i64::MAX).into(),
        evaluation: Json(json!(trained.evaluation)),
        created_at: now,
    };
    (model, Weights { model_id: id, bytes: Bytes(trained.model) })
}

/// The policy that stored bytes are, if they are still the ones that were stored.
pub fn policy(
    algorithm: Algorithm,
    checksum_of: &str,
    bytes: &[u8],
) -> Result<Policy, LearningError> {
    if checksum(bytes) != checksum_of {
        return Err(LearningError::Model("its bytes are not those of its checksum".to_owned()));
    }
    Policy::read(algorithm, bytes)
}

fn checksum(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// A learner that `caller` may use.
pub fn owned(found: Option<Learner>, caller: &str) -> Result<Learner, Denied> {
    let learner = found.ok_or(Denied::NotFound("Learning agent"))?;
    if learner.owner_id == caller { Ok(learner) } else { Err(Denied::Forbidden) }
}

/// A learner as answers show it, with what it has learned and its newest training.
pub fn shown(learner: &Learner, model: Option<&Model>, training: Option<&Training>) -> Value {
    let status = match (training.map(|training| training.status), model) {
        (Some(TrainingStatus::Queued), _) => "queued",
        (Some(TrainingStatus::Running), _) => "training",
        (_, Some(_)) => "ready",
        (Some(TrainingStatus::Failed), None) => "failed",
        (_, None) => "new",
    };
    let mut shown = learner.to_json();
    if let Value::Object(shown) = &mut shown {
        shown.insert("status".to_owned(), status.into());
        shown.insert("model".to_owned(), model.map_or(Value::Null, Model::to_json));
        shown.insert("training".to_owned(), training.map_or(Value::Null, progress));
    }
    shown
}

/// How far a training is. Who holds it is the trainers' business.
pub fn progress(training: &Training) -> Value {
    let done = training.episodes_done.get().unwrap_or(0);
    let episodes = training.episodes.get().unwrap_or(0).max(1);
    #[expect(clippy::cast_precision_loss, reason = "no training has 2^53 episodes")]
    let part = (done as f64 / episodes as f64).min(1.0);
    let mut shown = training.to_json();
    if let Value::Object(shown) = &mut shown {
        shown.retain(|name, _| !name.starts_with("lease_"));
        shown.insert("progress".to_owned(), part.into());
    }
    shown
}

/// A state as a client sends it, feature by feature.
#[derive(Debug, Clone, Copy)]
pub struct SentState(pub State);

impl<'de> Deserialize<'de> for SentState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sent = serde_json::Map::deserialize(deserializer)?;
        let feature = |name: &str| sent.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        Ok(Self(FEATURE_NAMES.map(|name| crate::learning::numbers::shortened(feature(name)))))
    }
}

/// What to do, as answers show it.
pub fn decision(decision: &Decision, learner: &Learner, model: &Model) -> Value {
    let scores: serde_json::Map<String, Value> = Action::ALL
        .iter()
        .zip(decision.scores)
        .map(|(action, score)| (action.word().to_owned(), f64::from(score).into()))
        .collect();
    let meaning = match learner.algorithm {
        Algorithm::Ppo | Algorithm::Sac => "probability",
        Algorithm::RainbowDqn => "expected_return",
    };
    json!({
        "learner_id": learner.id,
        "model_id": model.id,
        "action": decision.action.word(),
        "action_index": decision.action.index(),
        "scores": scores,
        "scores_are": meaning,
    })
}

/// How good somebody is, as answers show it.
pub fn evaluation(evaluation: &Evaluation, learner: &Learner, model: &Model) -> Value {
    let mut shown = json!(evaluation);
    if let Value::Object(shown) = &mut shown {
        shown.insert("learner_id".to_owned(), learner.id.clone().into());
        shown.insert("model_id".to_owned(), model.id.clone().into());
        shown.insert("environment".to_owned(), learner.environment.to_json());
        shown.insert("is_simulated".to_owned(), true.into());
    }
    shown
}

/// The environments, as answers show them.
pub fn environments() -> Value {
    Environment::ALL
        .iter()
        .map(|environment| {
            let description = environment.description();
            let named = |names: &[&str], meanings: &[&str]| -> Value {
                let pairs = names.iter().zip(meanings);
                Value::Object(
                    pairs.map(|(name, meaning)| ((*name).to_owned(), (*meaning).into())).collect(),
                )
            };
            json!({
                "environment": environment.word(),
                "about": description.about,
                "features": named(&FEATURE_NAMES, &description.features),
                "actions": named(Action::WORDS, &description.actions),
                "reward": description.reward,
                "is_simulated": true,
            })
        })
        .collect()
}
