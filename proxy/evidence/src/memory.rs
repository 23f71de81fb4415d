//! What is not in the store yet: outcomes added up, bounded however long the store is away.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};

use super::drops::Drops;
use super::groups::{Room, Sighting};
use super::mask;
use super::operation::{OVERFLOW, operation};
use super::outcome::{Basis, Outcome, Verdict};
use super::slot::{ALL_MINUTES, Known, ROUTE, Slot, minute};
use super::state::States;

/// Most operations that one route is told apart into; later ones are counted under `…`.
const MAX_OPERATIONS: usize = 64;
/// Most routes and bases that wait for the store; what is oldest beyond them is lost.
const MAX_SLOTS: usize = 1024;
/// Most tallies that wait for the store, at about 20 KiB. Beyond them the oldest minutes lose their minute, and nothing else.
const MAX_TALLIES: usize = 1024;
/// Most bytes of examples that wait for the store; later ones are only counted.
const MAX_EXAMPLE_BYTES: usize = 8 << 20;
/// Most routes and bases whose operations and fingerprints are known; beyond them the oldest are forgotten.
const MAX_KNOWN: usize = 1024;

/// What is not in the store yet.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    routes: BTreeMap<Arc<str>, RouteMemory>,
    fresh: BTreeMap<i64, Slot>,
    known: BTreeMap<i64, (DateTime<Utc>, Known)>,
    pub(crate) states: States,
    /// What is being written, or could not be written and will be tried again as it is.
    writing: Option<Arc<Batch>>,
    /// Tells the batches of this run from every other's.
    run: u64,
    batches: u64,
    example_bytes: usize,
    examples: usize,
    lost: u64,
}

/// A route of the table.
#[derive(Debug, Default)]
struct RouteMemory {
    drops: Arc<Drops>,
    current: Option<(Arc<Basis>, DateTime<Utc>)>,
}

/// What is written to the store at once: whole or not at all, and never twice.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Different from batch to batch.
    pub(crate) id: String,
    pub(crate) slots: BTreeMap<i64, Slot>,
    pub(crate) states: States,
}

impl Memory {
    pub(crate) fn new(examples: usize) -> Self {
        let run = RandomState::new().build_hasher().finish();
        Self { run, examples, ..Self::default() }
    }

    pub(crate) fn set_examples(&mut self, examples: usize) {
        self.examples = examples;
    }

    /// Outcomes that wait for the store.
    pub(crate) fn pending(&self) -> u64 {
        self.slots().map(|(_, slot)| slot.outcomes()).sum()
    }

    /// Outcomes that were given up.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Takes outcomes of these routes only.
    pub(crate) fn keep(&mut self, names: &[&str]) {
        let is_gone = |name: &&Arc<str>| !names.contains(&&***name);
        let gone: Vec<_> = self.routes.keys().filter(is_gone).cloned().collect();
        for name in &gone {
            self.file_drops(name);
            self.routes.remove(name);
        }
        for name in names {
            if !self.routes.contains_key(*name) {
                self.routes.insert((*name).into(), RouteMemory::default());
            }
        }
    }

    pub(crate) fn drops(&self, route: &str) -> Option<&Arc<Drops>> {
        self.routes.get(route).map(|route| &route.drops)
    }

    /// Adds an outcome, unless it is of a route that is not kept.
    pub(crate) fn record(&mut self, mut outcome: Outcome) {
        // As exact as the store: what is read back is what was recorded.
        outcome.exchange.at = outcome.exchange.at.trunc_subsecs(6);
        let exchange = &outcome.exchange;
        let Some(route) = self.routes.get_mut(&exchange.route) else { return };
        let key = exchange.basis.key(&exchange.route);
        match &mut route.current {
            Some((basis, at)) if *basis == exchange.basis => *at = exchange.at.max(*at),
            // A straggler of the basis before still counts there.
            Some((_, at)) if exchange.at < *at => {}
            _ => {
                let name = Arc::clone(&exchange.route);
                self.file_drops(&name);
                if let Some(route) = self.routes.get_mut(&name) {
                    route.current = Some((Arc::clone(&exchange.basis), exchange.at));
                }
            }
        }
        self.add(key, outcome);
    }

    fn add(&mut self, key: i64, outcome: Outcome) {
        let Outcome { exchange, verdict } = outcome;
        let path = exchange.target.split('?').next().unwrap_or_default();
        let name = self.place(key, &exchange.basis, &exchange.route, exchange.at, {
            operation(&exchange.method, path)
        });
        let Some(slot) = self.fresh.get_mut(&key) else {
            self.lost += 1;
            return;
        };
        let tally = slot.tallies.entry(minute(exchange.at)).or_default();
        let tally = tally.entry(Arc::clone(&name)).or_default();
        let compared = match verdict {
            Verdict::Failed(failure) => return tally.fail(failure),
            Verdict::Compared(compared) => compared,
        };
        tally.compare(&compared);
        if compared.comparison.is_match() {
            return;
        }
        let request = format!("{} {}", exchange.method, mask::target(&exchange.target));
        let sighting = Sighting {
            operation: &name,
            statuses: (compared.old.status, compared.new.status),
            at: exchange.at,
            request: &request,
            request_id: &exchange.request_id,
            bodies: compared.bodies.as_ref(),
        };
        let groups = slot.groups.entry(Arc::clone(&name)).or_default();
        let (_, known) = self.known.entry(key).or_default();
        let known = known.0.entry(Arc::clone(&name)).or_default();
        let mut room = Room {
            each: self.examples,
            bytes: MAX_EXAMPLE_BYTES.saturating_sub(self.example_bytes),
        };
        for (differences, is_noise) in
            [(&compared.comparison.differences, false), (&compared.comparison.noise, true)]
        {
            for difference in differences {
                groups.add(difference, is_noise, &sighting, known, &mut room);
            }
        }
        self.example_bytes = MAX_EXAMPLE_BYTES.saturating_sub(room.bytes);
    }

    /// Makes room for an outcome and says under which operation it counts.
    fn place(
        &mut self,
        key: i64,
        basis: &Arc<Basis>,
        route: &Arc<str>,
        at: DateTime<Utc>,
        operation: String,
    ) -> Arc<str> {
        let (seen, known) = self.known.entry(key).or_default();
        *seen = at.max(*seen);
        let name = match known.0.get_key_value(operation.as_str()) {
            Some((name, _)) => Arc::clone(name),
            None if known.0.len() >= MAX_OPERATIONS => OVERFLOW.into(),
            None => operation.into(),
        };
        known.0.entry(Arc::clone(&name)).or_default();
        let slot = self
            .fresh
            .entry(key)
            .or_insert_with(|| Slot::new(Arc::clone(route), Arc::clone(basis), at));
        slot.first_seen = slot.first_seen.min(at);
        slot.last_seen = slot.last_seen.max(at);
        let has_place = |slot: &Slot, name: &Arc<str>| {
            slot.tallies.get(&minute(at)).is_some_and(|tallies| tallies.contains_key(name))
        };
        if has_place(slot, &name) {
            return name;
        }
        self.bound();
        let is_full = self.tallies() >= MAX_TALLIES;
        if is_full { OVERFLOW.into() } else { name }
    }

    fn tallies(&self) -> usize {
        self.fresh.values().flat_map(|slot| slot.tallies.values()).map(BTreeMap::len).sum()
    }

    /// Where there is too much, the oldest minutes lose their minute, and the oldest bases everything.
    fn bound(&mut self) {
        while self.fresh.len() > MAX_SLOTS {
            let oldest = self.fresh.iter().min_by_key(|(_, slot)| slot.last_seen);
            let Some(slot) = oldest.map(|(key, _)| *key).and_then(|key| self.fresh.remove(&key))
            else {
                break;
            };
            self.lost += slot.outcomes();
        }
        while self.known.len() > MAX_KNOWN {
            let oldest = self.known.iter().min_by_key(|(_, (seen, _))| *seen);
            let Some(key) = oldest.map(|(key, _)| *key) else { break };
            self.known.remove(&key);
        }
        while self.tallies() >= MAX_TALLIES {
            let oldest = |slot: &Slot| slot.tallies.keys().find(|at| **at > ALL_MINUTES).copied();
            let dated = self.fresh.values_mut().filter_map(|slot| Some((oldest(slot)?, slot)));
            let Some((minute, slot)) = dated.min_by_key(|(minute, _)| *minute) else { break };
            let aged = slot.tallies.remove(&minute).unwrap_or_default();
            let all = slot.tallies.entry(ALL_MINUTES).or_default();
            for (operation, tally) in aged {
                all.entry(operation).or_default().merge(&tally);
            }
        }
    }

    /// Counts what was dropped of a route where it belongs: on the basis that the route had so far.
    fn file_drops(&mut self, route: &Arc<str>) {
        let Some(RouteMemory { drops, current: Some((basis, at)) }) = self.routes.get(route) else {
            return;
        };
        let dropped = drops.take();
        if dropped.is_empty() {
            return;
        }
        let slot = self
            .fresh
            .entry(basis.key(route))
            .or_insert_with(|| Slot::new(Arc::clone(route), Arc::clone(basis), *at));
        let tallies = slot.tallies.entry(minute(slot.last_seen)).or_default();
        let tally = tallies.entry(ROUTE.into()).or_default();
        super::tally::add(&mut tally.dropped, &dropped);
    }

    /// What to write next: what could not be written before, or what has come since; nothing where there is nothing.
    pub(crate) fn next_batch(&mut self) -> Option<Arc<Batch>> {
        if let Some(batch) = &self.writing {
            return Some(Arc::clone(batch));
        }
        let names: Vec<_> = self.routes.keys().cloned().collect();
        for name in &names {
            self.file_drops(name);
        }
        if self.fresh.is_empty() && self.states.is_empty() {
            return None;
        }
        self.batches += 1;
        let batch = Arc::new(Batch {
            id: format!("{:016x}-{}", self.run, self.batches),
            slots: std::mem::take(&mut self.fresh),
            states: std::mem::take(&mut self.states),
        });
        self.example_bytes = 0;
        self.writing = Some(Arc::clone(&batch));
        Some(batch)
    }

    /// The batch is in the store.
    pub(crate) fn written(&mut self) {
        self.writing = None;
    }

    /// A state that waits for the store.
    pub(crate) fn state(&self, key: i64, name: &'static str) -> Option<serde_json::Value> {
        let writing = self.writing.as_ref().and_then(|batch| batch.states.get(key, name));
        let text = self.states.get(key, name).or(writing)?;
        serde_json::from_str(text).ok()
    }

    /// What other runs told apart on a basis.
    pub(crate) fn learn(&mut self, key: i64, seen: DateTime<Utc>, stored: Known) {
        let (at, known) = self.known.entry(key).or_default();
        *at = seen.max(*at);
        for (operation, fingerprints) in stored.0 {
            known.0.entry(operation).or_default().extend(fingerprints);
        }
        self.bound();
    }

    /// The basis of a route's latest exchange here, and when that began.
    pub(crate) fn current(&self, route: &str) -> Option<(i64, DateTime<Utc>)> {
        let of_table = self.routes.get(route).and_then(|route| route.current.as_ref());
        of_table.map(|(basis, at)| (basis.key(route), *at))
    }

    /// What waits for the store of a route and basis, added to what is there.
    pub(crate) fn add_to(&self, stored: Option<Slot>, key: i64) -> Option<Slot> {
        let mut waiting = self.slots().filter(|(found, _)| **found == key).map(|(_, slot)| slot);
        let mut all = match stored {
            Some(slot) => slot,
            None => waiting.next()?.clone(),
        };
        waiting.for_each(|slot| all.merge(slot, self.examples));
        Some(all)
    }

    fn slots(&self) -> impl Iterator<Item = (&i64, &Slot)> {
        self.writing.iter().flat_map(|batch| &batch.slots).chain(&self.fresh)
    }
}
