//! Reinforcement learning: who learns, their trainings, and what came of them.

use crate::learning::{Algorithm, Environment};
use crate::python::time::Stamp;
use crate::tables::cell::{Bytes, Float, Int, Json};
use crate::tables::choice::choice;
use crate::tables::column::table;

choice! {
    /// Where a training stands.
    pub enum TrainingStatus {
        /// It waits for a trainer.
        Queued = "QUEUED" / "queued",
        /// A trainer has it.
        Running = "RUNNING" / "running",
        /// It ended, and what came of it is the learner's model.
        Completed = "COMPLETED" / "completed",
        /// It ended with an error.
        Failed = "FAILED" / "failed",
        /// Its owner ended it.
        Cancelled = "CANCELLED" / "cancelled",
    }
}

impl TrainingStatus {
    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

table! {
    /// Somebody who learns: in which environment, by which algorithm, and with which figures.
    pub struct Learner => "agent_service_rl_agents" {
        id: String [key],
        owner_id: String [indexed],
        agent_id: String,
        environment: Environment,
        algorithm: Algorithm,
        settings: Json,
        created_at: Stamp,
    }
}

table! {
    /// A training: what was asked for, how far it is, and which trainer holds it.
    pub struct Training => "agent_service_rl_jobs" {
        id: String [key],
        learner_id: String [indexed],
        status: TrainingStatus [indexed],
        seed: Int,
        settings: Json,
        episodes: Int,
        episodes_done: Int,
        steps_done: Int,
        mean_reward: Option<Float>,
        reward_history: Json,
        error: Option<String>,
        attempts: Int,
        lease_owner: Option<String>,
        lease_token: Option<String>,
        lease_until: Option<Stamp>,
        created_at: Stamp,
        started_at: Option<Stamp>,
        finished_at: Option<Stamp>,
    }
}

table! {
    /// What a learner has learned in its last completed training.
    pub struct Model => "agent_service_rl_models" {
        id: String [key],
        learner_id: String [indexed],
        training_id: String,
        checksum: String,
        size: Int,
        evaluation: Json,
        created_at: Stamp,
    }
}

table! {
    /// The bytes of a model, apart from what lists and answers show of it.
    pub struct Weights => "agent_service_rl_weights" {
        model_id: String [key],
        bytes: Bytes,
    }
}
