//! Rows of `agent_service_rl_jobs`: trainings, and which trainer holds each.

use super::rows::{EVERY, cell};
use super::{Store, StoreError, Writing};
use crate::learning::Progress;
use crate::python::time::Stamp;
use crate::tables::own::learning::{Training, TrainingStatus};
use crate::tables::{Cell, Float, Int, Json};

/// A training that nobody holds: never claimed, given back, or its holder has fallen silent.
const CLAIMABLE: &str = "(status = 'QUEUED' OR status = 'RUNNING' AND lease_until < ?)";

/// What every write of a trainer asks: that it still holds the training, and that nobody has ended it.
const HELD: &str = "id = ? AND lease_token = ? AND status = 'RUNNING'";

/// Whoever takes a training up begins it from its seed, so what was seen of it before is no progress.
const FROM_THE_BEGINNING: &str =
    "episodes_done = 0, steps_done = 0, mean_reward = NULL, reward_history = '[]'";

/// A trainer's hold on a training, until the lease is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingLease {
    /// The training.
    pub id: String,
    /// Different for each claim, so that a trainer that was too slow cannot write over its successor.
    pub token: String,
}

impl Store {
    /// The training with this id.
    pub async fn training_find(&self, id: &str) -> Result<Option<Training>, StoreError> {
        self.find("find a training", "WHERE id = ?", vec![id.into()]).await
    }

    /// The trainings of a learner, newest first.
    pub async fn training_list(
        &self,
        learner_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Training>, StoreError> {
        let rest = "WHERE learner_id = ? ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?";
        let binds = vec![learner_id.into(), Cell::Integer(limit), Cell::Integer(offset)];
        self.select("list trainings", rest, binds).await
    }

    /// Whether some training waits for a trainer. Only reads, so that idle trainers never lock anybody out.
    pub async fn training_waiting(&self, now: Stamp) -> Result<bool, StoreError> {
        let rest = format!("WHERE {CLAIMABLE} LIMIT 1");
        let found: Option<Training> =
            self.find("look for waiting trainings", &rest, vec![cell(&now)]).await?;
        Ok(found.is_some())
    }
}

impl Writing {
    /// Whether a learner has a training that has not ended.
    pub async fn training_goes_on(&mut self, learner_id: &str) -> Result<bool, StoreError> {
        let rest = "WHERE learner_id = ? AND status IN ('QUEUED', 'RUNNING') LIMIT 1";
        let found: Option<Training> =
            self.find("look for a training", rest, vec![learner_id.into()]).await?;
        Ok(found.is_some())
    }

    /// Records a training, and forgets all but the newest `kept` others of its learner.
    pub async fn training_insert(
        &mut self,
        training: &Training,
        kept: i64,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM agent_service_rl_jobs WHERE id IN (SELECT id FROM agent_service_rl_jobs \
             WHERE learner_id = ? ORDER BY created_at DESC, rowid DESC LIMIT {EVERY} OFFSET ?)"
        );
        let binds = vec![cell(&training.learner_id), Cell::Integer(kept)];
        self.run("forget old trainings", sql, binds).await?;
        self.insert("record a training", training).await
    }

    /// Takes the oldest training that nobody holds, until `until`.
    pub async fn training_claim(
        &mut self,
        owner: &str,
        token: &str,
        now: Stamp,
        until: Stamp,
    ) -> Result<Option<Training>, StoreError> {
        let doing = "claim a training";
        let rest = format!("WHERE {CLAIMABLE} ORDER BY created_at, rowid LIMIT 1");
        let found: Option<Training> = self.find_free(doing, &rest, vec![cell(&now)]).await?;
        let Some(mut training) = found else { return Ok(None) };
        training.status = TrainingStatus::Running;
        training.lease_owner = Some(owner.to_owned());
        training.lease_token = Some(token.to_owned());
        training.lease_until = Some(until);
        training.attempts = (training.attempts.get().unwrap_or(0) + 1).into();
        training.started_at = training.started_at.or(Some(now));
        let sql = format!(
            "UPDATE agent_service_rl_jobs SET status = ?, lease_owner = ?, lease_token = ?, \
             lease_until = ?, attempts = ?, started_at = ?, {FROM_THE_BEGINNING} WHERE id = ?"
        );
        let binds = vec![
            cell(&training.status),
            cell(&training.lease_owner),
            cell(&training.lease_token),
            cell(&training.lease_until),
            cell(&training.attempts),
            cell(&training.started_at),
            cell(&training.id),
        ];
        self.run(doing, sql, binds).await?;
        Ok(Some(training))
    }

    /// Notes how far a training is and prolongs its lease. Says whether it is still the trainer's.
    pub async fn training_progress(
        &mut self,
        lease: &TrainingLease,
        progress: &Progress,
        until: Stamp,
    ) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE agent_service_rl_jobs SET episodes_done = ?, steps_done = ?, mean_reward = ?, \
             reward_history = ?, lease_until = ? WHERE {HELD}"
        );
        let mut binds = progress_cells(progress);
        binds.extend([cell(&until), cell(&lease.id), cell(&lease.token)]);
        Ok(self.run("note the progress of a training", sql, binds).await? > 0)
    }

    /// Ends a training, well or with an error. Says whether it was still the trainer's.
    pub async fn training_end(
        &mut self,
        lease: &TrainingLease,
        error: Option<&str>,
        now: Stamp,
    ) -> Result<bool, StoreError> {
        let status =
            if error.is_none() { TrainingStatus::Completed } else { TrainingStatus::Failed };
        let sql = format!(
            "UPDATE agent_service_rl_jobs SET status = ?, error = ?, finished_at = ?, \
             lease_owner = NULL, lease_until = NULL WHERE {HELD}"
        );
        let error = error.map(str::to_owned);
        let binds =
            vec![cell(&status), cell(&error), cell(&now), cell(&lease.id), cell(&lease.token)];
        Ok(self.run("end a training", sql, binds).await? > 0)
    }

    /// Gives a training back; it begins again from its seed.
    pub async fn training_release(&mut self, lease: &TrainingLease) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE agent_service_rl_jobs SET status = 'QUEUED', attempts = attempts - 1, \
             lease_owner = NULL, lease_token = NULL, lease_until = NULL, {FROM_THE_BEGINNING} \
             WHERE {HELD}"
        );
        let binds = vec![cell(&lease.id), cell(&lease.token)];
        self.run("give a training back", sql, binds).await.map(drop)
    }

    /// Ends a training at its owner's wish. Says whether it was still going.
    pub async fn training_cancel(&mut self, id: &str, now: Stamp) -> Result<bool, StoreError> {
        let sql = "UPDATE agent_service_rl_jobs SET status = 'CANCELLED', finished_at = ? \
                   WHERE id = ? AND status IN ('QUEUED', 'RUNNING')";
        Ok(self.run("cancel a training", sql, vec![cell(&now), id.into()]).await? > 0)
    }
}

fn progress_cells(progress: &Progress) -> Vec<Cell> {
    let steps = i64::try_from(progress.steps).unwrap_or(i64::MAX);
    // Four digits: further ones are noise, and make long rows.
    let rounded = |figure: f32| (f64::from(figure) * 1e4).round() / 1e4;
    let mean = progress.mean_reward.map(|mean| Float::from(rounded(mean)));
    let history: Vec<f64> = progress.history.iter().map(|figure| rounded(*figure)).collect();
    vec![
        cell(&Int::from(i64::from(progress.episodes))),
        cell(&Int::from(steps)),
        cell(&mean),
        cell(&Json(history.into())),
    ]
}
