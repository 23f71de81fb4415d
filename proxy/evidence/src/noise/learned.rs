//! What was learned of every route, for the basis that its evidence is of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::NoiseModel;
use crate::operation::operation;
use crate::outcome::{Basis, Outcome, Verdict};

/// The models of every route that is kept.
#[derive(Debug, Default)]
pub(crate) struct Learned(Mutex<BTreeMap<Arc<str>, Route>>);

#[derive(Debug, Default)]
struct Route {
    /// What the model is of, and when the first exchange of it came.
    basis: Option<(Arc<Basis>, DateTime<Utc>)>,
    model: NoiseModel,
    /// What this proxy learned in earlier runs is in the model.
    is_restored: bool,
    /// Something was learned since the model was last kept.
    is_changed: bool,
}

impl Learned {
    /// Keeps these routes only.
    pub(crate) fn keep(&self, names: &[&str]) {
        let mut routes = self.routes();
        routes.retain(|name, _| names.contains(&&**name));
        for name in names {
            if !routes.contains_key(*name) {
                routes.insert((*name).into(), Route::default());
            }
        }
    }

    /// Learns from an outcome; a new basis is learned anew, and a straggler of an older one is left out.
    pub(crate) fn learn(&self, outcome: &Outcome) {
        let Verdict::Compared(compared) = &outcome.verdict else { return };
        let exchange = &outcome.exchange;
        let mut routes = self.routes();
        let Some(route) = routes.get_mut(&exchange.route) else { return };
        match &route.basis {
            Some((basis, _)) if *basis == exchange.basis => {}
            Some((_, since)) if exchange.at < *since => return,
            _ => {
                let basis = Some((Arc::clone(&exchange.basis), exchange.at));
                *route = Route { basis, ..Route::default() };
            }
        }
        let path = exchange.target.split('?').next().unwrap_or_default();
        route.model.learn(&operation(&exchange.method, path), compared);
        route.is_changed = true;
    }

    /// What this proxy learned of a route with a basis, and whether its earlier runs are in it.
    pub(crate) fn model(&self, route: &str, basis: &Basis) -> (NoiseModel, bool) {
        let routes = self.routes();
        let known = routes.get(route).filter(|route| route.is_of(basis));
        known.map(|route| (route.model.clone(), route.is_restored)).unwrap_or_default()
    }

    /// The routes of which something was learned that is not kept yet, and whether their earlier runs are in it.
    pub(crate) fn unkept(&self) -> Vec<(Arc<str>, Arc<Basis>, bool)> {
        let routes = self.routes();
        let changed = routes.iter().filter(|(_, route)| route.is_changed);
        changed
            .filter_map(|(name, route)| {
                let (basis, _) = route.basis.as_ref()?;
                Some((Arc::clone(name), Arc::clone(basis), route.is_restored))
            })
            .collect()
    }

    /// Adds what this proxy learned in earlier runs, once.
    pub(crate) fn restore(&self, route: &str, basis: &Basis, earlier: Option<&NoiseModel>) {
        let mut routes = self.routes();
        let known = routes.get_mut(route).filter(|route| route.is_of(basis));
        let Some(route) = known.filter(|route| !route.is_restored) else { return };
        if let Some(earlier) = earlier {
            route.model.merge(earlier);
        }
        route.is_restored = true;
    }

    /// The model to keep; it counts as kept from now on.
    pub(crate) fn to_keep(&self, route: &str, basis: &Basis) -> Option<NoiseModel> {
        let mut routes = self.routes();
        let route = routes.get_mut(route).filter(|route| route.is_of(basis))?;
        route.is_changed = false;
        Some(route.model.clone())
    }

    /// A holder of the lock that panicked left counts behind that are still counts.
    fn routes(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Route>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Route {
    fn is_of(&self, basis: &Basis) -> bool {
        self.basis.as_ref().is_some_and(|(known, _)| **known == *basis)
    }
}
