//! Answers from what is stored, by this and other proxies, and what is not stored yet.

use std::time::Duration;

use chrono::{DateTime, Utc};
use routes::admin::{EvidenceReport, RouteEvidence, StoreReport, Timeline};
use tokio::time::timeout;

use super::keeper::{Link, Settings};
use super::slot::{ALL_MINUTES, Slot, minute, words};
use super::state::StoredState;
use super::store::StoreError;
use super::tally::{Reasons, add};
use super::{Basis, Evidence};

/// Longest wait for the store; after it the answer comes from memory, and says so.
const LIMIT: Duration = Duration::from_secs(2);
/// Longest time that a timeline shows, minutes.
const MAX_MINUTES: u32 = 1440;

/// Which part of a basis is read.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// Counts over all minutes, and differences.
    Totals,
    /// Counts from this minute on.
    Since(i64),
}

/// What was found of one route.
#[derive(Debug)]
struct Found {
    slot: Option<Slot>,
    /// Dropped since the last write.
    dropped: Reasons,
}

/// What is stored of one route: its basis, and what there is of that.
type Stored = Option<(i64, Option<Slot>)>;

impl Evidence {
    /// Everything known about these routes, in their order. Waits for the store at most two seconds.
    pub async fn report(&self, names: &[&str]) -> EvidenceReport {
        let (slots, missing) = self.slots(names, Part::Totals).await;
        let route = |(name, Found { slot, mut dropped }): (&&str, Found)| {
            add(&mut dropped, &slot.as_ref().map(Slot::dropped).unwrap_or_default());
            RouteEvidence {
                route: (*name).to_owned(),
                basis: slot.as_ref().map(Slot::basis_report),
                writes_off: None,
                dropped: words(&dropped),
                operations: slot.as_ref().map(Slot::operations).unwrap_or_default(),
            }
        };
        let routes: Vec<_> = names.iter().zip(slots).map(route).collect();
        let bases = routes.iter().filter_map(|route| route.basis.as_ref());
        let since = bases.map(|basis| basis.since).fold(self.since, DateTime::min);
        EvidenceReport { since, store: self.store_report(missing), routes }
    }

    /// The last minutes of a route, at most a day. Waits for the store at most two seconds.
    pub async fn timeline(&self, route: &str, minutes: u32) -> Timeline {
        let from = minute(Utc::now()) + 1 - i64::from(minutes.min(MAX_MINUTES));
        let (slots, _missing) = self.slots(&[route], Part::Since(from)).await;
        let minutes = slots
            .into_iter()
            .filter_map(|found| found.slot)
            .flat_map(|slot| slot.timeline(from))
            .collect();
        Timeline { route: route.to_owned(), minutes }
    }

    /// What this and other proxies keep under a name; see [`Evidence::save_state`].
    ///
    /// # Errors
    /// The store does not answer, or not in time.
    pub async fn load_states(
        &self,
        route: &str,
        basis: &Basis,
        name: &'static str,
    ) -> Result<Vec<StoredState>, StoreError> {
        let key = basis.key(route);
        let reading = async {
            let mut link = self.link.lock().await;
            let mut states = match self.settings() {
                Some(settings) if link.may_try() => {
                    self.read_states(&mut link, &settings, key, name).await?
                }
                _ => Vec::new(),
            };
            if let Some(json) = self.memory().state(key, name) {
                states.retain(|state| !state.is_own);
                states.push(StoredState { is_own: true, json });
            }
            Ok(states)
        };
        timeout(LIMIT, reading).await.unwrap_or(Err(StoreError::TimeOut))
    }

    async fn read_states(
        &self,
        link: &mut Link,
        settings: &Settings,
        key: i64,
        name: &str,
    ) -> Result<Vec<StoredState>, StoreError> {
        let Some(store) = self.open(link, settings, false).await? else { return Ok(Vec::new()) };
        let states = store.states(key, name).await?;
        link.is_busy = false;
        Ok(states)
    }

    /// The current basis of each route, stored and waiting, and why that is not all.
    async fn slots(&self, names: &[&str], part: Part) -> (Vec<Found>, Option<String>) {
        let reading = async {
            let mut link = self.link.lock().await;
            let stored = match self.settings() {
                Some(settings) if link.may_try() => {
                    let stored = self.read(&mut link, &settings, names, part).await;
                    if let Err(error) = &stored {
                        self.fails(&mut link, &settings, error).await;
                    }
                    stored.ok()
                }
                _ => None,
            };
            // Still under the lock of the link: nothing moves from memory to the store meanwhile.
            (self.with_memory(names, stored.unwrap_or_default()), None)
        };
        timeout(LIMIT, reading).await.unwrap_or_else(|_elapsed| {
            let why = "the store did not answer in time; this is only what is not stored yet";
            (self.with_memory(names, Vec::new()), Some(why.to_owned()))
        })
    }

    async fn read(
        &self,
        link: &mut Link,
        settings: &Settings,
        names: &[&str],
        part: Part,
    ) -> Result<Vec<Stored>, StoreError> {
        let Some(store) = self.open(link, settings, false).await? else { return Ok(Vec::new()) };
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let here = self.memory().current(name);
            let newest = newer(store.newest_basis(name).await?, here);
            let slot = match (newest, part) {
                (None, _) => None,
                (Some((key, _)), Part::Totals) => store.totals(key, settings.examples).await?,
                (Some((key, _)), Part::Since(from)) => {
                    store.minutes(key, from.max(ALL_MINUTES + 1)..=i64::MAX).await?
                }
            };
            found.push(newest.map(|(key, _)| (key, slot)));
        }
        link.is_busy = false;
        Ok(found)
    }

    fn with_memory(&self, names: &[&str], stored: Vec<Stored>) -> Vec<Found> {
        let memory = self.memory();
        let stored = stored.into_iter().chain(std::iter::repeat_with(|| None));
        let slot = |name: &str, stored: Stored| {
            // What has come since the store was asked may be on another basis.
            let seen =
                stored.as_ref().and_then(|(key, slot)| Some((*key, slot.as_ref()?.last_seen)));
            let (key, _) = newer(seen, memory.current(name))?;
            let stored = stored.filter(|(found, _)| *found == key).and_then(|(_, slot)| slot);
            memory.add_to(stored, key)
        };
        let with_memory = |(name, stored): (&&str, Stored)| {
            let dropped = memory.drops(name).map(|drops| drops.counts()).unwrap_or_default();
            Found { slot: slot(name, stored), dropped }
        };
        names.iter().zip(stored).map(with_memory).collect()
    }

    fn store_report(&self, missing: Option<String>) -> StoreReport {
        let url = self.settings().map_or("memory".to_owned(), |settings| settings.location.shown());
        let degraded = self.degraded().clone().or(missing);
        let memory = self.memory();
        StoreReport { url, degraded, pending: memory.pending(), lost: memory.lost() }
    }
}

/// The basis that was seen last.
fn newer(
    one: Option<(i64, DateTime<Utc>)>,
    other: Option<(i64, DateTime<Utc>)>,
) -> Option<(i64, DateTime<Utc>)> {
    one.into_iter().chain(other).max_by_key(|(_, at)| *at)
}
