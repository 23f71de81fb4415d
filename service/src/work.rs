//! What a handler may use: the database, the time and chance, and in a rehearsal none of it with consequences.
//!
//! Handlers get a [`Work`] and nothing else, so whether a request is rehearsed is not their business: what they write is
//! rolled back, and what would happen besides does not. A new endpoint can't forget it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::app::App;
use crate::build::BuildId;
use crate::calculator::BrokenOff;
use crate::clock::Chance;
use crate::compatibility::Compatibility;
use crate::config::ExecutorChoice;
use crate::http::ApiError;
use crate::instances::Instances;
use crate::live_events::LiveEvents;
use crate::logic::alerts::Figures;
use crate::logic::communication::envelope::{ContentKey, Entropy};
use crate::logic::orchestration::Rules;
use crate::logic::signing::Signer;
use crate::metrics::UnderWay;
use crate::python::time::Stamp;
use crate::schema::Snapshot;
use crate::store::{Store, StoreError};
use crate::trained_policies::TrainedPolicies;

/// What follows from a request besides rows and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A worker looks for something to do.
    WakeWorker,
    /// A trainer looks for something to do.
    WakeTrainer,
    /// Whoever ends the trainings of meta-learning models looks for something to do.
    WakeMetaTrainer,
    /// The courier looks what there is to deliver and to tell.
    WakeCourier,
}

/// One request's way to everything that is not the request itself. Clones are of the same request.
#[derive(Clone)]
pub struct Work {
    app: Arc<App>,
    /// The database.
    pub store: Store,
    effects: Effects,
    /// Whether the answer may go on after its beginning.
    may_go_on: bool,
    caller: Arc<str>,
}

/// One request's way to alerts about the service.
#[derive(Debug)]
pub struct Alerts {
    app: Arc<App>,
    is_rehearsed: bool,
}

/// What a request has asked for so far, to happen when it has been answered well. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Effects(Arc<Mutex<Vec<Effect>>>);

impl Work {
    /// For one request of `caller`; `store` and what becomes of `effects` make it real or a rehearsal.
    pub fn new(app: &Arc<App>, store: Store, effects: Effects, caller: &str) -> Self {
        Self { app: Arc::clone(app), store, effects, caller: caller.into(), may_go_on: false }
    }

    /// For a client that takes an answer for as long as it goes on. Whoever only compares answers waits for their end.
    #[must_use]
    pub fn that_may_go_on(self) -> Self {
        Self { may_go_on: true, ..self }
    }

    /// Lets something happen once the request has been answered well.
    pub fn afterwards(&self, effect: Effect) {
        self.effects.0.lock().unwrap_or_else(PoisonError::into_inner).push(effect);
    }

    /// Whether nothing that comes of it is to last.
    fn is_rehearsed(&self) -> bool {
        self.store.is_rehearsal()
    }

    /// Deployed instances; in a rehearsal what their rows say, and nothing happens to them.
    pub fn instances(&self) -> Instances {
        if self.is_rehearsed() { Instances::Rehearsed } else { self.app.instances.clone() }
    }

    /// Alerts about the service.
    pub fn alerts(&self) -> Alerts {
        Alerts { app: Arc::clone(&self.app), is_rehearsed: self.is_rehearsed() }
    }

    /// What the service knows of itself.
    pub fn live_figures(&self) -> Figures {
        self.app.figures.now()
    }

    /// Does something to its end even if the client goes away, so that what happened outside of the database is noted in
    /// it. A rehearsal, which leaves nothing that would have to be noted, ends with its request.
    pub async fn to_the_end<T: Send + 'static>(
        &self,
        task: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        if self.is_rehearsed() {
            return task.await;
        }
        let ended = tokio::spawn(task).await;
        ended.unwrap_or_else(|error| Err(ApiError::Internal(error.to_string())))
    }

    /// Now.
    pub fn now(&self) -> Stamp {
        self.app.clock.now()
    }

    /// What the clocks on the wall show at `instant`, where the process runs.
    pub fn on_the_wall(&self, instant: Stamp) -> Stamp {
        self.app.clock.on_the_wall(instant)
    }

    /// A new version 4 UUID with its hyphens.
    pub fn uuid(&self) -> String {
        uuid::Uuid::try_parse(&self.app.ids.hex()).unwrap_or_default().to_string()
    }

    /// A new identifier: `prefix` and so many random hexadecimal digits.
    pub fn id(&self, prefix: &str, digits: usize) -> String {
        self.app.ids.id(prefix, digits)
    }

    /// 64 random hexadecimal digits, which nobody can guess.
    pub fn secret(&self) -> String {
        self.app.ids.secret()
    }

    /// Figures that only chance decides.
    pub fn chance(&self) -> &dyn Chance {
        &*self.app.chance
    }

    /// Whose manner answers follow.
    pub fn compatibility(&self) -> Compatibility {
        self.app.config.compatibility
    }

    /// What runs steps.
    pub fn executor(&self) -> &ExecutorChoice {
        &self.app.config.executor
    }

    /// How plans of several agents are watched.
    pub fn orchestration(&self) -> &Rules {
        &self.app.config.orchestration
    }

    /// How long the price of a token counts.
    pub fn price_lifetime(&self) -> Duration {
        self.app.config.price_lifetime
    }

    /// The user who asks, as their key names them. Empty where no key is asked for.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// Whose policies and audit logs the request may see and change; none: everybody's.
    pub fn only_of(&self) -> Option<&str> {
        let shares = self.compatibility().shares_policies_and_audit_logs();
        (!shares).then_some(&*self.caller)
    }

    /// What the shared tables looked like when somebody last looked, if that is known.
    pub fn schema_snapshot(&self) -> Option<&Snapshot> {
        self.app.schema_snapshot.as_ref()
    }

    /// The build that answers.
    pub fn build_id(&self) -> &BuildId {
        &self.app.config.build_id
    }

    /// Signs receipts.
    pub fn signer(&self) -> &Signer {
        &self.app.signer
    }

    /// Keeps the contents of messages.
    pub fn content_key(&self) -> &ContentKey {
        &self.app.content_key
    }

    /// Random bytes for the content of one message.
    pub fn entropy(&self) -> Result<Entropy, ApiError> {
        Entropy::new().map_err(|error| ApiError::Internal(format!("no randomness: {error}")))
    }

    /// The reputation of an agent; none where nobody knows it.
    pub async fn reputation(&self, agent: &str) -> Result<Option<i64>, StoreError> {
        self.app.config.communication.reputation.of(&self.store, agent).await
    }

    /// Streams of what agents are told; none where the answer must end, as in a rehearsal and for a mirrored request.
    pub fn live_events(&self) -> Option<&Arc<LiveEvents>> {
        Some(&self.app.live_events).filter(|_| self.may_go_on && !self.is_rehearsed())
    }

    /// Counts an event stream as open.
    pub fn count_event_stream(&self) -> UnderWay {
        self.app.metrics.begin_event_stream()
    }

    /// Calculates what takes long on a thread apart. A calculation reaches nothing but what it is given.
    pub async fn calculate<T: Send + 'static>(
        &self,
        calculation: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BrokenOff> {
        self.app.calculator.run(calculation).await
    }

    /// Policies in memory. They are copies of what is stored, so that keeping one has no consequences.
    pub fn policies(&self) -> &TrainedPolicies {
        &self.app.policies
    }

    /// What the service has counted.
    pub fn figures(&self) -> Result<String, fmt::Error> {
        self.app.metrics.text()
    }
}

impl Alerts {
    /// Tells what is past its threshold, and says what became of it. A rehearsal tells nobody.
    pub async fn tell(&self, figures: &Figures) -> Value {
        let App { alerting, clock, .. } = &*self.app;
        if self.is_rehearsed {
            return alerting.rehearse(figures, &**clock);
        }
        alerting.tell(figures, &**clock).await
    }

    /// The alerts of late: those of one severity, or all; the newest first, `limit` at most.
    pub fn recent(&self, severity: Option<&str>, limit: i64) -> Value {
        self.app.alerting.recent(severity, limit)
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("effects", &self.effects).finish_non_exhaustive()
    }
}

impl Effects {
    /// Lets everything happen that was asked for.
    pub fn carry_out(&self, app: &App) {
        let asked = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for effect in asked {
            match effect {
                Effect::WakeWorker => app.bell.ring(),
                Effect::WakeTrainer => app.trainer_bell.ring(),
                Effect::WakeMetaTrainer => app.meta_training_bell.ring(),
                Effect::WakeCourier => app.courier_bell.ring(),
            }
        }
    }
}
