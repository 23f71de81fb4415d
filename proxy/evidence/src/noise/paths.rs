//! The volatility of one place: how often it changed, and what its values look like together.

use compare::Difference;
use routes::admin::{DifferenceKind, Likely};
use serde::{Deserialize, Serialize};

use super::clues::{Clue, clue};
use super::order_key;

/// Numbers this close to each other (relative) differ in their last digits only; also the largest tolerance proposed,
/// because a tolerance holds for every number of the route.
pub(super) const JITTER: f64 = 1e-6;

/// What control requests have shown at one place, for one kind of difference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct PathNoise {
    /// Control requests that showed it.
    pub(super) changed: u64,
    times: u64,
    identifiers: u64,
    numbers: u64,
    /// Numbers that were larger when they were asked for later.
    grown: u64,
    /// Pairs of numbers of which one is no integer.
    fractions: u64,
    /// Largest relative difference of two numbers.
    spread: f64,
    /// Fields that told the elements of a reordered array apart every time, the best first.
    keys: Option<Vec<String>>,
}

impl PathNoise {
    pub(super) fn learn(&mut self, difference: &Difference) {
        self.changed += 1;
        if difference.kind == DifferenceKind::Order {
            self.narrow_keys(order_key::candidates(&difference.old, &difference.new));
            return;
        }
        if difference.kind != DifferenceKind::Value {
            return;
        }
        match clue(&difference.old, &difference.new) {
            Clue::Time => self.times += 1,
            Clue::Identifier => self.identifiers += 1,
            Clue::Number { has_grown, is_fraction, spread } => {
                self.numbers += 1;
                self.grown += u64::from(has_grown);
                self.fractions += u64::from(is_fraction);
                self.spread = self.spread.max(spread);
            }
            Clue::Nothing => {}
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.changed += other.changed;
        self.times += other.times;
        self.identifiers += other.identifiers;
        self.numbers += other.numbers;
        self.grown += other.grown;
        self.fractions += other.fractions;
        self.spread = self.spread.max(other.spread);
        if let Some(keys) = &other.keys {
            self.narrow_keys(keys.clone());
        }
    }

    fn narrow_keys(&mut self, candidates: Vec<String>) {
        match &mut self.keys {
            Some(keys) => keys.retain(|key| candidates.contains(key)),
            none => *none = Some(candidates),
        }
    }

    /// What the values likely are. One value that does not fit is enough to make it unknown.
    pub(super) fn likely(&self, kind: DifferenceKind) -> Likely {
        let is_all = |count: u64| count == self.changed && count > 0;
        match kind {
            DifferenceKind::Order => Likely::Order,
            DifferenceKind::Value if is_all(self.times) => Likely::Time,
            DifferenceKind::Value if is_all(self.identifiers) => Likely::Identifier,
            DifferenceKind::Value if self.are_numbers() && is_all(self.grown) => Likely::Counter,
            DifferenceKind::Value
                if self.are_numbers() && self.fractions > 0 && self.spread <= JITTER =>
            {
                Likely::FloatJitter
            }
            _ => Likely::Unknown,
        }
    }

    /// Both sides were numbers every time.
    pub(super) fn are_numbers(&self) -> bool {
        self.numbers == self.changed && self.numbers > 0
    }

    /// Largest relative difference of two numbers.
    pub(super) fn spread(&self) -> f64 {
        self.spread
    }

    /// The field that tells the elements of the array apart; empty: the whole element.
    pub(super) fn key(&self) -> &str {
        self.keys.as_ref().and_then(|keys| keys.first()).map_or("", String::as_str)
    }
}
