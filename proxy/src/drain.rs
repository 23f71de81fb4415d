//! The end: what is in flight may finish, and then the program ends at once.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use evidence::Evidence;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch, ShutdownWatch};
use pingora::services::background::BackgroundService;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Mutex;
use tokio::time::{sleep_until, timeout};

use crate::admin::Flipping;
use crate::handover::{Leaving, LetGo};
use crate::in_flight::InFlight;
use crate::live_table::LiveTable;
use crate::mirror::Mirror;
use crate::signals::Stops;

/// How often the count of requests in flight is looked at while draining.
const LOOK: Duration = Duration::from_millis(10);
/// How long nothing must be in flight: a request that has just arrived is not counted yet.
const QUIET: Duration = Duration::from_millis(50);

/// Asks for a graceful stop when the program is told to stop, and when another process has taken over.
pub(crate) struct StopSignals {
    stops: Mutex<Stops>,
    let_go: LetGo,
}

impl StopSignals {
    pub(crate) fn new(stops: Stops, let_go: LetGo) -> Self {
        Self { stops: Mutex::new(stops), let_go }
    }
}

#[async_trait]
impl ShutdownSignalWatch for StopSignals {
    async fn recv(&self) -> ShutdownSignal {
        let mut stops = self.stops.lock().await;
        tokio::select! {
            () = stops.next() => tracing::info!(
                "stopping: new connections are refused, requests in flight may finish"
            ),
            () = self.let_go.until() => {}
        }
        ShutdownSignal::GracefulTerminate
    }
}

/// What the program does not leave in the middle, beside requests.
#[derive(Clone)]
pub(crate) struct Duties {
    pub(crate) live: Arc<LiveTable>,
    /// Notices of the guard that are not posted yet.
    pub(crate) notices: InFlight,
    pub(crate) flipping: Flipping,
}

impl Duties {
    fn are_left(&self) -> bool {
        self.notices.count() > 0
            || self.flipping.is_under_way()
            || !self.live.taken_back.unwritten().is_empty()
    }

    /// Says what is not done.
    fn give_up(&self) {
        for taken in self.live.taken_back.unwritten() {
            tracing::error!(
                route = %taken.route, from = %taken.from, to = %taken.to,
                "stopped before the table says that the guard took the route back: move it back by hand"
            );
        }
        let notices = self.notices.count();
        if notices > 0 {
            tracing::error!(notices, "stopped before the guard's webhook was reached; given up");
        }
        if self.flipping.is_under_way() {
            tracing::error!("stopped in the middle of a flip from the dashboard: see the journal");
        }
    }
}

/// The service that says when the program may end.
pub(crate) struct Drain {
    pub(crate) in_flight: InFlight,
    /// Connections of clients.
    pub(crate) connections: Gauge,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) duties: Duties,
    pub(crate) let_go: LetGo,
    /// The process before, while it ends what it has begun.
    pub(crate) leaving: Option<Leaving>,
    pub(crate) stops: Mutex<Stops>,
    /// Written to its store before the end.
    pub(crate) evidence: Arc<Evidence>,
    /// Told once, when there is nothing left to wait for.
    pub(crate) done: Sender<()>,
}

#[async_trait]
impl BackgroundService for Drain {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        if shutdown.wait_for(|stopping| *stopping).await.is_err() {
            return;
        }
        let mut stops = self.stops.lock().await;
        let limit = self.duties.live.snapshot().table.limits.shutdown_timeout;
        let end = tokio::time::Instant::now() + limit;
        if self.let_go.has() {
            tokio::select! {
                () = quiet(|| self.is_kept() || self.is_busy()) => {}
                () = sleep_until(end) => {}
                () = stops.next() => tracing::info!(
                    "stopping: connections without a request are closed, requests in flight may finish"
                ),
            }
        } else {
            // It has begun all this.
            stops.next().await;
        }
        tokio::select! {
            () = quiet(|| self.is_busy()) => tracing::info!("stopped: every request in flight has finished"),
            () = sleep_until(end) => tracing::warn!(
                in_flight = self.in_flight.count(), ?limit,
                "stopped: the requests still in flight are cut off"
            ),
            () = stops.next() => tracing::warn!(
                in_flight = self.in_flight.count(),
                "stopped at the second signal: the requests still in flight are cut off"
            ),
        }
        self.duties.give_up();
        if self.is_only_writer(limit, &mut stops).await {
            self.evidence.stop().await;
        } else {
            tracing::warn!(
                "stopped while the process before still runs: what was compared last is not stored"
            );
        }
        let _nobody_waits = self.done.send(());
    }
}

/// Returns when nothing was going on for a while.
async fn quiet(is_busy: impl Fn() -> bool) {
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < QUIET {
        tokio::time::sleep(LOOK).await;
        if is_busy() {
            quiet_since = Instant::now();
        }
    }
}

impl Drain {
    fn is_busy(&self) -> bool {
        self.in_flight.count() > 0 || self.duties.are_left()
    }

    /// Where another process has taken over, nobody waits for the end of this one: clients may have one more answer on each
    /// connection, which closes it. To close those that are idle could meet a request that is on its way.
    fn is_kept(&self) -> bool {
        self.connections.get() > 0 || self.mirror.in_flight() > 0
    }

    /// Waits for the process before, which writes evidence under the same name until it has ended. Whoever waits for this one
    /// then waits for both.
    async fn is_only_writer(&self, limit: Duration, stops: &mut Stops) -> bool {
        let Some(leaving) = &self.leaving else { return true };
        tokio::select! {
            gone = timeout(limit, leaving.gone()) => gone.is_ok(),
            () = stops.next() => false,
        }
    }
}
