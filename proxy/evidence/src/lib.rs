//! What comparing has shown so far, by route and operation.
//!
//! The mirror records outcomes from its own runtime ([`Evidence::record`]) and counts what it dropped from anywhere
//! ([`Drops`]): both only add up in memory. About every second one task writes what has come to the [store](EvidenceSettings),
//! in one transaction ([`Evidence::run`]); reports and timelines add what is stored and what is not yet. While the store is
//! away, evidence goes on in memory, bounded, and says so. What is kept is masked before it gets here.

pub mod outcome;
pub mod operation;
pub mod mask;
mod drops;
pub mod wilson;
pub mod noise;
pub mod gate;
mod latency;
mod tally;
mod groups;
mod slot;
mod state;
mod memory;
mod store;
mod keeper;
mod report;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use routes::policy::EvidenceSettings;
use serde_json::Value;

pub use drops::{DropReason, Drops};
pub use outcome::{Answered, Basis, Bodies, Compared, Exchange, Failure, Outcome, Verdict};
pub use state::{MAX_STATE_BYTES, StateError, StoredState};
pub use store::{StoreError, Trouble};

use keeper::{Link, Settings};
use memory::Memory;

/// The evidence of one proxy, and through the store of every proxy that shares it.
#[derive(Debug)]
pub struct Evidence {
    since: DateTime<Utc>,
    memory: Mutex<Memory>,
    /// Absent: memory only.
    settings: Mutex<Option<Arc<Settings>>>,
    link: tokio::sync::Mutex<Link>,
    /// Why the store is not used at present.
    degraded: Mutex<Option<String>>,
    noise: noise::Learned,
    /// Outcomes recorded so far.
    revision: AtomicU64,
}

impl Evidence {
    /// No evidence yet, and no store.
    pub fn new(since: DateTime<Utc>) -> Self {
        Self {
            since,
            memory: Mutex::new(Memory::new(EvidenceSettings::default().examples)),
            settings: Mutex::default(),
            link: tokio::sync::Mutex::default(),
            degraded: Mutex::default(),
            noise: noise::Learned::default(),
            revision: AtomicU64::new(0),
        }
    }

    /// Takes outcomes of these routes only, from now on. What is known of others stays in the store until it is too old.
    pub fn keep(&self, names: &[&str]) {
        self.noise.keep(names);
        self.memory().keep(names);
    }

    /// The counters of what was dropped of a route; lasting as long as the route does.
    pub fn drops(&self, route: &str) -> Arc<Drops> {
        self.memory().drops(route).map(Arc::clone).unwrap_or_default()
    }

    /// Adds the outcome of one mirrored request. Never waits for the store; an outcome of a route that is no longer kept is
    /// forgotten.
    pub fn record(&self, outcome: Outcome) {
        self.noise.learn(&outcome);
        self.memory().record(outcome);
        self.revision.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes with every outcome: tells whoever shows evidence when to look again. With a store that other proxies write to as
    /// well, it changes about every second.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// Keeps a small piece of JSON by route, basis and name, in place of what this proxy kept there before.
    ///
    /// # Errors
    /// It is too large, or too many wait for the store.
    pub fn save_state(
        &self,
        route: &str,
        basis: &Basis,
        name: &'static str,
        json: &Value,
    ) -> Result<(), StateError> {
        self.memory().states.set(route, basis.key(route), name, json)
    }

    /// Whether evidence is kept in memory only because its store does not work.
    pub fn is_degraded(&self) -> bool {
        self.degraded().is_some()
    }

    /// Outcomes that are not stored yet.
    pub fn pending(&self) -> u64 {
        self.memory().pending()
    }

    /// Outcomes that were given up.
    pub fn lost(&self) -> u64 {
        self.memory().lost()
    }

    /// A holder of a lock that panicked left counts behind that are still counts.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settings(&self) -> Option<Arc<Settings>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn degraded(&self) -> MutexGuard<'_, Option<String>> {
        self.degraded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
