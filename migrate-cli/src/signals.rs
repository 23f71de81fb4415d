//! Ctrl-C, SIGTERM, or the terminal gone.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears them from its making on, so that none is lost between two waits.
#[derive(Debug)]
pub(crate) struct Signals(Option<[Signal; 3]>);

impl Signals {
    /// From now on they no longer end the program.
    pub(crate) fn listen() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        let all = interrupt.and_then(|first| Ok([first, terminate?, hangup?]));
        Self(all.ok())
    }

    /// The next one; where signals can't be caught, never.
    pub(crate) async fn next(&mut self) {
        let Some([interrupt, terminate, hangup]) = &mut self.0 else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// The first one from now on.
pub(crate) async fn stop_signal() {
    Signals::listen().next().await;
}
