//! Drives one execution from wherever its rows say it stands to its end.
//!
//! Every write happens in a transaction that first asks whether the lease is still held and the execution still
//! running. So a worker that was too slow writes nothing, and a cancel from either backend is seen before each step.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::executor::{Call, StepFailure, StepOutcome};
use super::lease::{keep, lease_of, release};
use super::purse::Purse;
use super::worker::Worker;
use crate::app::App;
use crate::compatibility::Compatibility;
use crate::logic::limits::{Limits, Passed};
use crate::logic::progress::{Beginning, Progress};
use crate::logic::proof::{self, StepProof};
use crate::logic::{given_steps, plan, verification};
use crate::python::time::Stamp;
use crate::store::runs::Lease;
use crate::store::{StoreError, Writing};
use crate::tables::Json;
use crate::tables::agents::{Execution, Status, Step, StepExecution};
use crate::tables::own::Run;

/// How often a run may be taken up without finishing a single step before it is given up.
const MOST_ATTEMPTS: i64 = 5;

/// The time for a step whose row names none, in seconds.
const STEP_SECONDS: i64 = 300;

/// The pause before a write is tried again because another process held the database.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// How a worker's hold on a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every step finished.
    Completed,
    /// A step failed, or there was nothing that could be run.
    Failed,
    /// Somebody ended or removed the execution.
    Cancelled,
    /// The process stops; another worker goes on.
    GivenBack,
    /// Another worker has it.
    Lost,
}

/// Drives a claimed run. Prolongs its lease all the while.
pub async fn drive(worker: &Worker, run: &Run) -> Result<Ended, StoreError> {
    let lease = lease_of(run);
    let drive = Drive { worker, run, lease: &lease };
    tokio::select! {
        ended = drive.to_its_end() => ended,
        () = keep(&worker.app, &lease) => Ok(Ended::Lost),
    }
}

struct Drive<'d> {
    worker: &'d Worker,
    run: &'d Run,
    lease: &'d Lease,
}

/// A write transaction of a run that is still held and running, or why there is none.
enum Turn {
    Mine(Writing),
    Over(Ended),
}

impl Drive<'_> {
    async fn to_its_end(&self) -> Result<Ended, StoreError> {
        let store = &self.app().store;
        let id = &self.run.execution_id;
        if self.run.attempts.get().is_some_and(|attempts| attempts > MOST_ATTEMPTS) {
            let error = format!("Given up after {MOST_ATTEMPTS} attempts that were cut off");
            return self.fail(&error, None).await;
        }
        let Some(execution) = store.execution_find(id).await? else {
            return self.retire().await;
        };
        let Some(workflow) = store.workflow_find(&execution.workflow_id).await? else {
            return self.fail("Workflow not found", None).await;
        };
        let steps = store.step_list(&workflow.id).await?;
        let given = match given_steps::to_run(steps, &workflow, self.compatibility()) {
            Ok(given) => given,
            Err(error) => return self.fail(&error.to_string(), None).await,
        };
        // Like the monolith, look at dependencies only where there are steps to order.
        let planned = match given.steps.as_slice() {
            [] => Ok(Vec::new()),
            steps => plan::order(steps, &given.dependencies),
        };
        let plan = match planned {
            Ok(plan) => plan,
            Err(error) => return self.fail(&error.to_string(), None).await,
        };
        let rows = store.step_execution_list(id).await?;
        let mut progress = Progress::resume(&self.run.inputs.0, &plan, rows);
        let asked = store.limits_find(id).await?;
        let limits = Limits::of(&workflow, asked.as_ref(), self.compatibility());
        let mut purse = Purse::of(&execution, limits.budget());
        for step in plan {
            if progress.has_finished(step) {
                continue;
            }
            if self.worker.stop.is_cancelled() {
                let now = self.app().clock.now();
                release(self.app(), self.lease, now).await?;
                return Ok(Ended::GivenBack);
            }
            let time = limits.time_left(execution.started_at, self.app().clock.now());
            if let Some((Duration::ZERO, passed)) = time {
                return self.fail(&passed.to_string(), None).await;
            }
            if let Some(ended) = self.step(step, time, &mut progress, &mut purse).await? {
                return Ok(ended);
            }
            if let Err(passed) = limits.check_money(purse.spent()) {
                return self.fail(&passed.to_string(), None).await;
            }
        }
        self.complete(&execution, &progress).await
    }

    fn app(&self) -> &Arc<App> {
        &self.worker.app
    }

    fn compatibility(&self) -> Compatibility {
        self.app().config.compatibility
    }

    /// Runs one step from its first row to its last, within the time of the execution if that is limited. `Some` when the
    /// execution goes no further here.
    async fn step(
        &self,
        step: &Step,
        time: Option<(Duration, Passed)>,
        progress: &mut Progress,
        purse: &mut Purse,
    ) -> Result<Option<Ended>, StoreError> {
        let mut row = match self.begin(step, progress).await? {
            Ok(row) => row,
            Err(ended) => return Ok(Some(ended)),
        };
        let started = Instant::now();
        let (limit, reason) = limit(step, time);
        let call = Call { step, inputs: progress.inputs(), limit, remaining: purse.remaining() };
        let outcome = tokio::time::timeout(limit, self.worker.executor.run(call))
            .await
            .unwrap_or_else(|_| Err(StepFailure::free(reason)));
        purse.pay(match &outcome {
            Ok(outcome) => outcome.cost,
            Err(failure) => failure.cost,
        });
        let proven = match outcome {
            Ok(outcome) => {
                finish(&mut row, outcome, started.elapsed(), self.app().clock.now());
                self.prove(step, &mut row).await
            }
            Err(failure) => Err(failure),
        };
        match proven {
            Ok(proof) => {
                self.app().metrics.end_step("completed");
                progress.finish(&row);
                self.record(&row, proof.as_ref(), progress, purse).await
            }
            Err(failure) => {
                self.app().metrics.end_step("failed");
                let now = self.app().clock.now();
                row.status = Status::Failed;
                row.error_message = Some(failure.reason.clone());
                row.completed_at = Some(now);
                row.updated_at = now;
                self.fail(&failure.reason, Some((&row, purse))).await.map(Some)
            }
        }
    }

    /// Verifies and proves a finished step, if it is to be. Proving is arithmetic, so it happens beside the runtime's threads.
    async fn prove(
        &self,
        step: &Step,
        row: &mut StepExecution,
    ) -> Result<Option<StepProof>, StepFailure> {
        if !step.requires_proof {
            return Ok(None);
        }
        let started = Instant::now();
        let verification = verification::verify(row, step.verification_level);
        let app = Arc::clone(self.app());
        let (executor, checked) = (self.worker.executor.name(), verification.clone());
        let unproven = row.clone();
        let proving = tokio::task::spawn_blocking(move || {
            proof::prove(&unproven, &checked, executor, app.ids.secret(), &app.signer)
        });
        let failed = |error: &dyn std::error::Error| {
            tracing::error!(step = step.id, %error, "a step could not be proven");
            StepFailure::free("The step finished but could not be proven")
        };
        let proof = match proving.await {
            Ok(Ok(proof)) => proof,
            Ok(Err(error)) => return Err(failed(&error)),
            Err(error) => return Err(failed(&error)),
        };
        let shown = verification.to_json(to_micros(started.elapsed()));
        row.step_proof = Some(Json(shown));
        row.verification_status = Some(verification.word().to_owned());
        Ok(Some(proof))
    }

    async fn begin(
        &self,
        step: &Step,
        progress: &Progress,
    ) -> Result<Result<StepExecution, Ended>, StoreError> {
        let mut writing = match self.turn().await? {
            Turn::Mine(writing) => writing,
            Turn::Over(ended) => return Ok(Err(ended)),
        };
        let app = self.app();
        let id = app.ids.id("step_exec_", 10);
        let row = match progress.begin(step, &self.run.execution_id, id, app.clock.now()) {
            Beginning::New(row) => {
                writing.step_execution_insert(&row).await?;
                row
            }
            Beginning::Again(row) => {
                writing.step_execution_update(&row).await?;
                row
            }
        };
        writing.commit().await?;
        Ok(Ok(row))
    }

    /// Records a finished step and the progress it makes. The step is recorded even where the execution was
    /// cancelled while it ran: it did finish.
    async fn record(
        &self,
        row: &StepExecution,
        proof: Option<&StepProof>,
        progress: &Progress,
        purse: &Purse,
    ) -> Result<Option<Ended>, StoreError> {
        let mut writing = self.patient_write().await?;
        if !writing.run_held(self.lease).await? {
            return Ok(Some(Ended::Lost));
        }
        writing.step_execution_update(row).await?;
        if let Some(proof) = proof {
            writing.proof_insert(&proof.row(self.app().clock.now())).await?;
        }
        let id = &self.run.execution_id;
        purse.note(&mut writing, id).await?;
        let running = writing.execution_status(id).await? == Some(Status::Running);
        let now = self.app().clock.now();
        if running {
            writing.execution_progress(id, progress.count(), &progress.states(), now).await?;
            writing.run_advanced(self.lease).await?;
        } else {
            writing.run_finish(id, now).await?;
        }
        writing.commit().await?;
        Ok((!running).then_some(Ended::Cancelled))
    }

    async fn complete(
        &self,
        execution: &Execution,
        progress: &Progress,
    ) -> Result<Ended, StoreError> {
        let mut writing = match self.turn().await? {
            Turn::Mine(writing) => writing,
            Turn::Over(ended) => return Ok(ended),
        };
        let now = self.app().clock.now();
        let seconds = execution.started_at.map_or(0.0, |started| now.seconds_since(&started));
        let id = &self.run.execution_id;
        writing.execution_complete(id, &progress.final_result(), seconds, now).await?;
        writing.run_finish(id, now).await?;
        writing.commit().await?;
        Ok(Ended::Completed)
    }

    /// Ends the execution with an error, and the step that caused it.
    async fn fail(
        &self,
        error: &str,
        step: Option<(&StepExecution, &Purse)>,
    ) -> Result<Ended, StoreError> {
        let mut writing = match self.turn().await? {
            Turn::Mine(writing) => writing,
            Turn::Over(ended) => return Ok(ended),
        };
        let now = self.app().clock.now();
        if let Some((step, purse)) = step {
            writing.step_execution_update(step).await?;
            purse.note(&mut writing, &self.run.execution_id).await?;
        }
        writing.execution_fail(&self.run.execution_id, error, now).await?;
        writing.run_finish(&self.run.execution_id, now).await?;
        writing.commit().await?;
        Ok(Ended::Failed)
    }

    /// Ends a run whose execution is not there any more.
    async fn retire(&self) -> Result<Ended, StoreError> {
        match self.turn().await? {
            Turn::Mine(_) => Ok(Ended::Lost),
            Turn::Over(ended) => Ok(ended),
        }
    }

    /// Begins a write and looks whether this worker may still go on. Where the execution has ended, so does the run.
    async fn turn(&self) -> Result<Turn, StoreError> {
        let mut writing = self.patient_write().await?;
        if !writing.run_held(self.lease).await? {
            return Ok(Turn::Over(Ended::Lost));
        }
        let id = &self.run.execution_id;
        if writing.execution_status(id).await? == Some(Status::Running) {
            return Ok(Turn::Mine(writing));
        }
        writing.run_finish(id, self.app().clock.now()).await?;
        writing.commit().await?;
        Ok(Turn::Over(Ended::Cancelled))
    }

    /// Begins a write, as often as it takes: what has been done must not be lost because another process held the
    /// database. The lease ends the waiting, because [`keep`] then ends this drive.
    async fn patient_write(&self) -> Result<Writing, StoreError> {
        loop {
            match self.app().store.write().await {
                Err(error) if error.is_busy() => sleep(BUSY_PAUSE).await,
                done => return done,
            }
        }
    }
}

/// How long a step may take, and what is said of one that takes longer: its own time, or what is left to its execution.
fn limit(step: &Step, time: Option<(Duration, Passed)>) -> (Duration, String) {
    let own = step.timeout_seconds.get().filter(|s| *s > 0).unwrap_or(STEP_SECONDS);
    let own = Duration::from_secs(own.unsigned_abs());
    match time {
        Some((left, passed)) if left < own => (left, passed.to_string()),
        _ => (own, format!("Step timed out after {} s", own.as_secs())),
    }
}

/// Fills in the row of a step that has just finished.
fn finish(row: &mut StepExecution, outcome: StepOutcome, spent: Duration, now: Stamp) {
    row.status = Status::Completed;
    row.completed_at = Some(now);
    row.updated_at = now;
    row.output_data = Some(Json(outcome.output.into()));
    row.execution_time = Some(to_micros(spent).into());
    row.gpu_accelerated = outcome.gpu_accelerated;
    row.memory_usage = outcome.memory_usage.map(Into::into);
}

/// Seconds cut to microseconds, which is all that the monolith ever measures.
fn to_micros(spent: Duration) -> f64 {
    Duration::from_micros(u64::try_from(spent.as_micros()).unwrap_or(u64::MAX)).as_secs_f64()
}
