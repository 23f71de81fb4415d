//! The guard's side of the disk or the database: learns from the journal where routes would go back to, and writes what was taken back,
//! for as long as it takes. A disk that hangs delays this, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use home::{Home, HomeError, Stamp};
use routes::Stage;
use routes::journal::Journal;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::taken_back::TakenBack;
use super::write::{self, WriteError, Wrote};
use crate::live_table::watch::describe;
use crate::live_table::{InForce, LiveTable};

/// How often the journal is looked at: an acknowledgement changes nothing else.
const LOOK: Duration = Duration::from_secs(1);
/// Waits between attempts to write: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long the disk may take before it is told.
const SLOW_DISK: Duration = Duration::from_secs(5);

/// What the journal says, as of the last time it could be read.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Number of the next generation.
    pub(super) next_number: u64,
    /// Where each route stood before it came to the stage where it is, with its canary percent there.
    back: BTreeMap<String, (Stage, Option<f64>)>,
}

impl Known {
    /// Where a route goes back to from `stage`. Where the journal does not tell, to where the old backend answers alone.
    pub(super) fn stage_before(&self, route: &str, stage: Stage) -> (Stage, Option<f64>) {
        let known = self.back.get(route).copied();
        known.filter(|(before, _)| *before < stage).unwrap_or((Stage::Monolith, None))
    }

    fn of(journal: &Journal, home: &Home, in_force: &InForce) -> Self {
        let table = &in_force.table;
        let back = table.routes.iter().filter_map(|route| {
            let digest = &table.generation.digest;
            let before = journal.stage_before(home.path(), digest, &route.name, route.stage)?;
            Some((route.name.clone(), before))
        });
        Self {
            next_number: journal.next_number(Some(table.generation.number)),
            back: back.collect(),
        }
    }
}

/// Reads and writes for the guard.
pub(super) struct Keeper {
    live: Arc<LiveTable>,
    home: Home,
    who: String,
    known: ArcSwap<Known>,
    /// There is something to write.
    pub(super) wake: Notify,
    /// Nothing more will be taken back.
    is_closed: AtomicBool,
}

impl Keeper {
    pub(super) fn new(live: Arc<LiveTable>, home: Home, who: String) -> Self {
        let (known, wake) = (ArcSwap::default(), Notify::new());
        Self { live, home, who, known, wake, is_closed: AtomicBool::new(false) }
    }

    /// Nothing more will be taken back: [`Self::run`] ends when everything is written.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub(super) fn known(&self) -> Arc<Known> {
        self.known.load_full()
    }

    /// Runs until it is closed and there is nothing left to write.
    pub(super) async fn run(&self) {
        let mut changes = self.live.changes();
        let mut read: Option<(Option<Stamp>, Arc<InForce>)> = None;
        let mut pause = PAUSES.0;
        let mut told = String::new();
        loop {
            read = self.learn(read).await;
            let is_last = self.is_closed.load(Ordering::Acquire);
            let is_done = self.write_all(&mut told).await;
            if is_last && is_done {
                return;
            }
            let wait = if is_done { LOOK } else { pause };
            pause = if is_done { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
            tokio::select! {
                _ = changes.changed() => {}
                () = self.wake.notified() => {}
                () = sleep(wait) => {}
            }
        }
    }

    /// Reads the journal if it, or the table in force, is another than at the last time.
    async fn learn(
        &self,
        last: Option<(Option<Stamp>, Arc<InForce>)>,
    ) -> Option<(Option<Stamp>, Arc<InForce>)> {
        let in_force = self.live.snapshot();
        let (home, table, before) = (self.home.clone(), Arc::clone(&in_force), last.clone());
        let read = patiently("read the journal", move || {
            let stamp = home.journal_stamp()?;
            let is_known =
                before.is_some_and(|(known, of)| known == stamp && Arc::ptr_eq(&of, &table));
            if is_known {
                return Ok((stamp, None));
            }
            let journal = home.journal()?;
            let known = Known::of(&journal, &home, &table);
            Ok::<_, HomeError>((stamp, Some((known, taken_back(&journal, &table)))))
        });
        match read.await? {
            Ok((_, None)) => last,
            Ok((stamp, Some((known, taken)))) => {
                if last.as_ref().is_none_or(|(known, _)| *known != stamp) {
                    self.live.journal_changed();
                }
                self.known.store(Arc::new(known));
                self.live.taken_back.learn(&taken);
                Some((stamp, in_force))
            }
            Err(error) => {
                let error = describe(&error);
                tracing::debug!(error, "the guard can't read the journal; trying again");
                None
            }
        }
    }

    /// `true` when nothing is left to write. `told`: the failure that was logged last.
    async fn write_all(&self, told: &mut String) -> bool {
        let mut is_done = true;
        for taken in self.live.taken_back.unwritten() {
            let (live, home, who) = (Arc::clone(&self.live), self.home.clone(), self.who.clone());
            let one = taken.clone();
            let attempt = patiently("write what the guard took back", move || {
                write::write(&home, &who, &one, || live.taken_back.written(&one))
            });
            match attempt.await {
                Some(Ok(wrote)) => self.tell(&taken, &wrote),
                Some(Err(error)) => {
                    is_done = false;
                    self.complain(&taken, &error, told);
                }
                None => is_done = false,
            }
        }
        if is_done {
            told.clear();
        }
        is_done
    }

    fn tell(&self, taken: &TakenBack, wrote: &Wrote) {
        let route = &taken.route;
        match wrote {
            Wrote::Now(generation) => {
                tracing::info!(%route, %generation, "what the guard did is in the table and in the journal");
            }
            Wrote::Known => {
                tracing::info!(%route, "another proxy has taken the route back as well");
            }
            Wrote::Superseded => {
                self.live.taken_back.forget(route);
                tracing::info!(%route, "the table has the route elsewhere: an operator's word counts");
            }
        }
    }

    fn complain(&self, taken: &TakenBack, error: &WriteError, told: &mut String) {
        let error = describe(error);
        if *told != error {
            tracing::error!(
                route = %taken.route, table = %self.home.path().display(), error,
                "the guard took the route back, but the table does not say so yet; trying again"
            );
            *told = error;
        }
    }
}

/// The journal's word on routes that the guard took back.
fn taken_back(journal: &Journal, in_force: &InForce) -> Vec<TakenBack> {
    let guarded = journal.guarded(Some(&in_force.table));
    let taken = guarded.into_iter().map(|(route, report)| TakenBack {
        route,
        from: report.from,
        to: report.to,
        percent: None,
        at: report.at,
        reason: report.reason,
        is_written: true,
    });
    taken.collect()
}

/// Runs something that may block, and says so when it takes long. It can't be stopped, so it is waited for: a second
/// attempt beside it would only hang as well. `None` where it panicked, which is logged.
async fn patiently<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let mut working = tokio::task::spawn_blocking(work);
    let ended = if let Ok(ended) = timeout(SLOW_DISK, &mut working).await {
        ended
    } else {
        tracing::error!(
            what,
            "the disk or the database hangs; what holds in memory goes on holding"
        );
        working.await
    };
    ended.inspect_err(|error| tracing::error!(what, %error, "an attempt broke off")).ok()
}
