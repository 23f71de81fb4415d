//! Takes runs that nobody holds and drives several at once, until told to stop.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::drive::{self, Ended};
use super::executor::Executor;
use super::lease::{lease_end, lease_of, release};
use crate::app::App;
use crate::http::error::chain;
use crate::store::StoreError;
use crate::store::runs;
use crate::tables::own::Run;

/// How often an idle worker looks whether another process has left something to do.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long a run rests after the database failed under it.
const REST_SECONDS: i64 = 2;

/// What the tasks of one worker share.
#[derive(Debug, Clone)]
pub struct Worker {
    /// The service.
    pub app: Arc<App>,
    /// Runs the steps.
    pub executor: Arc<dyn Executor>,
    /// Told when no further step may begin.
    pub stop: CancellationToken,
    owner: String,
}

impl Worker {
    /// A worker with a name of its own.
    pub fn new(app: Arc<App>, executor: Arc<dyn Executor>, stop: CancellationToken) -> Self {
        let owner = app.ids.id("worker_", 12);
        Self { app, executor, stop, owner }
    }

    /// Works until told to stop, then gives back what it holds after the steps under way. Dropped earlier, it cuts
    /// them off, and whoever takes up their runs repeats those steps.
    pub async fn work(self) {
        let places = Arc::new(Semaphore::new(self.app.config.execution_workers));
        let mut tasks = JoinSet::new();
        loop {
            let place = tokio::select! {
                () = self.stop.cancelled() => break,
                Some(joined) = tasks.join_next(), if !tasks.is_empty() => { report(joined); continue }
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let free = iter::from_fn(|| Arc::clone(&places).try_acquire_owned().ok());
            let free: Vec<_> = place.into_iter().chain(free).collect();
            let claimed = self.claim(free.len()).await.unwrap_or_else(|error| {
                tracing::warn!(error = chain(&error), "no runs could be claimed");
                Vec::new()
            });
            if claimed.is_empty() {
                drop(free);
                self.rest().await;
                continue;
            }
            for (run, place) in claimed.into_iter().zip(free) {
                let worker = self.clone();
                tasks.spawn(async move {
                    let _place = place;
                    worker.carry_out(run).await;
                });
            }
        }
        while let Some(joined) = tasks.join_next().await {
            report(joined);
        }
    }

    async fn rest(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.app.bell.heard() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }

    /// As many runs as there are places for, in one transaction.
    async fn claim(&self, most: usize) -> Result<Vec<Run>, StoreError> {
        let App { store, clock, ids, config, .. } = &*self.app;
        if !store.run_waiting(clock.now()).await? {
            return Ok(Vec::new());
        }
        let mut writing = store.write().await?;
        let now = clock.now();
        let me = runs::Worker { owner: &self.owner, executor: self.executor.name() };
        let until = lease_end(now, config.execution_lease);
        let runs = writing.runs_claim(most, me, &ids.hex(), now, until).await?;
        writing.commit().await?;
        Ok(runs)
    }

    async fn carry_out(&self, run: Run) {
        let _counted = self.app.metrics.begin_execution();
        let outcome = match drive::drive(self, &run).await {
            Ok(ended) => ended.word(),
            Err(error) => {
                let execution = run.execution_id.as_str();
                tracing::error!(execution, error = chain(&error), "an execution is put off");
                self.put_off(&run).await;
                "put_off"
            }
        };
        tracing::info!(execution = run.execution_id, outcome, "execution");
        self.app.metrics.end_execution(outcome);
    }

    /// Gives a run back for later. Where even that fails, its lease runs out.
    async fn put_off(&self, run: &Run) {
        let free_at = self.app.clock.now().plus_seconds(REST_SECONDS);
        if let Err(error) = release(&self.app, &lease_of(run), free_at).await {
            tracing::warn!(error = chain(&error), "a run could not be given back");
        }
    }
}

/// A task that panicked leaves its run to its lease; the worker goes on.
fn report(joined: Result<(), JoinError>) {
    if let Err(error) = joined {
        tracing::error!(%error, "an execution's task failed");
    }
}

impl Ended {
    const fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::GivenBack => "given_back",
            Self::Lost => "lost",
        }
    }
}
