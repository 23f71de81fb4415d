//! One generation at run time: the table, and what requests need at hand to follow it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use routes::{BackendId, Route, RouteId, RouteTable};

use crate::backends::Pool;
use crate::guard::Tally;
use crate::metrics::{Handles, Metrics, NO_ROUTE};
use crate::mirror::MirrorTable;

/// A generation with everything that belongs to it. Immutable: a request holds one from its first
/// hook to its last, whatever is published meanwhile.
#[derive(Debug)]
pub(crate) struct InForce {
    /// What the file says.
    pub(crate) table: RouteTable,
    /// The text that the table was parsed from, for the journal.
    pub(crate) text: String,
    /// Since when.
    pub(crate) since: DateTime<Utc>,
    /// In order of the table's backends.
    pub(crate) pools: Vec<Arc<Pool>>,
    /// What is mirrored, and within which bounds.
    pub(crate) mirror: MirrorTable,
    /// The guard made it: the file does not say all of it yet.
    pub(crate) is_override: bool,
    /// In order of the table's routes.
    routes: Vec<RouteHandles>,
    unmatched: Handles,
}

#[derive(Debug)]
struct RouteHandles {
    old: Handles,
    new: Handles,
    tally: Arc<Tally>,
}

impl InForce {
    /// Puts a generation together; it counts as in force from now on.
    pub(crate) fn new(
        table: RouteTable,
        text: String,
        pools: Vec<Arc<Pool>>,
        mirror: MirrorTable,
        metrics: &Metrics,
    ) -> Self {
        let routes = table
            .routes
            .iter()
            .map(|route| RouteHandles {
                old: metrics.handles(&route.name, &table.backend(route.old).name),
                new: metrics.handles(&route.name, &table.backend(route.new).name),
                tally: Arc::default(),
            })
            .collect();
        let unmatched = metrics.handles(NO_ROUTE, &table.backend(table.fallback).name);
        Self {
            table,
            text,
            since: Utc::now(),
            pools,
            mirror,
            is_override: false,
            routes,
            unmatched,
        }
    }

    /// The servers of a backend of this table.
    pub(crate) fn pool(&self, backend: BackendId) -> Option<&Arc<Pool>> {
        self.pools.get(backend.index())
    }

    /// The metric handles of a request: by route (none: the fallback) and backend that answered.
    pub(crate) fn handles(&self, route: Option<RouteId>, backend: BackendId) -> &Handles {
        route.and_then(|route| self.handles_at(route.index(), backend)).unwrap_or(&self.unmatched)
    }

    /// The metric handles of a route of this table and a backend that answers it.
    pub(crate) fn route_handles(&self, route: &Route, backend: BackendId) -> Option<&Handles> {
        let index = self.table.routes.iter().position(|one| one.name == route.name)?;
        self.handles_at(index, backend)
    }

    /// What the guard reads of a route.
    pub(crate) fn tally(&self, route: RouteId) -> Option<&Tally> {
        self.routes.get(route.index()).map(|handles| &*handles.tally)
    }

    /// Every route with what the guard reads of it.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = (&Route, &Arc<Tally>)> {
        self.table.routes.iter().zip(self.routes.iter().map(|handles| &handles.tally))
    }

    fn handles_at(&self, index: usize, backend: BackendId) -> Option<&Handles> {
        let handles = self.routes.get(index)?;
        let is_new = self.table.routes.get(index)?.new == backend;
        Some(if is_new { &handles.new } else { &handles.old })
    }
}
