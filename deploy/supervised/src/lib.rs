//! What a program tells the supervisor that started it, in the words of `sd_notify(3)`: that it is ready, that it lives, that it stops.
//!
//! Where nobody asked for it (`NOTIFY_SOCKET`, `WATCHDOG_USEC`), nothing is told.

use std::time::Duration;

use sd_notify::NotifyState;

/// Requests are taken from now on.
pub fn ready() {
    tell(&NotifyState::Ready);
}

/// What is under way may end; nothing new is taken.
pub fn stopping() {
    tell(&NotifyState::Stopping);
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
        tell(&NotifyState::Watchdog);
    }
}

fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%error, ?state, "the supervisor can't be told");
    }
}
