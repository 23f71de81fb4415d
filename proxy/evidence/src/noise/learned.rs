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
                *route = Route { basis, model: NoiseModel::default() };
            }
        }
        let path = exchange.target.split('?').next().unwrap_or_default();
        route.model.learn(&operation(&exchange.method, path), compared);
    }

    /// What was learned of a route.
    pub(crate) fn model(&self, route: &str) -> NoiseModel {
        self.routes().get(route).map(|route| route.model.clone()).unwrap_or_default()
    }

    /// A holder of the lock that panicked left counts behind that are still counts.
    fn routes(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Route>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
