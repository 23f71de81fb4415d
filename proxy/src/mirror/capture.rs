//! Captures the primary's answer as it passes, and hands it over when it is complete.

use std::sync::Arc;
use std::time::Instant;

use compare::{Answer, Question};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::Mirror;
use super::budget::{HeldBody, NotHeld, Share};
use super::control::Control;
use super::exchange::{self, Timed};
use super::request::MirroredRequest;
use super::table::{Bounds, RouteMirror};
use super::twin::Place;
use evidence::{DropReason, Exchange};

/// What is held of one exchange.
#[derive(Debug)]
pub(super) struct Captured {
    pub(super) exchange: Exchange,
    pub(super) request: MirroredRequest,
    pub(super) control: Option<Control>,
    /// What has come of the body of a write that is mirrored to a twin.
    pub(super) request_body: HeldBody,
    /// Where it stands among what is mirrored to a twin.
    pub(super) place: Option<Place>,
    /// The other backend's answer, where it was asked before the primary.
    pub(super) early: Option<Timed>,
    pub(super) share: Share,
    pub(super) bounds: Bounds,
    pub(super) answer: CapturedAnswer,
}

impl Captured {
    /// What the backends were asked.
    pub(super) fn question(&self) -> Question<'_> {
        Question {
            method: &self.exchange.method,
            path: &self.exchange.target,
            host: self.request.host(),
        }
    }
}

/// An answer, or as much of it as has come.
#[derive(Debug, Default)]
pub(super) struct CapturedAnswer {
    pub(super) status: StatusCode,
    /// Only those that are compared or say how to read the body.
    pub(super) headers: HeaderMap,
    pub(super) body: HeldBody,
}

impl CapturedAnswer {
    pub(super) fn as_answer(&self) -> Answer<'_> {
        Answer { status: self.status, headers: &self.headers, body: self.body.as_bytes() }
    }
}

/// Captures one answer of a primary. Dropped before [`finish`](Self::finish), it counts as an exchange whose client is gone.
#[derive(Debug)]
pub struct Capture {
    mirror: Arc<Mirror>,
    route: Arc<RouteMirror>,
    /// `None` once the exchange is handed over or given up.
    captured: Option<Box<Captured>>,
    began: Instant,
    /// When the last of the answer came.
    last: Instant,
}

impl Capture {
    pub(super) fn new(
        mirror: Arc<Mirror>,
        route: Arc<RouteMirror>,
        captured: Captured,
        now: Instant,
    ) -> Self {
        Self { mirror, route, captured: Some(Box::new(captured)), began: now, last: now }
    }

    /// Takes the next bytes of the request's body; only a twin wants them.
    pub fn request_body(&mut self, chunk: &[u8]) {
        let Some(captured) = &mut self.captured else { return };
        let Captured { request_body, bounds, share, place, .. } = &mut **captured;
        if place.is_some() {
            let taken = request_body.push(chunk, bounds.max_body, share);
            self.give_up_unless(taken);
        }
    }

    /// The request goes to its primary only now, or once more with its whole body: the latency counts from here.
    pub fn restart_request(&mut self) {
        self.began = Instant::now();
        self.last = self.began;
        if let Some(captured) = &mut self.captured {
            captured.request_body.clear();
        }
    }

    /// Takes the head of the answer, as the primary sent it. Call for the final answer only, not for 1xx; a later call
    /// (another attempt) starts over.
    pub fn head(&mut self, status: StatusCode, headers: &HeaderMap) {
        let Some(captured) = &mut self.captured else { return };
        if let Some(place) = &mut captured.place {
            place.answered();
        }
        if status.is_informational() || is_stream(headers) {
            return self.give_up(DropReason::Stream);
        }
        let announced =
            announced_length(headers).filter(|_| captured.request.method != Method::HEAD);
        if announced.is_some_and(|length| length > captured.bounds.max_body as u64) {
            return self.give_up(DropReason::TooLarge);
        }
        self.last = Instant::now();
        captured.answer.status = status;
        captured.answer.headers = compared_headers(headers, &self.route);
        captured.answer.body.clear();
    }

    /// Takes the next bytes of the answer's body.
    pub fn body(&mut self, chunk: &[u8]) {
        let Some(captured) = &mut self.captured else { return };
        self.last = Instant::now();
        let Captured { answer, bounds, share, .. } = &mut **captured;
        let taken = answer.body.push(chunk, bounds.max_body, share);
        self.give_up_unless(taken);
    }

    /// Sends the mirrored request, from the mirror's runtime, and returns at once. Call only for an answer that is
    /// complete; drop the capture otherwise. The primary's latency is from the beginning of the capture to the last of
    /// the answer, so that a client that reads slowly does not make the primary look slow.
    pub fn finish(mut self) {
        let latency = self.last.duration_since(self.began);
        let Some(captured) = self.captured.take() else { return };
        let Some(runtime) = self.mirror.runtime() else {
            return self.route.dropped(DropReason::Stopped);
        };
        let (mirror, route) = (Arc::clone(&self.mirror), Arc::clone(&self.route));
        let handed_over = Instant::now();
        drop(runtime.spawn(async move {
            let now = Instant::now();
            mirror.spare.started(now.saturating_duration_since(handed_over), now);
            exchange::run(&mirror, &route, captured, latency).await;
        }));
    }

    fn give_up_unless(&mut self, taken: Result<(), NotHeld>) {
        match taken {
            Ok(()) => {}
            Err(NotHeld::TooLarge) => self.give_up(DropReason::TooLarge),
            Err(NotHeld::NoBudget) => self.give_up(DropReason::Bytes),
        }
    }

    /// Gives everything back at once.
    fn give_up(&mut self, reason: DropReason) {
        if self.captured.take().is_some() {
            self.route.dropped(reason);
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.give_up(DropReason::ClientGone);
    }
}

fn is_stream(headers: &HeaderMap) -> bool {
    let is_events = |value: &HeaderValue| value.as_bytes().starts_with(b"text/event-stream");
    headers.get(header::CONTENT_TYPE).is_some_and(is_events)
}

pub(super) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The headers of an answer that matter to comparing.
fn compared_headers(headers: &HeaderMap, route: &RouteMirror) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in &route.compared_headers {
        for value in headers.get_all(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}
