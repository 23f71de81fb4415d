//! What a program tells the supervisor that started it, in the words of `sd_notify(3)`: that it is ready, that it lives, that another
//! process goes on in its place, that it stops.
//!
//! Where nobody asked for it (`NOTIFY_SOCKET`, `WATCHDOG_USEC`), nothing is told.

use std::time::Duration;

use sd_notify::NotifyState;

/// Names the process that the supervisor expects to hear from. A process that goes on in its place must not inherit it.
pub const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// Requests are taken from now on, or again as before.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// What was asked for with `systemctl reload` has begun; [`ready`] ends it, said by whichever process is the program then.
pub fn reloading() {
    let now = NotifyState::monotonic_usec_now();
    tell(&[Some(NotifyState::Reloading), now.ok()].into_iter().flatten().collect::<Vec<_>>());
}

/// From now on another process is the program. It says itself when it is [`ready`]: a supervisor may send a ready one signals.
pub fn succeeded_by(pid: u32) {
    tell(&[NotifyState::MainPid(pid)]);
}

/// What is under way may end; nothing new is taken.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells as often as the supervisor wants (`WatchdogSec=`) that the runtime on which this is run still runs. A program that
/// hangs falls silent, and is started again. Never ends.
pub async fn keep_telling() {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    // Half of it, as `sd_watchdog_enabled(3)` advises.
    let mut ticks = tokio::time::interval((patience / 2).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, ?states, "the supervisor can't be told");
    }
}
