//! The table that new requests see: published whole, or not at all.

mod in_force;
pub(crate) mod load;
pub(crate) mod first;
pub(crate) mod watch;
pub(crate) mod hand_edits;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use chrono::{SubsecRound as _, Utc};
use routes::admin::{LostSource, RejectedTable};
use tokio::sync::watch as changes;

pub(crate) use in_force::InForce;

use crate::guard::TakenBacks;
use crate::metrics::Metrics;

/// The generation in force, and why a newer file is not.
#[derive(Debug)]
pub(crate) struct LiveTable {
    current: ArcSwap<InForce>,
    rejected: ArcSwapOption<RejectedTable>,
    /// The database that the table is in can't be reached.
    lost: ArcSwapOption<LostSource>,
    /// Counts publications and rejections; waiting on it is how one learns of either.
    changes: changes::Sender<u64>,
    /// Counts the states in which the journal was seen.
    journal: AtomicU64,
    /// What the guard took back, which may hold although the file does not say so yet.
    pub(crate) taken_back: TakenBacks,
    metrics: Arc<Metrics>,
}

impl LiveTable {
    /// Starts with a first generation.
    pub(crate) fn new(first: InForce, metrics: Arc<Metrics>) -> Self {
        metrics.published(&first);
        Self {
            current: ArcSwap::from_pointee(first),
            rejected: ArcSwapOption::empty(),
            lost: ArcSwapOption::empty(),
            changes: changes::Sender::new(0),
            journal: AtomicU64::new(0),
            taken_back: TakenBacks::default(),
            metrics,
        }
    }

    /// The generation in force now, to be kept for as long as the caller's work takes.
    pub(crate) fn snapshot(&self) -> Arc<InForce> {
        self.current.load_full()
    }

    /// Why the file is not what is in force; `None` while it is.
    pub(crate) fn rejected(&self) -> Option<Arc<RejectedTable>> {
        self.rejected.load_full()
    }

    /// Changes with every publication and every rejection.
    pub(crate) fn changes(&self) -> changes::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Puts a generation in force for every request that starts from now on. `false`, and nothing is done, where `before`
    /// is not in force any more: the file and the guard may want something new at the same time.
    #[must_use]
    pub(crate) fn publish(&self, before: &Arc<InForce>, next: InForce) -> bool {
        let next = Arc::new(next);
        if !Arc::ptr_eq(&self.current.compare_and_swap(before, Arc::clone(&next)), before) {
            return false;
        }
        self.metrics.published(&next);
        forget_gone_routes(before, &next, &self.metrics);
        self.taken_back.published(&next.table);
        if !next.is_override {
            self.rejected.store(None);
        }
        self.changed();
        true
    }

    /// Keeps what is in force and says why.
    pub(crate) fn reject(&self, rejected: RejectedTable) {
        self.metrics.tables_rejected.inc();
        self.metrics.table_rejected.set(1);
        self.rejected.store(Some(Arc::new(rejected)));
        self.changed();
    }

    /// The file is again what is in force: a rejected text was undone.
    pub(crate) fn confirm(&self) {
        if self.rejected.swap(None).is_some() {
            self.metrics.table_rejected.set(0);
            self.changed();
        }
    }

    /// Since when and why the table's database can't be reached; `None` while it can.
    pub(crate) fn lost(&self) -> Option<Arc<LostSource>> {
        self.lost.load_full()
    }

    /// The database can't be reached: what is in force stays. `from_copy`: at the start already.
    pub(crate) fn source_lost(&self, why: String, from_copy: bool) {
        let known = self.lost.load_full();
        if known.as_ref().is_some_and(|known| known.why == why) {
            return;
        }
        tracing::error!(
            why,
            from_copy,
            "the route table's database can't be reached; the last good generation stays in force"
        );
        let lost = match known {
            Some(known) => LostSource { why, ..(*known).clone() },
            None => LostSource { since: Utc::now().trunc_subsecs(3), why, from_copy },
        };
        self.metrics.table_source_lost.set(lost.since.timestamp());
        self.lost.store(Some(Arc::new(lost)));
        self.changed();
    }

    /// The database can be reached.
    pub(crate) fn source_found(&self) {
        if let Some(lost) = self.lost.swap(None) {
            tracing::info!(since = %lost.since, "the route table's database is back");
            self.metrics.table_source_lost.set(0);
            self.changed();
        }
    }

    /// The journal is another than it was.
    pub(crate) fn journal_changed(&self) {
        self.journal.fetch_add(1, Ordering::Relaxed);
    }

    /// Differs where the journal differs, as far as it was looked at.
    pub(crate) fn journal_revision(&self) -> u64 {
        self.journal.load(Ordering::Relaxed)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

fn forget_gone_routes(before: &InForce, next: &InForce, metrics: &Metrics) {
    let still_there = |name: &str| next.table.route_named(name).is_some();
    for route in before.table.routes.iter().filter(|route| !still_there(&route.name)) {
        metrics.forget(&route.name, &before.table.backend(route.old).name);
        metrics.forget(&route.name, &before.table.backend(route.new).name);
    }
}
