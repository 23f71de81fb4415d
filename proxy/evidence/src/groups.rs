//! Differences of one operation, by fingerprint.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, Utc};
use http::StatusCode;
use routes::admin::{DifferenceExample, DifferenceGroup, DifferenceKind};
use xxhash_rust::xxh3::xxh3_64;

use super::operation::OVERFLOW;
use super::outcome::Bodies;
use compare::Difference;

/// Most kinds of difference that one operation is told apart into; later ones are counted under `…`.
const MAX_GROUPS: usize = 50;

/// Where and when a difference was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting<'a> {
    pub(super) operation: &'a str,
    pub(super) statuses: (StatusCode, StatusCode),
    pub(super) at: DateTime<Utc>,
    /// `GET /path?query`, masked.
    pub(super) request: &'a str,
    pub(super) request_id: &'a str,
    pub(super) bodies: Option<&'a Bodies>,
}

/// The groups of one operation.
#[derive(Debug, Default)]
pub(super) struct Groups(HashMap<u64, DifferenceGroup>);

impl Groups {
    /// Counts a difference of one exchange. The example is the latest: it can still be looked up elsewhere.
    pub(super) fn add(&mut self, difference: &Difference, is_noise: bool, sighting: &Sighting<'_>) {
        let mut path = difference.path.as_str();
        let mut key = fingerprint(difference.kind, path, sighting);
        if self.0.len() >= MAX_GROUPS && !self.0.contains_key(&key) {
            path = OVERFLOW;
            key = fingerprint(difference.kind, path, sighting);
        }
        // Overflow groups: as many as kinds, times pairs of statuses.
        if self.0.len() >= 2 * MAX_GROUPS && !self.0.contains_key(&key) {
            return;
        }
        let group = match self.0.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(DifferenceGroup {
                fingerprint: format!("{key:016x}"),
                kind: difference.kind,
                grade: difference.grade,
                gap: difference.gap,
                path: path.to_owned(),
                count: 0,
                inconclusive: 0,
                first_seen: sighting.at,
                last_seen: sighting.at,
                examples: Vec::new(),
            }),
        };
        group.count += u64::from(!is_noise);
        group.inconclusive += u64::from(is_noise);
        group.first_seen = group.first_seen.min(sighting.at);
        group.last_seen = group.last_seen.max(sighting.at);
        let (old_status, new_status) = sighting.statuses;
        group.examples = vec![DifferenceExample {
            seen_at: sighting.at,
            request: sighting.request.to_owned(),
            request_id: sighting.request_id.chars().take(128).collect(),
            at: difference.at.clone(),
            old_status: old_status.as_u16(),
            new_status: new_status.as_u16(),
            old: difference.old.clone(),
            new: difference.new.clone(),
            old_body: sighting.bodies.map(|bodies| bodies.old.clone()),
            new_body: sighting.bodies.map(|bodies| bodies.new.clone()),
        }];
    }

    /// Most frequent first.
    pub(super) fn report(&self) -> Vec<DifferenceGroup> {
        let mut groups: Vec<_> = self.0.values().cloned().collect();
        groups.sort_by(|one, other| {
            other.count.cmp(&one.count).then_with(|| one.fingerprint.cmp(&other.fingerprint))
        });
        groups
    }
}

/// Stable from run to run and from proxy to proxy.
fn fingerprint(kind: DifferenceKind, path: &str, sighting: &Sighting<'_>) -> u64 {
    let (primary, mirrored) = sighting.statuses;
    let operation = sighting.operation;
    xxh3_64(format!("{operation}\0{kind:?}\0{path}\0{primary}\0{mirrored}").as_bytes())
}
