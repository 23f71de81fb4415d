//! What a table says about mirroring, prepared once so that a request takes no lookup by name.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use compare::Rules;
use http::HeaderName;
use routes::backend::MirrorWrites;
use routes::compare::CompareRules;
use routes::table::MirrorBounds;
use routes::{Route, RouteId};
use serde_json_path::JsonPath;

use super::budget::{Budgets, Limits};
use super::metrics::{DroppedCounters, Metrics};
use super::rate::Rate;
use super::rehearse::Rehearsals;
use super::twin::Twin;
use crate::backends::Build;
use evidence::{Basis, DropReason, Drops};

/// What one table says about mirroring.
#[derive(Debug)]
pub struct MirrorTable {
    /// In order of the table's routes.
    routes: Vec<Arc<RouteMirror>>,
    pub(super) bounds: Bounds,
}

/// Bounds of one table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) all: Limits,
    /// Of one route: half of all, so that one slow route leaves room for the others.
    pub(super) route: Limits,
    /// Longest body, bytes: as received, and decoded.
    pub(super) max_body: usize,
    /// Longest time for a mirrored request and its answer.
    pub(super) timeout: Duration,
}

impl MirrorTable {
    pub(super) fn new(routes: Vec<Arc<RouteMirror>>, bounds: &MirrorBounds) -> Self {
        let all = Limits { slots: bounds.max_in_flight, bytes: bounds.max_in_flight_bytes };
        let route = Limits { slots: all.slots.div_ceil(2), bytes: all.bytes.div_ceil(2) };
        let bounds =
            Bounds { all, route, max_body: bounds.max_body_bytes, timeout: bounds.timeout };
        Self { routes, bounds }
    }

    pub(super) fn route(&self, route: RouteId) -> Option<&Arc<RouteMirror>> {
        self.routes.get(route.index())
    }

    /// Whether a write of this route is among the share that is rehearsed.
    pub fn chooses_write(&self, route: RouteId) -> bool {
        self.route(route).is_some_and(|route| route.rehearsals.choose())
    }

    /// Why writes of the route of this name are not mirrored although the table asks for it.
    pub fn writes_off(&self, route: &str) -> Option<String> {
        self.routes.iter().find(|one| &*one.name == route)?.writes_off()
    }
}

/// What one route of one table says about mirroring, and where it counts.
#[derive(Debug)]
pub(super) struct RouteMirror {
    pub(super) name: Arc<str>,
    /// Share of reads that is mirrored to the new backend.
    pub(super) sample: f64,
    /// Share of reads that is mirrored to the old one, after the flip.
    pub(super) verify: f64,
    /// Most reads a second that are mirrored.
    pub(super) rate: Option<Rate>,
    /// Share of those for which the old backend is asked again.
    pub(super) control: f64,
    pub(super) rules: Rules,
    /// Places in bodies that are never shown.
    pub(super) masks: Vec<JsonPath>,
    /// The headers of an answer that are compared or say how to read its body; each once.
    pub(super) compared_headers: Vec<HeaderName>,
    basis: ArcSwap<Basis>,
    /// Of the new backend.
    build: Build,
    /// The new backend, where it has a database of its own.
    pub(super) twin: Option<Arc<Twin>>,
    pub(super) rehearsals: Rehearsals,
    /// What rows are compared by.
    pub(super) row_rules: CompareRules,
    pub(super) held: Arc<Budgets>,
    drops: Arc<Drops>,
    dropped_counters: DroppedCounters,
    pub(super) metrics: Arc<Metrics>,
}

impl RouteMirror {
    pub(super) fn new(
        name: Arc<str>,
        (route, masks): (&Route, &[JsonPath]),
        build: Build,
        held: Arc<Budgets>,
        drops: Arc<Drops>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let rules = Rules::new(route.compare.clone(), masks.to_vec());
        Self {
            name,
            sample: route.mirror.sample,
            verify: route.mirror.verify,
            // A burst of one: the new backend gets a constant rate, not a second's worth at once.
            rate: route.mirror.rate.map(|rate| Rate::new(rate, 1, Instant::now())),
            control: route.mirror.control,
            compared_headers: compared_headers(&rules),
            rules,
            masks: masks.to_vec(),
            basis: ArcSwap::from_pointee(Basis::new(&route.compare, build.get())),
            build,
            twin: None,
            rehearsals: Rehearsals::new(route, MirrorWrites::Never),
            row_rules: route.compare.clone(),
            held,
            drops,
            dropped_counters: DroppedCounters::default(),
            metrics,
        }
    }

    /// Mirrors writes as well: the new backend is a twin.
    pub(super) fn with_twin(mut self, twin: Option<Arc<Twin>>) -> Self {
        // What a create has made may be named there only.
        if twin.is_some() && !self.compared_headers.contains(&http::header::LOCATION) {
            self.compared_headers.push(http::header::LOCATION);
        }
        self.twin = twin;
        self
    }

    /// The same, rehearsing as said; by itself it rehearses nothing.
    pub(super) fn rehearsing(self, rehearsals: Rehearsals) -> Self {
        Self { rehearsals, ..self }
    }

    /// What outcomes count for now: these rules and the new backend's present build.
    pub(super) fn basis(&self) -> Arc<Basis> {
        let known = self.basis.load_full();
        let build = self.build.get();
        if known.build == build {
            return known;
        }
        let basis = Arc::new(Basis { rules: known.rules, build });
        self.basis.store(Arc::clone(&basis));
        basis
    }

    /// Counts a request that was not mirrored, or whose answers were not compared.
    pub(super) fn dropped(&self, reason: DropReason) {
        self.drops.add(reason);
        self.dropped_counters.count(&self.metrics, &self.name, reason);
    }
}

fn compared_headers(rules: &Rules) -> Vec<HeaderName> {
    let mut names = Vec::new();
    for name in rules.headers().filter_map(|name| name.parse().ok()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
