//! The end: what is in flight may finish, and then the program ends at once.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use evidence::Evidence;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch, ShutdownWatch};
use pingora::services::background::BackgroundService;
use prometheus_client::metrics::gauge::Gauge;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::handover::LetGo;
use crate::in_flight::InFlight;
use crate::live_table::LiveTable;
use crate::mirror::Mirror;

/// How often the count of requests in flight is looked at while draining.
const LOOK: Duration = Duration::from_millis(10);
/// How long nothing must be in flight: a request that has just arrived is not counted yet.
const QUIET: Duration = Duration::from_millis(50);

/// Asks for a graceful stop on SIGTERM and on SIGINT, and when another process has taken over.
pub(crate) struct StopSignals(pub(crate) LetGo);

#[async_trait]
impl ShutdownSignalWatch for StopSignals {
    async fn recv(&self) -> ShutdownSignal {
        tokio::select! {
            () = wait_for_signal() => tracing::info!(
                "stopping: new connections are refused, requests in flight may finish"
            ),
            () = self.0.until() => {}
        }
        ShutdownSignal::GracefulTerminate
    }
}

async fn wait_for_signal() {
    let receive = async |kind: SignalKind| match signal(kind) {
        Ok(mut signal) => Signal::recv(&mut signal).await,
        Err(error) => {
            tracing::error!(%error, "can't listen for a signal");
            std::future::pending().await
        }
    };
    tokio::select! {
        _ = receive(SignalKind::terminate()) => {}
        _ = receive(SignalKind::interrupt()) => {}
    }
}

/// The service that says when the program may end.
pub(crate) struct Drain {
    pub(crate) in_flight: InFlight,
    /// Connections of clients.
    pub(crate) connections: Gauge,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) let_go: LetGo,
    pub(crate) live: Arc<LiveTable>,
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
        let limit = self.live.snapshot().table.limits.shutdown_timeout;
        tokio::select! {
            () = self.drained() => tracing::info!("stopped: every request in flight has finished"),
            () = tokio::time::sleep(limit) => tracing::warn!(
                in_flight = self.in_flight.count(), ?limit,
                "stopped: the requests still in flight are cut off"
            ),
            () = wait_for_signal() => tracing::warn!(
                in_flight = self.in_flight.count(),
                "stopped at the second signal: the requests still in flight are cut off"
            ),
        }
        self.evidence.stop().await;
        let _nobody_waits = self.done.send(());
    }
}

impl Drain {
    async fn drained(&self) {
        let mut quiet_since = Instant::now();
        while quiet_since.elapsed() < QUIET {
            tokio::time::sleep(LOOK).await;
            if self.is_busy() {
                quiet_since = Instant::now();
            }
        }
    }

    /// Where another process has taken over, nobody waits for the end of this one: clients may have one more answer on each
    /// connection, which closes it. To close those that are idle could meet a request that is on its way.
    fn is_busy(&self) -> bool {
        let is_left = || self.connections.get() > 0 || self.mirror.in_flight() > 0;
        self.in_flight.count() > 0 || (self.let_go.has() && is_left())
    }
}
