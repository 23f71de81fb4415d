//! Mirrors writes for real to a new backend that has a database of its own, a clone of the shared one.
//!
//! A request takes a [`Place`] when it goes to its primary ([`Twin::enter`]); when its exchange is complete it waits there
//! for its turn ([`order`]), is translated into the new side's identifiers ([`translate`]) and sent, and the answer is
//! translated back and compared. What both sides called the new thing that a create made is learned from the answers
//! ([`learn`], [`pairing`]). An object whose write was not mirrored, or whose mirrored write failed, has *diverged*: what
//! is mirrored of it later is counted and not compared.

mod identifier;
mod scope;
mod order;
mod pairing;
mod learn;
mod translate;
mod diverged;
mod place;
mod rows;
mod writes;
mod life;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use lru::LruCache;
use routes::RouteTable;
use routes::backend::{Backend, MirrorWrites};
use routes::policy::TwinSettings;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

pub(super) use life::run;
pub(super) use place::Place;

use diverged::Diverged;
use identifier::Identifier;
use learn::Found;
use order::Order;
use pairing::{Learned, Pairings};
use rows::Rows;
use scope::{Reach, Scope};

use super::consider::Candidate;

/// Most things whose identifiers are kept as pairs: some tens of megabytes.
const MAX_PAIRS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(100_000 - 1);

/// How long a pair is kept that nobody uses.
const PAIR_LIFETIME: Duration = Duration::from_hours(24);

/// Waits between attempts of what differs. What the twin does in the background it begins later than the primary.
const PATIENCE: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_millis(1500),
];

/// Most families of which is known when they were written last.
const MAX_RECENT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(10_000 - 1);

/// Most exchanges at a time that wait for rows to become equal.
const MAX_SETTLING: usize = 8;

/// What is known of one twin, whatever table is in force.
#[derive(Debug)]
pub(super) struct Twin {
    /// Name of the backend.
    backend: Arc<str>,
    state: Mutex<State>,
    /// The databases, where rows are compared; of the table in force.
    rows: ArcSwapOption<(TwinSettings, Rows)>,
    settling: Arc<Semaphore>,
}

#[derive(Debug)]
struct State {
    order: Order<oneshot::Sender<()>>,
    pairings: Pairings,
    diverged: Diverged,
    /// When families were written last.
    recent: LruCache<u64, Instant>,
    last_write: Option<Instant>,
}

/// The twins of all tables so far, by the name of their backend: what is known of one outlives a reload.
#[derive(Debug, Default)]
pub(super) struct Twins(Mutex<BTreeMap<String, Arc<Twin>>>);

impl Twins {
    /// In order of the table's backends; `folder` is the table's, to which paths are relative. Those that it no longer names are forgotten.
    pub(super) fn of(&self, table: &RouteTable, folder: &Path) -> Vec<Option<Arc<Twin>>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_twin = |backend: &&Backend| backend.mirror_writes == MirrorWrites::Twin;
        known.retain(|name, _| {
            table.backends.iter().filter(is_twin).any(|backend| backend.name == *name)
        });
        let mut twin = |backend: &Backend| {
            let twin = known.entry(backend.name.clone());
            let twin = twin.or_insert_with(|| Arc::new(Twin::new(&backend.name)));
            twin.watch(backend.twin.as_ref(), folder);
            Arc::clone(twin)
        };
        table.backends.iter().map(|backend| is_twin(&backend).then(|| twin(backend))).collect()
    }
}

impl Twin {
    pub(super) fn new(backend: &str) -> Self {
        let state = State {
            order: Order::default(),
            pairings: Pairings::new(MAX_PAIRS, PAIR_LIFETIME),
            diverged: Diverged::default(),
            recent: LruCache::new(MAX_RECENT),
            last_write: None,
        };
        Self {
            backend: backend.into(),
            state: Mutex::new(state),
            rows: ArcSwapOption::empty(),
            settling: Arc::new(Semaphore::new(MAX_SETTLING)),
        }
    }

    /// Compares the rows of these databases from now on.
    fn watch(&self, settings: Option<&TwinSettings>, folder: &Path) {
        let known = self.rows.load();
        if known.as_deref().map(|(known, _)| known) != settings {
            let rows =
                settings.map(|settings| Arc::new((settings.clone(), Rows::new(settings, folder))));
            self.rows.store(rows);
        }
    }

    fn rows(&self) -> Option<Rows> {
        self.rows.load().as_deref().map(|(_, rows)| rows.clone())
    }

    /// Leave to wait for rows to become equal.
    fn settling(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.settling).try_acquire_owned().ok()
    }

    /// A request goes to its primary, and is to be mirrored.
    pub(super) fn enter(self: &Arc<Self>, candidate: &Candidate<'_>) -> Place {
        let scope = Scope::new(candidate.method, candidate.path, candidate.query);
        let id = self.state().order.open(scope.clone());
        Place::new(Arc::clone(self), id, scope)
    }

    /// A write that goes to its primary is not mirrored: what it touches has diverged.
    pub(super) fn miss(&self, candidate: &Candidate<'_>) {
        self.diverge(&Scope::new(candidate.method, candidate.path, candidate.query));
    }

    fn diverge(&self, scope: &Scope) {
        let mut state = self.state();
        let reach = state.reach(scope);
        if state.diverged.add(&reach) {
            tracing::warn!(
                backend = &*self.backend,
                "a write was not mirrored to the twin, or failed there: what it touches is no longer compared, nor \
                 are lists; for a full comparison make a new clone and start the proxy again"
            );
        }
    }

    /// Learns pairs from the answers to a create; what contradicts an earlier pair comes back, with that pair's partner.
    /// What is made belongs to the family of the first thing that the request names.
    fn learn(&self, found: Vec<Found>, scope: &Scope) -> Vec<(Found, String)> {
        let mut state = self.state();
        let State { pairings, .. } = &mut *state;
        let parent = scope.identifiers().first().map(|parent| (parent, pairings.family(parent)));
        let family = match (parent, found.first()) {
            (Some((parent, known)), _) => known.unwrap_or_else(|| scope::own_family(parent)),
            (None, first) => first.map_or(0, |found| scope::own_family(&found.old)),
        };
        let mut broken = Vec::new();
        for found in found {
            let pair = (found.old.clone(), found.new.clone());
            let learned = pairings.learn(pair.0, pair.1, family, Instant::now());
            if let Learned::Broken { with } = learned {
                broken.push((found, with));
            }
        }
        broken
    }

    /// A holder of the lock that panicked leaves at worst an entry behind, which its exchange's time limit ends.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the new side calls a thing of the old side.
    fn to_new(&self, old: &Identifier) -> Option<String> {
        self.state().pairings.new_of(old, Instant::now())
    }

    /// What the old side calls a thing of the new side.
    fn to_old(&self, new: &Identifier) -> Option<String> {
        self.state().pairings.old_of(new, Instant::now())
    }
}

impl State {
    fn reach(&self, scope: &Scope) -> Reach {
        scope.reach(|identifier| self.pairings.family(identifier))
    }

    fn note_write(&mut self, scope: &Scope) {
        let now = Instant::now();
        for family in self.reach(scope).families {
            self.recent.put(family, now);
        }
        self.last_write = Some(now);
    }

    /// Tells everybody whose turn has come.
    fn wake(&mut self) {
        let Self { order, pairings, .. } = self;
        let due = order.due(|scope| scope.reach(|identifier| pairings.family(identifier)));
        for turn in due {
            // Who gave up waiting has left, or is about to.
            let _gave_up = turn.send(());
        }
    }
}
