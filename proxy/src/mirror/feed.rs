//! Finished exchanges for whoever listens to them: bounded, and nobody waits for a slow listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::broadcast::{self, error::RecvError};

use super::budget::{Budget, Paid};

/// Most listeners at a time.
const MAX_LISTENERS: usize = 4;
/// Most exchanges that a listener may be behind.
const BEHIND: usize = 256;

/// Finished exchanges, as they pass. While nobody listens it costs a request one relaxed load.
#[derive(Debug)]
pub struct Feed {
    sender: broadcast::Sender<Passed>,
    /// The sender knows it as well, behind a lock.
    listeners: AtomicUsize,
    /// Bytes of exchanges on their way to the slowest listener.
    pub(super) held: Arc<Budget>,
}

/// What a listener hears of.
#[derive(Debug, Clone)]
enum Passed {
    Exchange(Arc<Line>),
    /// An exchange that was not recorded. It takes a place like any other, so that a listener that stands still can't
    /// keep the budget from the others for longer than [`BEHIND`] exchanges.
    Lost,
}

/// One exchange, masked and written.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) route: Arc<str>,
    /// As the stream has it, with its line break.
    pub(super) text: Bytes,
    /// Pays for the text.
    pub(super) _paid: Paid,
}

impl Default for Feed {
    fn default() -> Self {
        let sender = broadcast::Sender::new(BEHIND);
        Self { sender, listeners: AtomicUsize::new(0), held: Arc::default() }
    }
}

impl Feed {
    /// Listens to one route or to all, until the listener is dropped; `None` where as many listen as may.
    pub fn listen(self: &Arc<Self>, route: Option<String>) -> Option<Listener> {
        let more = |listeners| (listeners < MAX_LISTENERS).then_some(listeners + 1);
        // Only the number matters; nothing else is ordered by it.
        self.listeners.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        let receiver = self.sender.subscribe();
        Some(Listener { receiver, route, lost: 0, feed: Arc::clone(self) })
    }

    /// Whether anybody listens.
    pub fn has_listeners(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) > 0
    }

    /// Hands an exchange to the listeners; `None` is one that was lost.
    pub(super) fn pass(&self, line: Option<Line>) {
        let passed = line.map_or(Passed::Lost, |line| Passed::Exchange(Arc::new(line)));
        // It fails where nobody listens any more.
        let _nobody_listens = self.sender.send(passed);
    }
}

/// Someone who listens.
#[derive(Debug)]
pub struct Listener {
    receiver: broadcast::Receiver<Passed>,
    route: Option<String>,
    lost: u64,
    feed: Arc<Feed>,
}

impl Listener {
    /// The next exchange of its route as a line of JSON. May be dropped while it waits, and nothing is missed.
    pub async fn next(&mut self) -> Bytes {
        loop {
            match self.receiver.recv().await {
                Ok(Passed::Exchange(line)) if self.wants(&line) => return line.text.clone(),
                Ok(Passed::Exchange(_of_another_route)) => {}
                Ok(Passed::Lost) => self.lost = self.lost.saturating_add(1),
                Err(RecvError::Lagged(missed)) => self.lost = self.lost.saturating_add(missed),
                // Never, because the listener holds the feed.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Exchanges of any route that it has not heard of so far: it was too slow, or they did not fit into the budget.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn wants(&self, line: &Line) -> bool {
        self.route.as_ref().is_none_or(|route| **route == *line.route)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.feed.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;

    /// Passes an exchange, or loses it where it does not fit.
    fn pass(feed: &Feed, route: &str, text: &'static str) {
        let line = Paid::take(&feed.held, text.len(), LIMIT).map(|paid| Line {
            route: route.into(),
            text: Bytes::from_static(text.as_bytes()),
            _paid: paid,
        });
        feed.pass(line);
    }

    #[test]
    fn places_are_few_and_given_back() {
        let feed = Arc::<Feed>::default();
        assert!(!feed.has_listeners());
        let listeners: Vec<Listener> =
            (0..MAX_LISTENERS).filter_map(|_| feed.listen(None)).collect();
        assert_eq!(listeners.len(), MAX_LISTENERS);
        assert!(feed.listen(None).is_none());
        drop(listeners);
        assert!(!feed.has_listeners() && feed.listen(None).is_some());
    }

    #[tokio::test]
    async fn a_listener_hears_its_own_route_and_nothing_stays_held() {
        let feed = Arc::<Feed>::default();
        pass(&feed, "w", "before");
        let (mut all, mut one) =
            (feed.listen(None).unwrap(), feed.listen(Some("w".into())).unwrap());
        pass(&feed, "other", "1");
        pass(&feed, "w", "2");
        assert_eq!((all.next().await, all.next().await), ("1".into(), "2".into()));
        assert_eq!(one.next().await, "2");
        assert_eq!((all.lost(), one.lost(), feed.held.held()), (0, 0, 0));
        pass(&feed, "w", "3");
        drop((all, one));
        assert_eq!(feed.held.held(), 0);
    }

    #[tokio::test]
    async fn one_that_stands_still_loses_exchanges_and_takes_the_budget_from_nobody_for_long() {
        const HUGE: &str = match std::str::from_utf8(&[b'x'; LIMIT]) {
            Ok(text) => text,
            Err(_) => "",
        };
        let feed = Arc::<Feed>::default();
        let (mut quick, mut still) = (feed.listen(None).unwrap(), feed.listen(None).unwrap());
        pass(&feed, "w", HUGE);
        assert_eq!(quick.next().await, HUGE);
        for _ in 0..BEHIND {
            pass(&feed, "w", "no room");
        }
        pass(&feed, "w", "room again");
        assert_eq!(quick.next().await, "room again");
        assert_eq!(quick.lost(), BEHIND as u64);
        assert_eq!(still.next().await, "room again");
        assert_eq!(still.lost(), BEHIND as u64 + 1);
    }
}
