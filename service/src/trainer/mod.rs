//! Carries trainings out, one after the other: the database says which there are, and any process can take them up.
//!
//! A training is its seed's: one that was cut off begins again and comes to the very same end, so a crash costs time and
//! nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::calculator::{BrokenOff, Calculator};
use crate::execution::lease::lease_end;
use crate::http::error::chain;
use crate::learning::{LearningError, Progress, Trained, training as lessons};
use crate::logic::learning::{self, MOST_ATTEMPTS};
use crate::store::trainings::TrainingLease;
use crate::store::{StoreError, Writing};
use crate::tables::own::learning::Training;

#[cfg(test)]
mod tests;

/// How often an idle trainer looks whether another process has left something to do.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How often progress is written down, and with it seen whether the training is still wanted.
const NOTE: Duration = Duration::from_millis(500);

/// The pause before a write is tried again because another process held the database.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// How often it is tried again.
const BUSY_TRIES: usize = 5;

/// Takes trainings that nobody holds, until told to stop.
#[derive(Debug)]
pub struct Trainer {
    app: Arc<App>,
    calculator: Calculator,
    stop: CancellationToken,
    owner: String,
}

/// How a trainer's hold on a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Completed,
    Failed,
    /// Its owner has cancelled or deleted it, or another trainer has it.
    Lost,
    GivenBack,
}

/// What the thread that calculates and the task that watches it share.
#[derive(Debug, Default)]
struct Shared {
    progress: Mutex<Progress>,
    is_over: AtomicBool,
}

/// Ends the calculation when nobody watches it any more.
struct Watch(Arc<Shared>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    /// What the calculation calls again and again.
    fn go_on(&self, progress: &Progress) -> bool {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone_from(progress);
        !self.is_over.load(Ordering::Relaxed)
    }

    fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Trainer {
    /// A trainer with a name and a thread of its own.
    pub fn new(app: Arc<App>, calculator: Calculator, stop: CancellationToken) -> Self {
        let owner = app.ids.id("trainer_", 12);
        Self { app, calculator, stop, owner }
    }

    /// Works until told to stop, then gives back what it holds.
    pub async fn work(self) {
        while !self.stop.is_cancelled() {
            let claimed = self.claim().await.unwrap_or_else(|error| {
                tracing::warn!(error = chain(&error), "no training could be claimed");
                None
            });
            match claimed {
                Some(training) => self.carry_out(&training).await,
                None => self.rest().await,
            }
        }
    }

    async fn rest(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.app.trainer_bell.heard() => {}
            () = sleep(LOOK_AGAIN) => {}
        }
    }

    async fn claim(&self) -> Result<Option<Training>, StoreError> {
        let App { store, clock, ids, config, .. } = &*self.app;
        if !store.training_waiting(clock.now()).await? {
            return Ok(None);
        }
        let mut writing = store.write().await?;
        let now = clock.now();
        let until = lease_end(now, config.execution_lease);
        let training = writing.training_claim(&self.owner, &ids.hex(), now, until).await?;
        writing.commit().await?;
        Ok(training)
    }

    async fn carry_out(&self, training: &Training) {
        let token = training.lease_token.clone().unwrap_or_default();
        let lease = TrainingLease { id: training.id.clone(), token };
        let outcome = match self.drive(training, &lease).await {
            Ok(ended) => ended.word(),
            Err(error) => {
                // Its lease runs out, and then it is taken up again.
                tracing::error!(
                    training = training.id,
                    error = chain(&error),
                    "a training is put off"
                );
                "put_off"
            }
        };
        tracing::info!(training = training.id, outcome, "training");
        self.app.metrics.end_training(outcome);
    }

    async fn drive(&self, training: &Training, lease: &TrainingLease) -> Result<Ended, StoreError> {
        if training.attempts.get().is_some_and(|attempts| attempts > MOST_ATTEMPTS) {
            let error = format!("Given up after {MOST_ATTEMPTS} attempts that were cut off");
            return self.fail(lease, &error).await;
        }
        let Some(learner) = self.app.store.learner_find(&training.learner_id).await? else {
            return self.fail(lease, "Learning agent not found").await;
        };
        let course = learning::course(training, &learner);
        let shared = Arc::new(Shared::default());
        let watch = Watch(Arc::clone(&shared));
        let calculation =
            self.calculator.run(move || lessons::train(&course, |progress| shared.go_on(progress)));
        let mut calculation = std::pin::pin!(calculation);
        let limit = self.app.config.learning_timeout;
        let deadline = Instant::now() + limit;
        let mut noted = Instant::now();
        loop {
            tokio::select! {
                done = &mut calculation => return self.finish(training, lease, done).await,
                () = self.stop.cancelled() => return self.give_back(lease).await,
                () = sleep_until(deadline) => {
                    let error = format!("Training timed out after {} s", limit.as_secs());
                    return self.fail(lease, &error).await;
                }
                () = sleep(NOTE) => {}
            }
            match self.note(lease, &watch.0.progress()).await {
                Ok(true) => noted = Instant::now(),
                Ok(false) => return Ok(Ended::Lost),
                Err(error) => tracing::warn!(error = chain(&error), "progress could not be noted"),
            }
            if noted.elapsed() > self.app.config.execution_lease {
                return Ok(Ended::Lost);
            }
        }
    }

    async fn note(&self, lease: &TrainingLease, progress: &Progress) -> Result<bool, StoreError> {
        let mut writing = self.app.store.write().await?;
        let held = self.advance(&mut writing, lease, progress).await?;
        writing.commit().await?;
        Ok(held)
    }

    async fn advance(
        &self,
        writing: &mut Writing,
        lease: &TrainingLease,
        progress: &Progress,
    ) -> Result<bool, StoreError> {
        let until = lease_end(self.app.clock.now(), self.app.config.execution_lease);
        writing.training_progress(lease, progress, until).await
    }

    async fn finish(
        &self,
        training: &Training,
        lease: &TrainingLease,
        done: Result<Result<Trained, LearningError>, BrokenOff>,
    ) -> Result<Ended, StoreError> {
        match done {
            Ok(Ok(trained)) => self.complete(training, lease, trained).await,
            Ok(Err(error)) => {
                tracing::error!(training = training.id, error = chain(&error), "a training failed");
                self.fail(lease, "The training failed").await
            }
            Err(error) => {
                tracing::error!(training = training.id, %error, "a training failed");
                self.fail(lease, "The training failed").await
            }
        }
    }

    /// Writes down what came of it, all or nothing.
    async fn complete(
        &self,
        training: &Training,
        lease: &TrainingLease,
        trained: Trained,
    ) -> Result<Ended, StoreError> {
        let App { clock, ids, .. } = &*self.app;
        let mut writing = self.patient_write().await?;
        let held = self.advance(&mut writing, lease, &trained.progress).await?;
        if !held || !writing.training_end(lease, None, clock.now()).await? {
            return Ok(Ended::Lost);
        }
        let (model, weights) =
            learning::model(ids.id("rlmodel_", 12), training, trained, clock.now());
        writing.model_put(&model, &weights).await?;
        writing.commit().await?;
        Ok(Ended::Completed)
    }

    async fn fail(&self, lease: &TrainingLease, error: &str) -> Result<Ended, StoreError> {
        let mut writing = self.patient_write().await?;
        let held = writing.training_end(lease, Some(error), self.app.clock.now()).await?;
        writing.commit().await?;
        Ok(if held { Ended::Failed } else { Ended::Lost })
    }

    async fn give_back(&self, lease: &TrainingLease) -> Result<Ended, StoreError> {
        let mut writing = self.patient_write().await?;
        writing.training_release(lease).await?;
        writing.commit().await?;
        Ok(Ended::GivenBack)
    }

    /// A write for what took long to come to: a busy database is asked again for a while.
    async fn patient_write(&self) -> Result<Writing, StoreError> {
        for _ in 0..BUSY_TRIES {
            match self.app.store.write().await {
                Err(error) if error.is_busy() => sleep(BUSY_PAUSE).await,
                other => return other,
            }
        }
        self.app.store.write().await
    }
}

impl Ended {
    const fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::GivenBack => "given_back",
        }
    }
}
