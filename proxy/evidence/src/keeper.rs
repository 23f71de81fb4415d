//! Writes what has come to the store, again and again, and keeps evidence going in memory while the store is away.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use routes::policy::EvidenceSettings;
use tokio::time::timeout;

use super::Evidence;
use super::store::{Limits, Location, Store, StoreError, Trouble};

/// How often what has come is written: what a crash of the proxy costs at most.
const FLUSH: Duration = Duration::from_secs(1);
/// After how many writes what was learned of noise is written as well: it is a larger piece, and a loss of it is soon learned again.
const NOISE_TURNS: u64 = 5;
/// Longest time for one write.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// Longest time for the last write when the proxy stops.
const STOP_LIMIT: Duration = Duration::from_secs(2);
/// Pauses after failures: doubled from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a store is held to its bounds.
const PRUNE: Duration = Duration::from_mins(1);
/// The same for PostgreSQL, where measuring reads the tables.
const PRUNE_POSTGRES: Duration = Duration::from_mins(5);

/// Where evidence is kept, and as whom.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) location: Location,
    pub(super) proxy: String,
    pub(super) retention: TimeDelta,
    pub(super) bytes: u64,
    pub(super) examples: usize,
}

/// The one connection to the store; whoever holds the lock around it sees stored and waiting outcomes without overlap.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) store: Option<(Location, Store)>,
    /// A call that was interrupted left the connection in an unknown state.
    pub(super) is_busy: bool,
    /// Not before.
    pub(super) retry_at: Option<Instant>,
    failures: u32,
    prune_at: Option<Instant>,
}

impl Evidence {
    /// Keeps evidence where a table says, from now on. `folder` is the table's; `proxy` tells this proxy from others that
    /// write into the same store. Before the first call evidence is kept in memory only.
    pub fn configure(&self, settings: &EvidenceSettings, folder: &Path, proxy: &str) {
        let retention = TimeDelta::from_std(settings.retention).unwrap_or(TimeDelta::MAX);
        let settings = Settings {
            location: Location::new(&settings.url, folder),
            proxy: proxy.to_owned(),
            retention,
            bytes: settings.max_bytes,
            examples: settings.examples,
        };
        self.memory().set_examples(settings.examples);
        let mut known = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() != Some(&settings) {
            *known = Some(Arc::new(settings));
        }
    }

    /// Writes what has come about every second and holds the store to its bounds, for ever.
    pub async fn run(&self) {
        for turn in 1_u64.. {
            tokio::time::sleep(FLUSH).await;
            if turn.is_multiple_of(NOISE_TURNS) {
                self.keep_noise().await;
            }
            self.flush().await;
            self.prune().await;
        }
    }

    /// Writes what is left, for a bounded time, and closes the store.
    pub async fn stop(&self) {
        let last = async {
            self.link.lock().await.retry_at = None;
            self.keep_noise().await;
            self.flush().await;
            self.link.lock().await.close().await;
        };
        let _in_time = timeout(STOP_LIMIT, last).await;
        let lost = self.memory().pending();
        if lost > 0 && self.settings().is_some() {
            tracing::warn!(lost, "stopped before all evidence was stored");
        }
    }

    /// Writes what has come, unless a failure is too recent.
    pub(super) async fn flush(&self) {
        let Some(settings) = self.settings() else { return };
        let mut link = self.link.lock().await;
        if !link.may_try() {
            return;
        }
        let attempt = self.write(&mut link, &settings);
        let result = timeout(WRITE_LIMIT, attempt).await.unwrap_or(Err(StoreError::TimeOut));
        match result {
            Ok(()) => {
                if matches!(settings.location, Location::Postgres(_)) {
                    self.revision.fetch_add(1, Ordering::Relaxed);
                }
                self.works(&mut link);
            }
            Err(error) => self.fails(&mut link, &settings, &error).await,
        }
    }

    async fn write(&self, link: &mut Link, settings: &Settings) -> Result<(), StoreError> {
        let mut next = self.memory().next_batch();
        // Without anything to write, only a store that failed is looked after.
        if next.is_none() && !self.is_degraded() {
            return Ok(());
        }
        let Some(store) = self.open(link, settings, next.is_some()).await? else { return Ok(()) };
        if next.is_none() {
            store.bytes().await?;
        }
        // What could not be written before, and then what has come since.
        for _ in 0..2 {
            let Some(batch) = next else { break };
            store.write(&batch, settings.examples).await?;
            let mut memory = self.memory();
            memory.written();
            next = memory.next_batch();
        }
        link.is_busy = false;
        Ok(())
    }

    /// The store, opened if need be. Whoever has used it well says so ([`Link::is_busy`]).
    pub(super) async fn open<'link>(
        &self,
        link: &'link mut Link,
        settings: &Settings,
        create: bool,
    ) -> Result<Option<&'link mut Store>, StoreError> {
        let is_other = |(location, _): &(Location, Store)| *location != settings.location;
        if link.is_busy || link.store.as_ref().is_some_and(is_other) {
            link.close().await;
        }
        if link.store.is_none() {
            let opened = Store::open(&settings.location, &settings.proxy, create).await?;
            let Some(mut store) = opened else { return Ok(None) };
            let known = match store.known().await {
                Ok(known) => known,
                Err(error) => {
                    store.close().await;
                    return Err(error);
                }
            };
            let mut memory = self.memory();
            for (basis, seen, known) in known {
                memory.learn(basis, seen, known);
            }
            drop(memory);
            link.store = Some((settings.location.clone(), store));
        }
        link.is_busy = true;
        Ok(link.store.as_mut().map(|(_, store)| store))
    }

    /// Deletes what is beyond the bounds, when it is time to look.
    pub(super) async fn prune(&self) {
        let Some(settings) = self.settings() else { return };
        let mut link = self.link.lock().await;
        let now = Instant::now();
        let is_due = link.prune_at.is_none_or(|at| at <= now);
        if !is_due || link.store.is_none() || !link.may_try() {
            return;
        }
        let oldest = Utc::now().checked_sub_signed(settings.retention).unwrap_or_default();
        let limits = Limits { oldest, bytes: settings.bytes };
        let pruning = async {
            let Some(store) = self.open(&mut link, &settings, false).await? else {
                return Ok(true);
            };
            store.prune(limits).await
        };
        match timeout(WRITE_LIMIT, pruning).await.unwrap_or(Err(StoreError::TimeOut)) {
            Ok(is_done) => {
                link.is_busy = false;
                let pause = match settings.location {
                    _ if !is_done => FLUSH,
                    Location::Sqlite(_) => PRUNE,
                    Location::Postgres(_) => PRUNE_POSTGRES,
                };
                link.prune_at = Some(now + pause);
            }
            Err(error) => {
                link.prune_at = Some(now + PRUNE);
                self.fails(&mut link, &settings, &error).await;
            }
        }
    }

    fn works(&self, link: &mut Link) {
        link.failures = 0;
        link.retry_at = None;
        if self.degraded().take().is_some() {
            tracing::info!("the evidence store works again");
        }
    }

    /// Goes on in memory, says so once, and tries again later.
    pub(super) async fn fails(&self, link: &mut Link, settings: &Settings, error: &StoreError) {
        link.close().await;
        let pause = FIRST_PAUSE.saturating_mul(1 << link.failures.min(10)).min(LONGEST_PAUSE);
        link.failures = link.failures.saturating_add(1);
        link.retry_at = Some(Instant::now() + pause);
        let mut why = error.to_string();
        if error.trouble() == Trouble::Damaged {
            match settings.location.set_aside() {
                Ok(()) => link.retry_at = None,
                Err(error) => why = error.to_string(),
            }
        }
        let mut degraded = self.degraded();
        if degraded.is_none() {
            tracing::error!(
                store = settings.location.shown(),
                why,
                "evidence is kept in memory only, until its store works again"
            );
        }
        *degraded = Some(why);
    }
}

impl Link {
    /// Whether the last failure is long enough ago.
    pub(super) fn may_try(&self) -> bool {
        self.retry_at.is_none_or(|at| at <= Instant::now())
    }

    /// Ends the connection. A file must be closed before another takes its name.
    async fn close(&mut self) {
        self.is_busy = false;
        if let Some((_, store)) = self.store.take() {
            let _in_time = timeout(STOP_LIMIT, store.close()).await;
        }
    }
}
