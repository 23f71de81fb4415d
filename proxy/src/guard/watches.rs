//! Every route of the table in force under watch; what is known of a route outlives the generation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use routes::{Route, RouteTable, Stage};

use super::judge::{Finding, Watched};
use crate::live_table::{InForce, LiveTable};

/// A route that passed a limit, and where it stands.
#[derive(Debug)]
pub(super) struct Crossed {
    pub(super) route: String,
    pub(super) stage: Stage,
    pub(super) finding: Finding,
}

/// Where a route stands, as far as it matters to what was seen of the new backend.
#[derive(Debug, Clone, PartialEq)]
struct Place {
    stage: Stage,
    percent: f64,
    old: String,
    new: String,
}

impl Place {
    fn of(table: &RouteTable, route: &Route) -> Self {
        let percent = if route.stage == Stage::Canary { route.canary.percent } else { 0.0 };
        Self {
            stage: route.stage,
            percent,
            old: table.backend(route.old).name.clone(),
            new: table.backend(route.new).name.clone(),
        }
    }
}

/// Every route under watch.
#[derive(Debug, Default)]
pub(super) struct Watches {
    in_force: Option<Arc<InForce>>,
    routes: BTreeMap<String, (Place, Watched)>,
}

impl Watches {
    /// Takes in what was answered and names the routes that passed a limit.
    pub(super) fn look(&mut self, live: &LiveTable, now: Duration) -> Vec<Crossed> {
        let in_force = live.snapshot();
        self.follow(&in_force, live);
        let mut crossed = Vec::new();
        for route in &in_force.table.routes {
            let Some((_, watched)) = self.routes.get_mut(&route.name) else { continue };
            // Always looked at: the old backend's own figures are gathered at every stage.
            let finding = watched.look(now, &route.guard);
            let is_judged =
                route.guard.enabled && matches!(route.stage, Stage::Canary | Stage::Service);
            if let Some(finding) = finding.filter(|_| is_judged) {
                crossed.push(Crossed { route: route.name.clone(), stage: route.stage, finding });
            }
        }
        crossed
    }

    fn follow(&mut self, in_force: &Arc<InForce>, live: &LiveTable) {
        if self.in_force.as_ref().is_some_and(|known| Arc::ptr_eq(known, in_force)) {
            return;
        }
        let mut before = std::mem::take(&mut self.routes);
        for (route, tally) in in_force.tallies() {
            let place = Place::of(&in_force.table, route);
            let tally = Arc::clone(tally);
            let known = before.remove(&route.name);
            let watched = match known {
                Some((was, mut watched)) if (&was.old, &was.new) == (&place.old, &place.new) => {
                    watched.follow(tally);
                    if was != place {
                        let taken = live.taken_back.report(&route.name);
                        watched.moved(taken.is_some_and(|taken| taken.to == place.stage));
                    }
                    watched
                }
                _ => Watched::new(tally),
            };
            self.routes.insert(route.name.clone(), (place, watched));
        }
        self.in_force = Some(Arc::clone(in_force));
    }
}
