//! `/api/events`: tells a page what has changed, so that it asks again for no more than that.
//!
//! Server-sent events named `change`, whose data are words: `table`, `journal`, `evidence`, `traffic`. The first one
//! comes at once with all of them. A table is told as it is published; what changes with every request, once a second.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use evidence::Evidence;
use futures::stream;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use pingora::server::ShutdownWatch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep};

use super::Admin;
use super::answer::{Answer, text, with_body};
use crate::live_table::LiveTable;

/// Most listeners at a time; a page that finds no place asks every now and then instead.
pub(super) const MAX_LISTENERS: usize = 32;
/// How often traffic, evidence and journal are looked at.
const PACE: Duration = Duration::from_secs(1);
/// Shortest time between two events.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest silence: a word in between shows both sides that the other is still there.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Listens, if there is a place.
pub(super) fn answer(admin: &Admin) -> Answer {
    let Ok(place) = Arc::clone(&admin.listeners).try_acquire_owned() else {
        let mut full = text(StatusCode::SERVICE_UNAVAILABLE, "as many listen as may\n");
        full.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
        return full;
    };
    let listener = Listener {
        changes: admin.live.changes(),
        live: Arc::clone(&admin.live),
        evidence: Arc::clone(&admin.evidence),
        shutdown: admin.shutdown.get().cloned(),
        told: None,
        _place: place,
    };
    let body = StreamBody::new(stream::unfold(listener, Listener::next)).boxed();
    with_body(StatusCode::OK, "text/event-stream", body)
}

/// The places of listeners.
pub(super) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_LISTENERS))
}

/// What stood at one moment, cheap to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pulse {
    table: u64,
    traffic: u64,
    evidence: u64,
    journal: u64,
}

impl Pulse {
    /// The words for what differs from `before`; all of them where there is no before.
    fn changed_since(&self, before: Option<&Self>) -> Vec<&'static str> {
        let differs = |differ: fn(&Self, &Self) -> bool| before.is_none_or(|old| differ(old, self));
        let words = [
            ("table", differs(|old, new| old.table != new.table)),
            ("journal", differs(|old, new| old.journal != new.journal)),
            ("evidence", differs(|old, new| old.evidence != new.evidence)),
            ("traffic", differs(|old, new| old.traffic != new.traffic)),
        ];
        words.into_iter().filter(|(_, differs)| *differs).map(|(word, _)| word).collect()
    }
}

struct Listener {
    changes: watch::Receiver<u64>,
    live: Arc<LiveTable>,
    evidence: Arc<Evidence>,
    shutdown: Option<ShutdownWatch>,
    /// What the listener knows.
    told: Option<Pulse>,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    /// The next event; `None` when the proxy stops.
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Infallible>, Self)> {
        let silence = Instant::now() + HEARTBEAT;
        if self.told.is_some() {
            sleep(PAUSE).await;
        }
        loop {
            let pulse = self.look();
            let words = pulse.changed_since(self.told.as_ref());
            if !words.is_empty() {
                self.told = Some(pulse);
                let event = format!("event: change\ndata: {}\n\n", words.join(" "));
                return Some((Ok(Frame::data(event.into())), self));
            }
            if Instant::now() >= silence {
                return Some((Ok(Frame::data(Bytes::from_static(b": still here\n\n"))), self));
            }
            tokio::select! {
                () = sleep(PACE) => {}
                changed = self.changes.changed() => if changed.is_err() { return None },
                () = stopping(self.shutdown.as_mut()) => return None,
            }
        }
    }

    fn look(&mut self) -> Pulse {
        let in_force = self.live.snapshot();
        let answered = in_force.table.routes.iter().flat_map(|route| {
            [route.old, route.new].map(|backend| in_force.route_handles(route, backend))
        });
        let traffic = answered.flatten().map(crate::metrics::Handles::answered).sum();
        let journal = self.live.journal_revision();
        let table = *self.changes.borrow_and_update();
        Pulse { table, traffic, evidence: self.evidence.revision(), journal }
    }
}

/// Comes when the proxy stops.
pub(super) async fn stopping(shutdown: Option<&mut ShutdownWatch>) {
    match shutdown {
        Some(shutdown) => {
            let _told_or_gone = shutdown.wait_for(|stops| *stops).await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let before = Pulse { table: 1, traffic: 2, evidence: 3, journal: 5 };
        assert_eq!(before.changed_since(None), ["table", "journal", "evidence", "traffic"]);
        assert!(before.changed_since(Some(&before)).is_empty());
        let after = Pulse { evidence: 4, journal: 6, ..before };
        assert_eq!(after.changed_since(Some(&before)), ["journal", "evidence"]);
    }
}
