//! What the old backend shows against itself: learned from control requests, and turned into rules that are proposed.
//!
//! [`NoiseModel::learn`] takes one compared exchange, [`NoiseModel::merge`] the model of another proxy or of the time
//! before a restart (the model is its own JSON state), and [`NoiseModel::report`] says what was learned. Bounded in
//! operations and paths, and pure.

mod clues;
mod order_key;
mod paths;
mod rule_uses;
mod proposals;
mod learned;
mod keep;

use std::collections::BTreeMap;

use routes::admin::{DifferenceKind, RouteEvidence, RouteNoise, Volatility};
use routes::compare::CompareRules;
use serde::{Deserialize, Serialize};

use super::outcome::Compared;
use super::wilson;
pub(crate) use learned::Learned;
use paths::PathNoise;
use rule_uses::RuleUses;

/// Most operations of one route that are told apart; later ones are left out.
const MAX_OPERATIONS: usize = 64;

/// Most volatile places over all operations of one route; later ones are left out.
const MAX_PLACES: usize = 500;

/// Longest path that is learned, bytes: what a table takes as a JSON path.
const MAX_PATH: usize = 256;

/// The noise of one route for one basis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NoiseModel {
    operations: BTreeMap<String, OperationNoise>,
    rules: RuleUses,
}

/// The noise of one operation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct OperationNoise {
    /// Control requests that were answered and compared.
    controls: u64,
    /// By general path, then by kind.
    places: BTreeMap<String, BTreeMap<DifferenceKind, PathNoise>>,
}

impl NoiseModel {
    /// Learns from one compared exchange of an operation: from the two old answers where a control request was made,
    /// and what each compare rule silenced in any case.
    pub fn learn(&mut self, operation: &str, compared: &Compared) {
        self.rules.learn(&compared.comparison);
        let Some(control) = &compared.control else { return };
        let is_known = self.operations.contains_key(operation);
        if !is_known && self.operations.len() >= MAX_OPERATIONS {
            return;
        }
        let mut room = MAX_PLACES.saturating_sub(self.places());
        let noise = self.operations.entry(operation.to_owned()).or_default();
        noise.controls += 1;
        for difference in &control.differences {
            if difference.path.len() > MAX_PATH {
                continue;
            }
            if let Some(place) = noise.place(&difference.path, difference.kind, &mut room) {
                place.learn(difference);
            }
        }
    }

    /// Adds what another proxy learned, or this one before it was started anew; for the same basis only.
    pub fn merge(&mut self, other: &Self) {
        self.rules.merge(&other.rules);
        let mut room = MAX_PLACES.saturating_sub(self.places());
        for (operation, noise) in &other.operations {
            let is_known = self.operations.contains_key(operation);
            if !is_known && self.operations.len() >= MAX_OPERATIONS {
                continue;
            }
            self.operations.entry(operation.clone()).or_default().merge(noise, &mut room);
        }
    }

    /// What was learned of a route, and the rules that would silence it; `evidence` and `rules` are of the same basis.
    pub fn report(&self, evidence: &RouteEvidence, rules: &CompareRules) -> RouteNoise {
        RouteNoise {
            route: evidence.route.clone(),
            volatile: self.volatile(),
            proposals: proposals::of(self, evidence),
            doubtful_rules: self.rules.doubtful(rules),
        }
    }

    fn volatile(&self) -> Vec<Volatility> {
        let mut volatile: Vec<Volatility> = self
            .each_place()
            .map(|place| {
                let (lower, upper) = place.interval();
                Volatility {
                    operation: place.operation.to_owned(),
                    path: place.path.to_owned(),
                    kind: place.kind,
                    controls: place.controls,
                    changed: place.noise.changed,
                    lower,
                    upper,
                    likely: place.noise.likely(place.kind),
                }
            })
            .collect();
        // Stable: places of one volatility stay in the order of operation and path.
        volatile.sort_by(|one, other| other.lower.total_cmp(&one.lower));
        volatile
    }

    fn each_place(&self) -> impl Iterator<Item = Place<'_>> {
        self.operations.iter().flat_map(|(operation, noise)| {
            let controls = noise.controls;
            noise.places.iter().flat_map(move |(path, kinds)| {
                kinds.iter().map(move |(kind, noise)| Place {
                    operation,
                    controls,
                    path,
                    kind: *kind,
                    noise,
                })
            })
        })
    }

    fn places(&self) -> usize {
        self.each_place().count()
    }
}

impl OperationNoise {
    /// The place, made where there is room for it.
    fn place(
        &mut self,
        path: &str,
        kind: DifferenceKind,
        room: &mut usize,
    ) -> Option<&mut PathNoise> {
        let is_known = self.places.get(path).is_some_and(|kinds| kinds.contains_key(&kind));
        if !is_known {
            *room = room.checked_sub(1)?;
        }
        Some(self.places.entry(path.to_owned()).or_default().entry(kind).or_default())
    }

    fn merge(&mut self, other: &Self, room: &mut usize) {
        self.controls += other.controls;
        for (path, kinds) in &other.places {
            for (kind, noise) in kinds {
                if let Some(place) = self.place(path, *kind, room) {
                    place.merge(noise);
                }
            }
        }
    }
}

/// One place where the old backend differs from itself.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    operation: &'a str,
    controls: u64,
    path: &'a str,
    kind: DifferenceKind,
    noise: &'a PathNoise,
}

impl Place<'_> {
    /// How often the place changes: the 95 % Wilson interval.
    fn interval(&self) -> (f64, f64) {
        wilson::interval(self.noise.changed, self.controls)
    }
}

#[cfg(test)]
mod tests;
