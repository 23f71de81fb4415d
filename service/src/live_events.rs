//! Tells agents what happens as it happens: each stream reads the table on, and is woken when there is more.
//!
//! A stream holds a few frames and no events: what a client has not taken stays in the table, from which `Last-Event-ID`
//! resumes. So nothing is lost with a stream, and one that ends costs nobody anything. What a client that takes nothing keeps
//! waiting is as much as its stream holds, and it has its place among the most-so-many until its connection is gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::http::error::chain;
use crate::http::reply::Frames;
use crate::logic::communication::events::{KEEP_ALIVE, frames, sequence};
use crate::metrics::UnderWay;
use crate::store::Store;

/// Events that a stream reads at once, and with it the most that a frame has.
pub const BATCH: i64 = 64;

/// Frames that wait for a client.
const BUFFER: usize = 4;

/// How often a stream says something when there is nothing to say.
const QUIET: Duration = Duration::from_secs(15);

/// Streams that one owner may have open.
const MOST_OF_ONE: usize = 16;

/// What every stream begins with: when to come back after its end, in milliseconds.
pub const GREETING: &str = "retry: 2000\n\n";

/// Every stream of a process.
#[derive(Debug)]
pub struct LiveEvents {
    newest: watch::Sender<i64>,
    open: Mutex<BTreeMap<String, usize>>,
    most: usize,
    lifetime: Duration,
    /// How long a client may take nothing before it is cut off.
    patience: Duration,
    stop: CancellationToken,
}

/// A stream's place among the most-so-many, until its client is gone.
#[derive(Debug)]
pub struct Place {
    of: Arc<LiveEvents>,
    owner: String,
}

impl LiveEvents {
    /// As many streams at once, and each for as long, as the settings say: then its client comes back.
    pub fn new(config: &Config) -> Self {
        let (newest, _) = watch::channel(0);
        Self {
            newest,
            open: Mutex::default(),
            most: config.communication.event_streams,
            lifetime: config.communication.event_stream_lifetime,
            patience: config.slow_client_timeout,
            stop: CancellationToken::new(),
        }
    }

    /// A place for one more stream of an owner; none where there are as many as may be.
    pub fn place(self: &Arc<Self>, owner: &str) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_all: usize = open.values().sum();
        let of_one = open.get(owner).copied().unwrap_or(0);
        if of_all >= self.most || of_one >= MOST_OF_ONE {
            return None;
        }
        open.insert(owner.to_owned(), of_one + 1);
        Some(Place { of: Arc::clone(self), owner: owner.to_owned() })
    }

    /// Whether anybody listens.
    pub fn has_listeners(&self) -> bool {
        self.newest.receiver_count() > 0
    }

    /// Says that events up to this sequence are in the table.
    pub fn announce(&self, newest: i64) {
        self.newest.send_if_modified(|known| std::mem::replace(known, newest) != newest);
    }

    /// Ends every stream. One that begins after that ends at once, and its client comes back to another process.
    pub fn end(&self) {
        self.stop.cancel();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.of.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.owner) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&self.owner)),
        }
    }
}

impl Place {
    /// What an agent is told after the event `after`, as it happens.
    pub fn follow(self, store: Store, agent: String, after: i64, counted: UnderWay) -> Frames {
        let (to_client, from_stream) = mpsc::channel(BUFFER);
        // From before the first look at the table, so that nothing falls between.
        let newest = self.of.newest.subscribe();
        let all = Arc::clone(&self.of);
        let follower = Follower { all, store, agent, after, newest, to_client };
        tokio::spawn(follower.run());
        let place = (self, counted);
        let frames = stream::unfold((from_stream, place), |(mut from_stream, place)| async {
            from_stream.recv().await.map(|frame| (Ok(frame), (from_stream, place)))
        });
        frames.boxed()
    }
}

/// One stream at work. It ends with its client, its time, the service, or a database that does not answer.
struct Follower {
    all: Arc<LiveEvents>,
    store: Store,
    agent: String,
    after: i64,
    newest: watch::Receiver<i64>,
    to_client: mpsc::Sender<Bytes>,
}

/// The client is gone, or has taken nothing for too long.
struct Gone;

impl Follower {
    async fn run(mut self) {
        let end = Instant::now() + self.all.lifetime;
        let stop = self.all.stop.clone();
        let mut next = Some(GREETING.to_owned());
        while let Some(frame) = next {
            let sent = tokio::select! {
                biased;
                sent = self.send(frame) => sent,
                () = stop.cancelled() => return,
            };
            if sent.is_err() || stop.is_cancelled() || Instant::now() >= end {
                return;
            }
            next = self.next(end, &stop).await;
        }
    }

    /// What the client gets next; none where that is the end.
    async fn next(&mut self, end: Instant, stop: &CancellationToken) -> Option<String> {
        loop {
            let read = self.read().await?;
            if !read.is_empty() {
                return Some(read);
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = self.to_client.closed() => return None,
                () = sleep_until(end) => return None,
                changed = self.newest.changed() => changed.ok()?,
                () = sleep(QUIET) => return Some(KEEP_ALIVE.to_owned()),
            }
        }
    }

    /// The next events; empty where there are none, none where the database does not tell.
    async fn read(&mut self) -> Option<String> {
        match self.store.event_list(&self.agent, self.after, BATCH).await {
            Ok(events) => {
                self.after = events.last().map_or(self.after, sequence);
                Some(frames(&events))
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "an event stream is ended");
                None
            }
        }
    }

    async fn send(&self, frame: String) -> Result<(), Gone> {
        match timeout(self.all.patience, self.to_client.send(Bytes::from(frame))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_closed)) => Err(Gone),
            Err(_elapsed) => {
                tracing::info!("an event stream is cut off: its client takes nothing");
                Err(Gone)
            }
        }
    }
}
