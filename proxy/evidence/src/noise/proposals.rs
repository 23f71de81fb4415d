//! Rules made from noise: narrow, typed, with their origin; proposed, never applied.
//!
//! Only different values of one type and different orders give a rule, so none can hide an added, removed or retyped field.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use compare::Rules;
use routes::admin::{
    DifferenceGroup, DifferenceKind, Likely, Proposal, ProposalKind, RouteEvidence,
};
use routes::compare::CompareRules;
use serde_json_path::JsonPath;

use super::clues::are_equal;
use super::paths::JITTER;
use super::{NoiseModel, Place};

/// Fewest control requests that showed a place changed before a rule is made of it: as many growing numbers in a row
/// are a coincidence once in 256 times.
const MIN_CHANGED: u64 = 8;

/// Least lower bound of the volatility: what changes less often is a state that moved, not noise.
const MIN_VOLATILITY: f64 = 0.1;

/// The rules that would silence what is noise, those that silence most first.
pub(super) fn of(model: &NoiseModel, evidence: &RouteEvidence) -> Vec<Proposal> {
    let mut rules: BTreeMap<(ProposalKind, &str), Vec<Place<'_>>> = BTreeMap::new();
    for place in model.each_place() {
        if let Some(kind) = kind_for(&place) {
            // One tolerance holds for the whole route.
            let path = if kind == ProposalKind::Tolerance { "" } else { place.path };
            rules.entry((kind, path)).or_default().push(place);
        }
    }
    let mut proposals: Vec<Proposal> = rules
        .into_iter()
        .filter_map(|((kind, path), places)| {
            let value = value(kind, &places);
            let rule = rule(kind, path, &value)?;
            let would_silence = silenced(&rule.into(), kind, path, evidence);
            Some(Proposal {
                kind,
                path: path.to_owned(),
                value,
                origin: origin(&places)?,
                would_silence,
            })
        })
        .collect();
    proposals.sort_by_key(|proposal| std::cmp::Reverse(proposal.would_silence));
    proposals
}

/// The kind of rule that a place gives, if any.
fn kind_for(place: &Place<'_>) -> Option<ProposalKind> {
    let is_noise = place.noise.changed >= MIN_CHANGED && place.interval().0 >= MIN_VOLATILITY;
    if !is_noise || !place.path.starts_with('$') {
        return None;
    }
    match place.noise.likely(place.kind) {
        Likely::Time => Some(ProposalKind::Timestamp),
        Likely::Identifier => Some(ProposalKind::Identifier),
        Likely::Counter => Some(ProposalKind::Number),
        Likely::Order => Some(ProposalKind::Unordered),
        Likely::FloatJitter => Some(ProposalKind::Tolerance),
        // Numbers that go up and down: a gauge, a duration, a random number.
        Likely::Unknown if place.noise.are_numbers() => Some(ProposalKind::Number),
        Likely::Unknown => None,
    }
}

fn value(kind: ProposalKind, places: &[Place<'_>]) -> String {
    match kind {
        ProposalKind::Unordered => {
            places.first().map(|place| place.noise.key().to_owned()).unwrap_or_default()
        }
        ProposalKind::Tolerance => {
            let spread = places.iter().map(|place| place.noise.spread()).fold(0.0, f64::max);
            tolerance(spread)
        }
        _ => String::new(),
    }
}

/// The least of 1, 2 or 5 times a power of ten that is at least twice the spread seen, as it would be written; at most
/// [`JITTER`].
fn tolerance(spread: f64) -> String {
    (-16..-6)
        .flat_map(|exponent| [1, 2, 5].map(|digit| format!("{digit}e{exponent}")))
        .find(|written| written.parse::<f64>().is_ok_and(|value| value >= 2.0 * spread))
        .unwrap_or_else(|| format!("{JITTER:e}"))
}

/// The proposal as the comparer would have it; `None` where the path is no JSON path (a name that was cut).
fn rule(kind: ProposalKind, path: &str, value: &str) -> Option<CompareRules> {
    let mut rules = CompareRules::default();
    let root = || JsonPath::parse("$").ok();
    if kind != ProposalKind::Tolerance {
        JsonPath::parse(path).ok()?;
    }
    // The examples are the values at the path: their own root is the place that the rule is about.
    match kind {
        ProposalKind::Timestamp => rules.timestamp.push(root()?),
        ProposalKind::Identifier => rules.identifier.push(root()?),
        ProposalKind::Number => rules.number.push(root()?),
        ProposalKind::Unordered => rules.unordered.push((root()?, value.to_owned())),
        ProposalKind::Tolerance => rules.tolerance = value.parse().ok()?,
    }
    Some(rules)
}

/// How many mismatches the rule would have silenced: the groups at its path of which every example is equal by it.
fn silenced(rule: &Rules, kind: ProposalKind, path: &str, evidence: &RouteEvidence) -> u64 {
    let groups = evidence.operations.iter().flat_map(|operation| &operation.differences);
    groups
        .filter(|group| path.is_empty() || group.path == path)
        .filter(|group| is_silenced(rule, kind, group))
        .map(|group| group.count)
        .sum()
}

fn is_silenced(rule: &Rules, kind: ProposalKind, group: &DifferenceGroup) -> bool {
    if group.kind == DifferenceKind::Order {
        // The order is all that differs there, and a long example is cut.
        return kind == ProposalKind::Unordered;
    }
    group.kind == DifferenceKind::Value
        && !group.examples.is_empty()
        && group.examples.iter().all(|example| are_equal(&example.old, &example.new, rule))
}

/// Operation, counts and interval of the most volatile place, in one line.
fn origin(places: &[Place<'_>]) -> Option<String> {
    let place =
        places.iter().max_by(|one, other| one.interval().0.total_cmp(&other.interval().0))?;
    let (lower, upper) = place.interval();
    let (changed, controls) = (place.noise.changed, place.controls);
    let mut origin = format!(
        "{}: {changed} of {controls} control requests differ at {} ({:.0} to {:.0} %)",
        place.operation,
        place.path,
        lower * 100.0,
        upper * 100.0
    );
    if places.len() > 1 {
        // Writing to a string never fails.
        let _written = write!(origin, ", and {} more places", places.len() - 1);
    }
    Some(origin)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_tolerance_is_a_round_number_above_the_spread() {
        for (spread, expected) in
            [(0.0, "1e-16"), (1e-9, "2e-9"), (3e-9, "1e-8"), (2.4e-8, "5e-8"), (9e-7, "1e-6")]
        {
            assert_eq!(tolerance(spread), expected, "{spread}");
        }
    }

    proptest! {
        #[test]
        fn the_tolerance_is_bounded(spread in 0.0..2e-6) {
            let found: f64 = tolerance(spread).parse().unwrap();
            prop_assert!(found <= JITTER);
            prop_assert!(found >= spread || spread > JITTER);
        }
    }
}
