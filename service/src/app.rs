//! What every request and every worker shares.

use std::sync::Arc;

use traces::Traces;

use crate::alerting::Alerting;
use crate::calculator::Calculator;
use crate::clock::{Chance, Clock, Ids};
use crate::config::Config;
use crate::execution::Bell;
use crate::instances::Instances;
use crate::live_events::LiveEvents;
use crate::live_figures::LiveFigures;
use crate::logic::communication::envelope::ContentKey;
use crate::logic::signing::Signer;
use crate::metrics::Metrics;
use crate::schema::Snapshot;
use crate::store::Store;
use crate::trained_policies::TrainedPolicies;

/// The parts of a running service. Tests put in their own clock, chance and store.
#[derive(Debug)]
pub struct App {
    /// The checked settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// Figures that only chance decides.
    pub chance: Arc<dyn Chance>,
    /// Signs receipts.
    pub signer: Signer,
    /// Wakes the worker when an execution has been recorded.
    pub bell: Bell,
    /// Wakes the trainer when a training has been recorded.
    pub trainer_bell: Bell,
    /// Calculates for answers what takes long.
    pub calculator: Calculator,
    /// What was learned, ready to be asked.
    pub policies: TrainedPolicies,
    /// Wakes who ends the trainings of meta-learning models.
    pub meta_training_bell: Bell,
    /// Keeps the contents of messages.
    pub content_key: ContentKey,
    /// Wakes the courier when a message waits or somebody is to be told something.
    pub courier_bell: Bell,
    /// Streams of what agents are told.
    pub live_events: Arc<LiveEvents>,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// What `/v1/metrics` shows.
    pub figures: LiveFigures,
    /// Tells alerts about the service.
    pub alerting: Alerting,
    /// What the shared tables looked like when somebody last looked.
    pub schema_snapshot: Option<Snapshot>,
    /// Where each request is told of; `None`: nowhere.
    pub traces: Option<Traces>,
    /// Deployed instances.
    pub instances: Instances,
}
