//! What every request and every worker shares.

use std::sync::Arc;

use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::execution::Bell;
use crate::logic::receipt::Signer;
use crate::metrics::Metrics;
use crate::store::Store;

/// The parts of a running service. Tests put in their own clock, ids and store.
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
    /// Signs receipts.
    pub signer: Signer,
    /// Wakes the worker when an execution has been recorded.
    pub bell: Bell,
    /// What `/metrics` shows.
    pub metrics: Metrics,
}
