//! Hands over at SIGHUP.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::LetGo;
use super::launch::Launch;
use super::sockets::Handed;
use super::successor::{Failure, Successor};
use crate::live_table::LiveTable;
use crate::metrics::Metrics;

/// What became of an attempt; a word of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// This process took over.
    Done,
    /// A new process did not come so far.
    Failed,
    /// None was started.
    Refused,
}

impl Outcome {
    /// Each.
    pub(crate) const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::Refused];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// Why this process serves on.
#[derive(Debug, thiserror::Error)]
enum NoHandover {
    /// Everything in a container ends with its first process.
    #[error("this is the first process of a container: start another container instead")]
    FirstProcess,
    /// A new process would read a table that does not say yet what holds.
    #[error(
        "a route that the guard took back does not stand in the table yet: try again when it does"
    )]
    Unwritten,
    /// The sockets are gone: another process has them.
    #[error("another process has taken over already")]
    Gone,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl NoHandover {
    const fn outcome(&self) -> Outcome {
        match self {
            Self::Failed(_) => Outcome::Failed,
            Self::FirstProcess | Self::Unwritten | Self::Gone => Outcome::Refused,
        }
    }
}

/// The service that hands over.
pub(crate) struct HandOver {
    launch: Launch,
    /// Until they are handed over.
    sockets: Mutex<Option<Handed>>,
    live: Arc<LiveTable>,
    metrics: Arc<Metrics>,
    let_go: LetGo,
    /// Told when a SIGHUP is heard, and no longer ends the program.
    pub(crate) listens: Arc<Notify>,
}

impl HandOver {
    pub(crate) fn new(
        launch: Launch,
        sockets: Handed,
        live: Arc<LiveTable>,
        metrics: Arc<Metrics>,
        let_go: LetGo,
    ) -> Self {
        let listens = Arc::default();
        Self { launch, sockets: Mutex::new(Some(sockets)), live, metrics, let_go, listens }
    }
}

#[async_trait]
impl BackgroundService for HandOver {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let hangups = signal(SignalKind::hangup());
        self.listens.notify_one();
        let handed_over = tokio::select! {
            _told_or_gone = shutdown.wait_for(|stopping| *stopping) => None,
            handed_over = self.hand_over_when_told(hangups) => Some(handed_over),
        };
        // As long as a listening socket is open somewhere, clients can connect to it.
        drop(self.sockets().take());
        if let Some(line) = handed_over {
            self.let_go.now();
            hold(line).await;
        }
    }
}

impl HandOver {
    /// Returns when a new process has taken over; dropped before, the new process ends.
    async fn hand_over_when_told(&self, hangups: std::io::Result<Signal>) -> UnixStream {
        let mut hangups = match hangups {
            Ok(hangups) => hangups,
            Err(error) => {
                tracing::error!(%error, "can't listen for SIGHUP");
                return std::future::pending().await;
            }
        };
        loop {
            hangups.recv().await;
            supervised::reloading();
            match self.hand_over().await {
                Ok(line) => return line,
                Err(why) => {
                    self.metrics.handover(why.outcome());
                    tracing::error!(%why, "no new process has taken over; this one serves on");
                    supervised::ready();
                }
            }
        }
    }

    async fn hand_over(&self) -> Result<UnixStream, NoHandover> {
        self.refuse()?;
        tracing::info!(program = %self.launch.program().display(), "starting a process that is to take over");
        let mut successor = match &*self.sockets() {
            Some(sockets) => Successor::start(&self.launch, sockets)?,
            None => return Err(NoHandover::Gone),
        };
        let pid = successor.ready().await?;
        // The guard may have acted since the new process read the table.
        self.refuse()?;
        // Before it begins, so that what it tells is heard.
        supervised::succeeded_by(pid);
        match successor.begin().await {
            Ok(line) => {
                tracing::info!(
                    pid,
                    "a new process has taken over; requests in flight may finish here"
                );
                Ok(line)
            }
            Err(failure) => {
                supervised::succeeded_by(std::process::id());
                Err(failure.into())
            }
        }
    }

    fn refuse(&self) -> Result<(), NoHandover> {
        if std::process::id() == 1 {
            return Err(NoHandover::FirstProcess);
        }
        if self.live.taken_back.unwritten().is_empty() {
            Ok(())
        } else {
            Err(NoHandover::Unwritten)
        }
    }

    fn sockets(&self) -> std::sync::MutexGuard<'_, Option<Handed>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until the end of this process, which the new one learns from the end of the line.
async fn hold(_line: UnixStream) {
    std::future::pending::<()>().await;
}
