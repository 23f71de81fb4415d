//! The end: what is in flight may finish, and then the program ends at once.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use evidence::Evidence;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch, ShutdownWatch};
use pingora::services::background::BackgroundService;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::in_flight::InFlight;
use crate::live_table::LiveTable;

/// How often the count of requests in flight is looked at while draining.
const LOOK: Duration = Duration::from_millis(10);
/// How long nothing must be in flight: a request that has just arrived is not counted yet.
const QUIET: Duration = Duration::from_millis(50);

/// Asks for a graceful stop on SIGTERM and on SIGINT.
pub(crate) struct StopSignals;

#[async_trait]
impl ShutdownSignalWatch for StopSignals {
    async fn recv(&self) -> ShutdownSignal {
        wait_for_signal().await;
        tracing::info!("stopping: new connections are refused, requests in flight may finish");
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
            if self.in_flight.count() > 0 {
                quiet_since = Instant::now();
            }
        }
    }
}
