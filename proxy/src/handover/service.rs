//! Hands over at SIGHUP.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::net::UnixStream;
use tokio::signal::unix::Signal;
use tokio::sync::Notify;

use super::launch::Launch;
use super::sockets::Handed;
use super::successor::{Failure, Successor};
use super::{LetGo, Standing};
use crate::admin::{Flipping, FlippingPlace};
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
    /// It would be put back, because this process would stop waiting for the proxies.
    #[error("a flip from the dashboard is under way: try again when it is done")]
    Flipping,
    /// The sockets are gone: another process has them.
    #[error("another process has taken over already")]
    Gone,
    /// It has not what this process has learned from the table's home.
    #[error(
        "the new process has another generation ({theirs}) than the one in force ({ours}), and can't ask the table's home: try \
         again when that can be reached"
    )]
    Older {
        /// Digest of the table in force.
        ours: String,
        /// Digest of the new process's table.
        theirs: String,
    },
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl NoHandover {
    const fn outcome(&self) -> Outcome {
        match self {
            Self::Failed(_) | Self::Older { .. } => Outcome::Failed,
            Self::FirstProcess | Self::Unwritten | Self::Flipping | Self::Gone => Outcome::Refused,
        }
    }
}

/// The service that hands over.
pub(crate) struct HandOver {
    pub(crate) launch: Launch,
    /// Until they are handed over.
    pub(crate) sockets: Mutex<Option<Handed>>,
    pub(crate) live: Arc<LiveTable>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) flipping: Flipping,
    pub(crate) let_go: LetGo,
    /// Told when the supervisor knows that this process is ready: only then may it hear of another.
    pub(crate) is_ready: Arc<Notify>,
    /// What asks for it; `None`: nothing does.
    pub(crate) hangups: Mutex<Option<Signal>>,
}

/// What is left to this process when another has taken over.
struct HandedOver {
    /// To be held until the end of this process.
    line: UnixStream,
    /// No flip begins while this process lets go.
    no_flip: FlippingPlace,
}

#[async_trait]
impl BackgroundService for HandOver {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let hangups = self.hangups.lock().unwrap_or_else(PoisonError::into_inner).take();
        let handed_over = tokio::select! {
            _told_or_gone = shutdown.wait_for(|stopping| *stopping) => None,
            handed_over = self.hand_over_when_told(hangups) => Some(handed_over),
        };
        // As long as a listening socket is open somewhere, clients can connect to it.
        drop(self.sockets().take());
        if let Some(HandedOver { line, no_flip }) = handed_over {
            self.let_go.now();
            drop(no_flip);
            hold(line).await;
        }
    }
}

impl HandOver {
    /// Returns when a new process has taken over; dropped before, the new process ends.
    async fn hand_over_when_told(&self, hangups: Option<Signal>) -> HandedOver {
        let Some(mut hangups) = hangups else { return std::future::pending().await };
        self.is_ready.notified().await;
        loop {
            hangups.recv().await;
            supervised::reloading();
            match self.hand_over().await {
                Ok(handed_over) => return handed_over,
                Err(why) => {
                    self.metrics.handover(why.outcome());
                    tracing::error!(%why, "no new process has taken over; this one serves on");
                    supervised::ready();
                }
            }
        }
    }

    async fn hand_over(&self) -> Result<HandedOver, NoHandover> {
        self.refuse()?;
        let no_flip = self.flipping.begin().ok_or(NoHandover::Flipping)?;
        tracing::info!(program = %self.launch.program().display(), "starting a process that is to take over");
        let mut successor = match &*self.sockets() {
            Some(sockets) => Successor::start(&self.launch, sockets)?,
            None => return Err(NoHandover::Gone),
        };
        let pid = successor.ready().await?;
        // The guard may have acted since the new process read the table.
        self.refuse()?;
        let standing = successor.take().await?;
        self.refuse()?;
        self.refuse_older(standing)?;
        // The new process says that it is ready after it was told to begin: the supervisor knows by then whom to believe.
        supervised::succeeded_by(pid);
        match successor.begin().await {
            Ok(line) => {
                tracing::info!(
                    pid,
                    "a new process has taken over; requests in flight may finish here"
                );
                Ok(HandedOver { line, no_flip })
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

    /// What the table's home says counts, also where it is news to this process. Where the new process can't ask it, it must have what
    /// is in force.
    fn refuse_older(&self, standing: Standing) -> Result<(), NoHandover> {
        let in_force = self.live.snapshot();
        let ours = in_force.table.generation.digest.as_str();
        if standing.is_current || standing.digest == ours {
            return Ok(());
        }
        Err(NoHandover::Older { ours: ours.to_owned(), theirs: standing.digest })
    }

    fn sockets(&self) -> std::sync::MutexGuard<'_, Option<Handed>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until the end of this process, which the new one learns from the end of the line.
async fn hold(_line: UnixStream) {
    std::future::pending::<()>().await;
}
