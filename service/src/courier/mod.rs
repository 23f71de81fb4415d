//! Delivers messages and puts away what is over: the database says what waits, and any process can do it.
//!
//! An attempt to deliver happens in the database alone: whether it can be, the message's new state, what is counted and who is
//! told are one transaction. So there is no lease, as executions and trainings have. A lease is for work that goes on while
//! nobody holds the database, so that a crash must be told from slowness. Here there is no such time: [`Store::write`] has the
//! one write lock of the file before anything is read, a second courier finds the message no longer due, and after a crash the
//! database itself takes back what was not committed. A lease would be two more writes for each message and would let no two
//! couriers work at once, since only one process writes at a time. Each message reaches its recipient's list once. Event
//! streams repeat after a lost connection; their ids tell.
//!
//! [`Store::write`]: crate::store::Store::write

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
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

/// Transactions that put away what is over, one after the other, before messages are looked at again.
const BATCHES_OF_TIDYING: usize = 20;

/// Seconds for which a message waits that cannot be tried because of what stands in a row.
const PUT_OFF_SECONDS: i64 = 3600;

/// Delivers until told to stop, first of all what an earlier process has left.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    let mut next_tidy = Instant::now();
    while !stop.is_cancelled() {
        if let Err(error) = deliver_all(&app, &stop).await {
            tracing::warn!(error = chain(&error), "messages wait");
        }
        if next_tidy <= Instant::now() {
            let is_done = tidy(&app).await.unwrap_or_else(|error| {
                tracing::warn!(error = chain(&error), "what is over could not be put away");
                true
            });
            next_tidy = Instant::now() + if is_done { TIDY } else { Duration::ZERO };
        }
        announce(&app).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.courier_bell.heard() => {}
            () = sleep(LOOK_AGAIN) => {}
        }
    }
}

async fn deliver_all(app: &App, stop: &CancellationToken) -> Result<(), StoreError> {
    while !stop.is_cancelled() {
        let began = Instant::now();
        if !deliver(app).await? {
            break;
        }
        announce(app).await;
        give_way(began).await;
    }
    Ok(())
}

/// Leaves the lock to others for as long as they may have had to wait for it. Another process, such as the monolith, tries for
/// it only now and then, and would never find it free between one transaction and the next.
async fn give_way(began: Instant) {
    sleep(began.elapsed().min(LOOK_AGAIN)).await;
}

/// Makes an attempt for some of the messages whose time has come. Says whether there were any.
pub(crate) async fn deliver(app: &App) -> Result<bool, StoreError> {
    let due = app.store.message_due(app.clock.now(), BATCH).await?;
    match attempt_all(app, &due).await {
        // One row must not keep all the others from being delivered.
        Err(error) if error.is_unreadable() => {
            for id in &due {
                attempt_alone(app, id).await?;
            }
        }
        outcome => outcome?,
    }
    Ok(!due.is_empty())
}

/// An attempt for one message, which is put off where it cannot be made.
async fn attempt_alone(app: &App, id: &str) -> Result<(), StoreError> {
    match attempt_all(app, &[id.to_owned()]).await {
        Err(error) if error.is_unreadable() => {
            tracing::error!(message = id, error = chain(&error), "a message is put off");
            let mut writing = app.store.write().await?;
            let until = app.clock.now().plus_seconds(PUT_OFF_SECONDS);
            writing.message_put_off(id, until).await?;
            writing.commit().await
        }
        outcome => outcome,
    }
}

/// An attempt for each of these messages that still waits, in one transaction.
async fn attempt_all(app: &App, due: &[String]) -> Result<(), StoreError> {
    if due.is_empty() {
        return Ok(());
    }
    let mut writing = app.store.write().await?;
    let now = app.clock.now();
    let mut outcomes = Vec::with_capacity(due.len());
    for id in due {
        if let Some(message) = writing.message_waiting(id, now).await? {
            outcomes.push(attempt(&mut writing, message, now).await?);
        }
    }
    writing.commit().await?;
    for outcome in &outcomes {
        app.metrics.end_delivery(outcome);
    }
    Ok(())
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

/// Removes messages and events that are over, and ends channels that nobody uses. Says whether that is all.
pub(crate) async fn tidy(app: &App) -> Result<bool, StoreError> {
    for _ in 0..BATCHES_OF_TIDYING {
        let began = Instant::now();
        if tidy_some(app).await? {
            return Ok(true);
        }
        give_way(began).await;
    }
    Ok(false)
}

async fn tidy_some(app: &App) -> Result<bool, StoreError> {
    let now = app.clock.now();
    let mut writing = app.store.write().await?;
    let messages = writing.message_remove_old(now, BATCH).await?;
    let old = now.plus_seconds(-events::KEPT_SECONDS);
    let events = writing.event_remove_old(old, BATCH).await?;
    let idle = now.plus_seconds(-IDLE_SECONDS);
    let gone = now.plus_seconds(-2 * IDLE_SECONDS);
    writing.channel_end_idle(idle, gone).await?;
    writing.commit().await?;
    Ok(messages == 0 && events == 0)
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
