//! Sends copies of requests to the other backend and has the two answers compared, off the client's path.
//!
//! A request is considered where it goes to its primary ([`Mirror::begin`]); its answer is captured as it passes
//! ([`Capture`]); when it is complete, the mirrored request is sent from a runtime of the mirror's own and its
//! outcome recorded. The client's side only ever copies bytes and takes or returns permits: it waits for nothing, and
//! what does not fit into the bounds is dropped and counted.

mod budget;
mod table;
mod consider;
mod request;
mod rehearse;
mod rehearse_standing;
mod capture;
mod rate;
mod spare;
mod connection;
mod idle;
mod client;
mod exchange;
mod control;
mod twin;
mod recording;
mod feed;
mod metrics;
mod service;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use http::HeaderValue;
use prometheus_client::registry::Registry;
use routes::{BackendId, RouteTable};
use tokio::runtime::Handle;

pub use crate::backends::{Build, Server};
pub use capture::Capture;
pub use consider::Candidate;
pub use feed::{Feed, Listener};
pub use recording::{Recordable, Recording};
pub use rehearse::{MAX_BODY, Rehearsal};
pub use request::MARK;
pub use table::MirrorTable;

use budget::Budgets;
use client::Client;
use evidence::Evidence;
use metrics::Metrics;
use rehearse::Rehearsals;
use spare::Spare;
use table::RouteMirror;
use twin::Twins;

/// Mirrors requests. One for a proxy, whatever table is in force.
#[derive(Debug)]
pub struct Mirror {
    evidence: Arc<Evidence>,
    client: Client,
    /// Tells a mirrored request from a client's; made anew at each start.
    mark: HeaderValue,
    /// The mirror's own runtime, once it runs.
    runtime: OnceLock<Handle>,
    is_stopping: AtomicBool,
    /// Whether there is CPU for copies.
    spare: Arc<Spare>,
    /// What all routes hold together.
    held: Arc<Budgets>,
    /// What each route holds, by name: it outlives a reload.
    held_by_route: Mutex<BTreeMap<Arc<str>, Arc<Budgets>>>,
    twins: Twins,
    /// Finished exchanges for whoever listens.
    feed: Arc<Feed>,
    /// The route table's, to which paths in it are relative.
    folder: OnceLock<PathBuf>,
    metrics: Arc<Metrics>,
}

impl Mirror {
    /// A mirror that drops everything until it [runs](Self::run_on).
    pub fn new(evidence: Arc<Evidence>) -> Self {
        let held = Arc::new(Budgets::default());
        let spare = Arc::new(Spare::new(Instant::now()));
        Self {
            evidence,
            client: Client::default(),
            mark: request::new_mark(),
            runtime: OnceLock::new(),
            is_stopping: AtomicBool::new(false),
            metrics: Arc::new(Metrics::new(Arc::clone(&held), Arc::clone(&spare))),
            spare,
            held,
            held_by_route: Mutex::default(),
            twins: Twins::default(),
            feed: Arc::default(),
            folder: OnceLock::new(),
        }
    }

    /// Adds the mirror's metrics to a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// What requests need at hand to be mirrored as a table says. Called once for each table, before it is in force;
    /// evidence of routes that it no longer names is forgotten. `build_of` says how to learn a backend's build.
    pub fn prepare(
        &self,
        table: &RouteTable,
        build_of: impl Fn(BackendId) -> Build,
    ) -> MirrorTable {
        let names: Vec<&str> = table.routes.iter().map(|route| route.name.as_str()).collect();
        self.evidence.keep(&names);
        let mut held = self.held_by_route.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|name, _| names.contains(&&**name));
        let twins =
            self.twins.of(table, self.folder.get().map_or(Path::new("."), PathBuf::as_path));
        let routes = table.routes.iter().map(|route| {
            let name: Arc<str> = route.name.as_str().into();
            let held = Arc::clone(held.entry(Arc::clone(&name)).or_default());
            let drops = self.evidence.drops(&name);
            let (rules, metrics) = ((route, &*table.evidence.mask), Arc::clone(&self.metrics));
            let mirror = RouteMirror::new(name, rules, build_of(route.new), held, drops, metrics);
            let twin = twins.get(route.new.index()).cloned().flatten();
            let writes = table.backend(route.new).mirror_writes;
            Arc::new(mirror.with_twin(twin).rehearsing(Rehearsals::new(route, writes)))
        });
        MirrorTable::new(routes.collect(), &table.mirroring)
    }

    /// Says to which folder paths in the table are relative; without it, to the process's.
    pub fn resolve_in(&self, folder: &Path) {
        // Said once, at the start.
        let _first_stays = self.folder.set(folder.to_owned());
    }

    /// Starts to mirror, on this runtime. It should have threads of its own: nothing that the other backend does, and
    /// no large comparison, may then hold up a client.
    pub fn run_on(&self, runtime: Handle) {
        // Running twice would change nothing; the first runtime stays.
        let _first_stays = self.runtime.set(runtime);
    }

    /// Drops every later request. Exchanges in flight are left to their time-outs.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Exchanges in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.held.slots.held()
    }

    /// Finished exchanges of every route, at any stage.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    fn runtime(&self) -> Option<&Handle> {
        let is_stopping = self.is_stopping.load(Ordering::Relaxed);
        self.runtime.get().filter(|_| !is_stopping)
    }
}

#[cfg(test)]
mod tests;
