//! Differences of one operation, by fingerprint.

use std::collections::{BTreeMap, BTreeSet};

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
pub(crate) struct Sighting<'a> {
    pub(crate) operation: &'a str,
    pub(crate) statuses: (StatusCode, StatusCode),
    pub(crate) at: DateTime<Utc>,
    /// `GET /path?query`, masked.
    pub(crate) request: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) bodies: Option<&'a Bodies>,
}

/// Room for examples: most of each fingerprint, and bytes left for all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) each: usize,
    pub(crate) bytes: usize,
}

/// The groups of one operation. Groups of the same operation add up in any order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups(pub(crate) BTreeMap<u64, Group>);

/// One fingerprint.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Old and new.
    pub(crate) statuses: (u16, u16),
    pub(crate) group: DifferenceGroup,
}

impl Groups {
    /// Counts a difference of one exchange. `known` are the fingerprints of this operation that were told apart so far.
    pub(crate) fn add(
        &mut self,
        difference: &Difference,
        is_noise: bool,
        sighting: &Sighting<'_>,
        known: &mut BTreeSet<u64>,
        room: &mut Room,
    ) {
        let mut path = difference.path.as_str();
        let mut key = fingerprint(difference.kind, path, sighting);
        if known.len() >= MAX_GROUPS && !known.contains(&key) {
            path = OVERFLOW;
            key = fingerprint(difference.kind, path, sighting);
        }
        // Overflow groups: as many as kinds, times pairs of statuses.
        if known.len() >= 2 * MAX_GROUPS && !known.contains(&key) {
            return;
        }
        known.insert(key);
        let (old_status, new_status) = (sighting.statuses.0.as_u16(), sighting.statuses.1.as_u16());
        let Group { group, .. } = self.0.entry(key).or_insert_with(|| Group {
            statuses: (old_status, new_status),
            group: DifferenceGroup {
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
            },
        });
        group.count += u64::from(!is_noise);
        group.inconclusive += u64::from(is_noise);
        group.first_seen = group.first_seen.min(sighting.at);
        group.last_seen = group.last_seen.max(sighting.at);
        let example = DifferenceExample {
            seen_at: sighting.at,
            request: sighting.request.to_owned(),
            request_id: sighting.request_id.chars().take(128).collect(),
            at: difference.at.clone(),
            old_status,
            new_status,
            old: difference.old.clone(),
            new: difference.new.clone(),
            old_body: sighting.bodies.map(|bodies| bodies.old.clone()),
            new_body: sighting.bodies.map(|bodies| bodies.new.clone()),
        };
        keep(&mut group.examples, example, room);
    }

    /// Adds what another has counted; of the examples of both the newest `each` stay.
    pub(crate) fn merge(&mut self, other: &Self, each: usize) {
        for (key, theirs) in &other.0 {
            let Some(Group { group: ours, .. }) = self.0.get_mut(key) else {
                self.0.insert(*key, theirs.clone());
                continue;
            };
            let theirs = &theirs.group;
            ours.count += theirs.count;
            ours.inconclusive += theirs.inconclusive;
            ours.first_seen = ours.first_seen.min(theirs.first_seen);
            ours.last_seen = ours.last_seen.max(theirs.last_seen);
            ours.examples.extend(theirs.examples.iter().cloned());
            newest(&mut ours.examples, each);
        }
    }

    /// Most frequent first.
    pub(crate) fn report(&self) -> Vec<DifferenceGroup> {
        let mut groups: Vec<_> = self.0.values().map(|found| found.group.clone()).collect();
        groups.sort_by(|one, other| {
            other.count.cmp(&one.count).then_with(|| one.fingerprint.cmp(&other.fingerprint))
        });
        groups
    }
}

/// Newest first, and only so many.
pub(crate) fn newest(examples: &mut Vec<DifferenceExample>, each: usize) {
    examples.sort_by_key(|example| std::cmp::Reverse(example.seen_at));
    examples.truncate(each);
}

fn keep(examples: &mut Vec<DifferenceExample>, example: DifferenceExample, room: &mut Room) {
    let bytes = size(&example);
    if room.each == 0 || bytes > room.bytes {
        return;
    }
    room.bytes -= bytes;
    examples.push(example);
    newest(examples, room.each + 1);
    if examples.len() > room.each
        && let Some(oldest) = examples.pop()
    {
        room.bytes += size(&oldest);
    }
}

/// About how many bytes an example takes.
fn size(example: &DifferenceExample) -> usize {
    let body = |body: &Option<String>| body.as_ref().map_or(0, String::len);
    256 + example.request.len()
        + example.old.len()
        + example.new.len()
        + body(&example.old_body)
        + body(&example.new_body)
}

/// Stable from run to run and from proxy to proxy.
fn fingerprint(kind: DifferenceKind, path: &str, sighting: &Sighting<'_>) -> u64 {
    let (old, new) = sighting.statuses;
    let operation = sighting.operation;
    xxh3_64(format!("{operation}\0{kind:?}\0{path}\0{old}\0{new}").as_bytes())
}
