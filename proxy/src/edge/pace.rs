//! How long a client may take over what it owes: the head of a request, or its body. What it sends byte by byte renews no
//! time limit here, unlike a limit on silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;

/// What comes next is the beginning of a head: the connection is new or was secured just now, or its last request has ended.
const FRESH: u8 = 0;
/// The next bytes belong to a head.
const HEAD: u8 = 1;
/// A request is being answered.
const BUSY: u8 = 2;

/// How patient the proxy is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a whole head (and a TLS handshake), from its first byte.
    pub(crate) head: Duration,
    /// For a body that does not come at all.
    pub(crate) body: Duration,
    /// What each so many bytes of a body add to that, as one second.
    pub(crate) body_rate: u64,
}

/// What a client owes on one connection: told by the hooks of requests, asked by the socket.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    state: AtomicU8,
    /// Requests whose body has not come whole.
    bodies: AtomicUsize,
    /// The socket's reader: over HTTP/2 it may wait already when a body begins to be owed.
    reader: AtomicWaker,
}

impl Pace {
    /// The handshake is over; the time for the first head begins with its first byte.
    pub(crate) fn secured(&self) {
        self.state.store(FRESH, Ordering::Release);
    }

    pub(super) fn owes_body(&self) -> bool {
        self.bodies.load(Ordering::Acquire) > 0
    }
}

/// What one request makes its connection owe, until it is dropped.
#[derive(Debug)]
pub(crate) struct PacedRequest {
    pace: Arc<Pace>,
    owes_body: bool,
    is_alone: bool,
}

impl PacedRequest {
    /// A head has come whole. `is_alone`: no other request is on the connection before this one has ended, as over HTTP/1.
    pub(crate) fn begin(pace: Arc<Pace>, owes_body: bool, is_alone: bool) -> Self {
        pace.state.store(BUSY, Ordering::Release);
        if owes_body {
            pace.bodies.fetch_add(1, Ordering::AcqRel);
            pace.reader.wake();
        }
        Self { pace, owes_body, is_alone }
    }

    /// The body has come whole.
    pub(crate) fn body_ended(&mut self) {
        if std::mem::take(&mut self.owes_body) {
            self.pace.bodies.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for PacedRequest {
    fn drop(&mut self) {
        self.body_ended();
        // Between the requests of an HTTP/2 connection frames come that belong to none.
        if self.is_alone {
            self.pace.state.store(FRESH, Ordering::Release);
        }
    }
}

/// What was too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    Head,
    Body,
}

/// Measures one connection, as its socket is read.
#[derive(Debug)]
pub(super) struct Meter {
    pace: Arc<Pace>,
    patience: Patience,
    head_since: Option<Instant>,
    waiting_since: Option<Instant>,
    /// Waited for bodies so far, and what has come of them.
    waited: Duration,
    bytes: u64,
}

impl Meter {
    pub(super) fn new(pace: Arc<Pace>, patience: Patience) -> Self {
        Self {
            pace,
            patience,
            head_since: None,
            waiting_since: None,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// So many bytes have come; none: the client has closed its side.
    pub(super) fn received(&mut self, bytes: usize) {
        let waited = self.waiting_since.take();
        if self.pace.owes_body() {
            self.waited += waited.map_or(Duration::ZERO, |since| since.elapsed());
            self.bytes = self.bytes.saturating_add(bytes as u64);
        } else {
            (self.waited, self.bytes) = (Duration::ZERO, 0);
        }
        match self.pace.state.load(Ordering::Acquire) {
            BUSY => self.head_since = None,
            HEAD => self.head_began(bytes),
            _ => {
                self.head_since = None;
                self.pace.state.store(HEAD, Ordering::Release);
                self.head_began(bytes);
            }
        }
    }

    fn head_began(&mut self, bytes: usize) {
        if bytes > 0 {
            self.head_since.get_or_insert_with(Instant::now);
        }
    }

    /// Nothing has come yet: until when to wait, and what is late then; none: for as long as it takes.
    pub(super) fn deadline(&mut self, reader: &std::task::Waker) -> Option<(Instant, Late)> {
        self.pace.reader.register(reader);
        match self.pace.state.load(Ordering::Acquire) {
            BUSY => {}
            HEAD => return self.head_since.map(|since| (since + self.patience.head, Late::Head)),
            _ => return None,
        }
        if !self.pace.owes_body() {
            self.waiting_since = None;
            return None;
        }
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let earned =
            Duration::from_secs(self.bytes.checked_div(self.patience.body_rate).unwrap_or(0));
        let left = (self.patience.body + earned).saturating_sub(self.waited);
        Some((since + left, Late::Body))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const PATIENCE: Patience =
        Patience { head: Duration::from_secs(10), body: Duration::from_secs(30), body_rate: 100 };

    fn meter() -> (Arc<Pace>, Meter) {
        let pace = Arc::new(Pace::default());
        (Arc::clone(&pace), Meter::new(pace, PATIENCE))
    }

    /// Seconds that are left, and for what.
    fn left(meter: &mut Meter) -> Option<(u64, Late)> {
        let (deadline, late) = meter.deadline(Waker::noop())?;
        // The test itself takes time.
        let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(900);
        Some((left.as_secs(), late))
    }

    #[test]
    fn a_head_has_its_time_from_its_first_byte_however_often_a_byte_comes() {
        let (pace, mut meter) = meter();
        assert_eq!(left(&mut meter), None, "nothing has begun");
        meter.received(1);
        let first = meter.deadline(Waker::noop()).unwrap();
        meter.received(1);
        assert_eq!(meter.deadline(Waker::noop()).unwrap(), first);
        assert_eq!(left(&mut meter), Some((10, Late::Head)));
        let request = PacedRequest::begin(Arc::clone(&pace), false, true);
        assert_eq!(left(&mut meter), None, "now the backend has to do something");
        drop(request);
        meter.received(1);
        assert_ne!(
            meter.deadline(Waker::noop()).unwrap(),
            first,
            "the next head has a time of its own"
        );
    }

    #[test]
    fn a_handshake_and_the_first_head_have_a_time_each() {
        let (pace, mut meter) = meter();
        meter.received(100);
        assert_eq!(left(&mut meter), Some((10, Late::Head)));
        pace.secured();
        assert_eq!(left(&mut meter), None);
        meter.received(100);
        assert_eq!(left(&mut meter), Some((10, Late::Head)));
    }

    #[test]
    fn bytes_of_a_body_earn_time_and_the_end_of_it_ends_the_debt() {
        let (pace, mut meter) = meter();
        meter.received(50);
        let mut request = PacedRequest::begin(pace, true, true);
        assert_eq!(left(&mut meter), Some((30, Late::Body)));
        meter.received(1000);
        assert_eq!(left(&mut meter), Some((40, Late::Body)));
        request.body_ended();
        assert_eq!(left(&mut meter), None);
    }

    #[test]
    fn over_http2_the_time_between_requests_is_nobody_s_debt() {
        let (pace, mut meter) = meter();
        meter.received(50);
        let one = PacedRequest::begin(Arc::clone(&pace), true, false);
        let two = PacedRequest::begin(pace, true, false);
        drop(one);
        assert!(matches!(left(&mut meter), Some((_, Late::Body))), "the other body is still owed");
        drop(two);
        meter.received(50);
        assert_eq!(left(&mut meter), None);
    }
}
