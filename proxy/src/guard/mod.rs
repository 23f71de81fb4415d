//! The guard: watches the new backend's answers after a flip and takes a route back by itself when they go bad.
//!
//! Requests leave counters behind (`tally`). Twenty times a second they are read, put into windows (`window`, `watches`)
//! and judged (`judge`, by the test in `sequential`). A route that passes a limit goes back in memory at once, whatever the
//! disk does (`taken_back`); table and journal follow (`keeper`, `write`), and the operator is told (`webhook`).

mod latency;
mod tally;
mod window;
mod sequential;
mod judge;
mod watches;
mod taken_back;
mod keeper;
mod write;
mod webhook;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{SubsecRound as _, Utc};
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use routes::edit;
use routes::policy::GuardSettings;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

pub(crate) use judge::Limit;
pub(crate) use taken_back::TakenBacks;
pub(crate) use tally::Tally;

use self::keeper::Keeper;
use self::taken_back::TakenBack;
use self::watches::{Crossed, Watches};
use self::webhook::{Body, Notice};
use crate::in_flight::InFlight;
use crate::live_table::load::Loader;
use crate::live_table::{LiveTable, hand_edits};

/// How often the counters are looked at: what is left of a second goes to the answers that it takes to be sure.
const TICK: Duration = Duration::from_millis(50);

/// The service that guards.
pub(crate) struct Guard {
    pub(crate) live: Arc<LiveTable>,
    pub(crate) loader: Loader,
    /// Counts what the operator has not been told yet.
    pub(crate) notices: InFlight,
}

#[async_trait]
impl BackgroundService for Guard {
    /// Watches until the program is told to stop. What was taken back by then is written, and told, for as long as the program
    /// lasts.
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let who = format!("proxy@{}", hand_edits::host());
        let keeper = Keeper::new(Arc::clone(&self.live), self.loader.home.clone(), who.clone());
        let (notices, waiting) = mpsc::channel(webhook::WAITING);
        let watching = async {
            tokio::select! {
                _told_or_gone = shutdown.wait_for(|stopping| *stopping) => {}
                () = self.watch(&keeper, &notices, &who) => {}
            }
            keeper.close();
            drop(notices);
        };
        tokio::join!(watching, keeper.run(), webhook::post_all(waiting, &self.loader.metrics));
    }
}

impl Guard {
    async fn watch(&self, keeper: &Keeper, notices: &mpsc::Sender<Notice>, who: &str) {
        let start = Instant::now();
        let mut watches = Watches::default();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for crossed in watches.look(&self.live, start.elapsed()) {
                let limit = crossed.finding.limit;
                if let Some((taken, settings)) = self.take_back(crossed, keeper).await {
                    keeper.wake.notify_one();
                    self.tell(&taken, limit, settings, notices, who);
                }
            }
            let unwritten = self.live.taken_back.unwritten().len();
            self.loader.metrics.guard_unwritten.set(i64::try_from(unwritten).unwrap_or(i64::MAX));
        }
    }

    /// Puts a table in force that has the route where it stood before. `None` where it stands elsewhere by now, or where
    /// that can't be done, which is logged.
    async fn take_back(
        &self,
        crossed: Crossed,
        keeper: &Keeper,
    ) -> Option<(TakenBack, GuardSettings)> {
        let known = keeper.known();
        let Crossed { route, stage: from, finding } = crossed;
        let (to, percent) = known.stage_before(&route, from);
        let taken = TakenBack {
            route,
            from,
            to,
            percent,
            at: Utc::now().trunc_subsecs(3),
            reason: finding.reason,
            is_written: false,
        };
        loop {
            let before = self.live.snapshot();
            let standing = before.table.route_named(&taken.route)?;
            if standing.stage != from {
                return None;
            }
            let settings = standing.guard.clone();
            let number = before.table.generation.number.saturating_add(1).max(known.next_number);
            let next = match edit::apply(&before.text, &[taken.change()], number) {
                Ok(text) => self.loader.load(text, &before.pools).await.map_err(|e| e.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let mut next = match next {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(route = %taken.route, error, "the guard can't take the route back");
                    return None;
                }
            };
            next.is_override = true;
            self.live.taken_back.add(&taken);
            if self.live.publish(&before, next) {
                return Some((taken, settings));
            }
        }
    }

    fn tell(
        &self,
        taken: &TakenBack,
        limit: Limit,
        settings: GuardSettings,
        notices: &mpsc::Sender<Notice>,
        who: &str,
    ) {
        tracing::error!(
            route = %taken.route, from = %taken.from, to = %taken.to, reason = %taken.reason,
            "the guard took the route back"
        );
        self.loader.metrics.taken_back(&taken.route, limit);
        let Some(url) = settings.webhook else { return };
        let notice = Notice { url, body: Body::of(taken, who), _pending: self.notices.enter() };
        if notices.try_send(notice).is_err() {
            self.loader.metrics.webhook("dropped");
            tracing::error!(route = %taken.route, "too many notices wait for the guard's webhook; this one is dropped");
        }
    }
}
