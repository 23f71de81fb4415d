//! What comparing has shown so far, by route and operation.
//!
//! The mirror records outcomes from its own runtime ([`Evidence::record`]) and counts what it dropped from anywhere
//! ([`Drops`]); the admin interface asks for a report. What is kept is bounded and masked before it gets here.
//! The store is in memory; whoever records or reports does not know.

pub mod outcome;
pub mod operation;
mod mask;
mod drops;
pub mod wilson;
mod latency;
mod groups;
mod memory;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use routes::admin::{EvidenceReport, RouteEvidence, StoreReport};

pub use drops::{DropReason, Drops};
pub use outcome::{Answered, Basis, Bodies, Compared, Exchange, Failure, Outcome, Verdict};

use memory::RouteMemory;

/// The evidence of one proxy.
#[derive(Debug)]
pub struct Evidence {
    since: DateTime<Utc>,
    routes: Mutex<BTreeMap<Arc<str>, Entry>>,
    /// Outcomes recorded so far.
    revision: AtomicU64,
}

#[derive(Debug, Default)]
struct Entry {
    drops: Arc<Drops>,
    memory: RouteMemory,
}

impl Evidence {
    /// No evidence yet.
    pub fn new(since: DateTime<Utc>) -> Self {
        Self { since, routes: Mutex::default(), revision: AtomicU64::new(0) }
    }

    /// Keeps evidence of these routes only: what a newer table no longer names is forgotten.
    pub fn keep(&self, names: &[&str]) {
        let mut routes = self.routes();
        routes.retain(|name, _| names.contains(&&**name));
        for name in names {
            if !routes.contains_key(*name) {
                routes.insert((*name).into(), Entry::default());
            }
        }
    }

    /// The counters of what was dropped of a route; lasting as long as the route does.
    pub fn drops(&self, route: &str) -> Arc<Drops> {
        self.routes().get(route).map(|entry| Arc::clone(&entry.drops)).unwrap_or_default()
    }

    /// Adds the outcome of one mirrored request. Never waits for anything but another outcome; an outcome of a route
    /// that is no longer kept is forgotten.
    pub fn record(&self, outcome: Outcome) {
        if let Some(entry) = self.routes().get_mut(&outcome.exchange.route)
            && entry.memory.record(outcome)
        {
            entry.drops.reset();
        }
        self.revision.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes with every outcome: tells whoever shows evidence when to look again.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// Everything known about these routes, in their order.
    pub fn report(&self, names: &[&str]) -> EvidenceReport {
        let routes = self.routes();
        let report = |name: &&str| {
            let entry = routes.get(*name);
            RouteEvidence {
                route: (*name).to_owned(),
                basis: entry.and_then(|entry| entry.memory.basis()),
                writes_off: None,
                dropped: entry.map(|entry| entry.drops.counts()).unwrap_or_default(),
                operations: entry.map(|entry| entry.memory.report()).unwrap_or_default(),
            }
        };
        let store = StoreReport { url: "memory".to_owned(), degraded: None, pending: 0, lost: 0 };
        EvidenceReport { since: self.since, store, routes: names.iter().map(report).collect() }
    }

    /// A holder of the lock that panicked left counts behind that are still counts.
    fn routes(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Entry>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
