//! The signals that the program acts on. They are listened to from one moment on, before anything begins that must not be ended
//! in the middle; until then the kernel ends the program.

use std::io;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listeners that have missed nothing since the same moment.
#[derive(Debug)]
pub(crate) struct Signals {
    /// For whoever begins the stop.
    pub(crate) stops: Stops,
    /// For whoever carries it out.
    pub(crate) further_stops: Stops,
    /// SIGHUP, where it asks for a new process.
    pub(crate) hangups: Option<Signal>,
}

/// What tells the program to stop.
#[derive(Debug)]
pub(crate) struct Stops {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// Listens from now on. In a terminal SIGHUP says that it was closed, which is a stop: a new process would serve on unseen.
    ///
    /// # Errors
    /// A signal can't be listened to.
    pub(crate) fn listen(is_in_terminal: bool) -> io::Result<Self> {
        // What is made here is told by whichever runtime runs.
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let _within = runtime.enter();
        let hangups = if is_in_terminal { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self {
            stops: Stops::listen(is_in_terminal)?,
            further_stops: Stops::listen(is_in_terminal)?,
            hangups,
        })
    }
}

impl Stops {
    fn listen(with_hangup: bool) -> io::Result<Self> {
        let hangup = if with_hangup { Some(signal(SignalKind::hangup())?) } else { None };
        let [terminate, interrupt] = [SignalKind::terminate(), SignalKind::interrupt()];
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)?, hangup })
    }

    /// Returns at the next one.
    pub(crate) async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hangup => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::{Signal as Kind, getpid, kill_process};

    use super::*;

    // No other test of this crate sends itself a signal.
    #[test]
    fn a_signal_that_came_before_anybody_listened_is_heard_by_everybody() {
        let mut signals = Signals::listen(true).unwrap();
        assert!(signals.hangups.is_none());
        kill_process(getpid(), Kind::HUP).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let both = async { tokio::join!(signals.stops.next(), signals.further_stops.next()) };
        let heard =
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), both).await });
        assert!(heard.is_ok());
    }
}
