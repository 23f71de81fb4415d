//! Delivers messages and puts away what is over: the database says what waits, and any process can do it.
//!
//! An attempt to deliver happens in the database alone: whether it can be, the message's new state, what is counted and who is
//! told are one transaction. Its lock is the lease: of several processes one makes the attempt, a crash leaves the message as
//! it was, and each message reaches its recipient's list once. Event streams repeat after a lost connection; their ids tell.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::http::error::chain;
use crate::logic::communication::channels::IDLE_SECONDS;
use crate::logic::communication::delivery::{self, Attempt, Inbox, MOST_UNREAD};
use crate::logic::communication::events;
use crate::logic::communication::statistics::Count;
use crate::python::time::Stamp;
use crate::store::{StoreError, Writing};
use crate::tables::own::communication::{Message, MessageStatus};

#[cfg(test)]
mod tests;

/// How often an idle courier looks whether another process has left something to do, or a message is to be tried again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How often what is over is put away.
const TIDY: Duration = Duration::from_mins(10);

/// Messages in one transaction: others wait for its lock.
const BATCH: i64 = 50;

/// Delivers until told to stop, first of all what an earlier process has left.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    let mut next_tidy = Instant::now();
    while !stop.is_cancelled() {
        if let Err(error) = deliver_all(&app, &stop).await {
            tracing::warn!(error = chain(&error), "messages wait");
        }
        if next_tidy <= Instant::now() {
            next_tidy = Instant::now() + TIDY;
            if let Err(error) = tidy(&app).await {
                tracing::warn!(error = chain(&error), "what is over could not be put away");
            }
        }
        announce(&app).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.courier_bell.heard() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

async fn deliver_all(app: &App, stop: &CancellationToken) -> Result<(), StoreError> {
    while !stop.is_cancelled() && deliver(app).await? {
        announce(app).await;
    }
    Ok(())
}

/// Makes an attempt for some of the messages whose time has come. Says whether there were any.
pub(crate) async fn deliver(app: &App) -> Result<bool, StoreError> {
    let App { store, clock, metrics, .. } = app;
    if !store.message_is_due(clock.now()).await? {
        return Ok(false);
    }
    let mut writing = store.write().await?;
    let now = clock.now();
    let due = writing.message_due(now, BATCH).await?;
    let mut outcomes = Vec::with_capacity(due.len());
    for message in due {
        outcomes.push(attempt(&mut writing, message, now).await?);
    }
    writing.commit().await?;
    for outcome in &outcomes {
        metrics.end_delivery(outcome);
    }
    Ok(!outcomes.is_empty())
}

async fn attempt(
    writing: &mut Writing,
    message: Message,
    now: Stamp,
) -> Result<&'static str, StoreError> {
    let recipient = writing.correspondent_find(&message.recipient).await?;
    let inbox = Inbox {
        is_authorized: recipient.is_some_and(|agent| agent.is_authorized),
        is_blocked: writing.standing(&message.sender, &message.recipient, None).await?.is_blocked,
        has_room: !writing.message_has_unread(&message.recipient, MOST_UNREAD).await?,
    };
    let Attempt { message, events } = delivery::attempt(message, inbox, now);
    writing.message_update(&message).await?;
    for event in events {
        writing.event_insert(event, now).await?;
    }
    if message.status != MessageStatus::Pending {
        writing.count(&message.sender, Count::of_outcome(&message), now).await?;
    }
    if message.status == MessageStatus::Delivered {
        writing.count(&message.recipient, Count::Received, now).await?;
    }
    Ok(message.status.word())
}

/// Removes messages and events that are over, and ends channels that nobody uses.
pub(crate) async fn tidy(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
    loop {
        let mut writing = app.store.write().await?;
        let messages = writing.message_remove_old(now, BATCH).await?;
        let old = now.plus_seconds(-events::KEPT_SECONDS);
        let events = writing.event_remove_old(old, BATCH).await?;
        let idle = now.plus_seconds(-IDLE_SECONDS);
        let gone = now.plus_seconds(-2 * IDLE_SECONDS);
        writing.channel_end_idle(idle, gone).await?;
        writing.commit().await?;
        if messages == 0 && events == 0 {
            return Ok(());
        }
    }
}

/// Wakes the event streams of this process where another one, or this one, has written events.
async fn announce(app: &App) {
    if !app.live_events.has_listeners() {
        return;
    }
    match app.store.event_newest().await {
        Ok(newest) => app.live_events.announce(newest),
        Err(error) => tracing::warn!(error = chain(&error), "event streams wait"),
    }
}
