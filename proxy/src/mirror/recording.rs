//! Records one exchange as it passes, and has it masked and written on the mirror's runtime.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use compare::excerpt::{shown_body, shown_headers};
use evidence::mask::whole_target;
use http::{HeaderMap, Method, StatusCode, header};
use routes::RouteId;
use routes::admin::{RecordedExchange, RecordingLine};

use super::Mirror;
use super::budget::{HeldBody, NotHeld, Paid, Pay as _};
use super::feed::Line;
use super::table::{MirrorTable, RouteMirror};

/// What an exchange costs besides its texts, bytes: about what its maps take.
const OVERHEAD: usize = 1024;

/// A request that is recorded as it goes to its primary.
#[derive(Debug, Clone, Copy)]
pub struct Recordable<'a> {
    /// Its route.
    pub route: RouteId,
    /// Of the request.
    pub method: &'a Method,
    /// Raw path as the client sent it.
    pub path: &'a str,
    /// Raw query as the client sent it.
    pub query: Option<&'a str>,
    /// Headers as the primary gets them.
    pub headers: &'a HeaderMap,
    /// Id of the request.
    pub request_id: &'a str,
}

/// One exchange that is being recorded. Dropped before [`finish`](Self::finish), it is forgotten: nothing complete has passed.
#[derive(Debug)]
pub struct Recording {
    mirror: Arc<Mirror>,
    /// `None` once it is lost.
    recorded: Option<Box<Recorded>>,
}

#[derive(Debug)]
struct Recorded {
    route: Arc<RouteMirror>,
    request_id: String,
    started_at: DateTime<Utc>,
    began: Instant,
    /// When the last of the answer came.
    last: Instant,
    method: Method,
    target: String,
    request: Message,
    /// `None` until the answer begins.
    status: Option<StatusCode>,
    answer: Message,
    max_body: usize,
    paid: Paid,
}

#[derive(Debug, Default)]
struct Message {
    headers: HeaderMap,
    body: HeldBody,
    /// The body was longer than it may be, and is left out.
    is_too_long: bool,
}

impl Mirror {
    /// Begins to record a request, at any stage. Call while somebody listens to the [feed](Self::feed), when the request
    /// goes to its primary. A request to leave HTTP is no exchange.
    pub fn record(
        self: &Arc<Self>,
        table: &MirrorTable,
        request: &Recordable<'_>,
    ) -> Option<Recording> {
        let route = table.route(request.route)?;
        if request.headers.contains_key(header::UPGRADE) {
            return None;
        }
        let recorded = self.recorded(table, route, request).map(Box::new);
        if recorded.is_none() {
            self.feed.pass(None);
        }
        Some(Recording { mirror: Arc::clone(self), recorded })
    }

    fn recorded(
        &self,
        table: &MirrorTable,
        route: &Arc<RouteMirror>,
        request: &Recordable<'_>,
    ) -> Option<Recorded> {
        let query = request.query.map_or(0, str::len);
        let size = OVERHEAD + request.path.len() + query + size(request.headers);
        // As much as mirroring may hold, but apart: recording takes nothing from it.
        let paid = Paid::take(&self.feed.held, size, table.bounds.all.bytes)?;
        let now = Instant::now();
        let target = match request.query {
            Some(query) => format!("{}?{query}", request.path),
            None => request.path.to_owned(),
        };
        Some(Recorded {
            route: Arc::clone(route),
            request_id: request.request_id.to_owned(),
            started_at: Utc::now(),
            began: now,
            last: now,
            method: request.method.clone(),
            target,
            request: Message { headers: request.headers.clone(), ..Message::default() },
            status: None,
            answer: Message::default(),
            max_body: table.bounds.max_body,
            paid,
        })
    }
}

impl Recording {
    /// The request goes to its primary once more, with its whole body: the latency counts from here.
    pub fn restart(&mut self) {
        let Some(recorded) = &mut self.recorded else { return };
        recorded.began = Instant::now();
        recorded.last = recorded.began;
        recorded.started_at = Utc::now();
        recorded.request.restart();
    }

    /// Takes the next bytes of the request's body.
    pub fn request_body(&mut self, chunk: &[u8]) {
        let Some(recorded) = &mut self.recorded else { return };
        let Recorded { request, max_body, paid, .. } = &mut **recorded;
        let fits = request.push(chunk, *max_body, paid);
        self.lose_unless(fits);
    }

    /// Takes the head of the final answer, as the primary sent it; a later call starts over.
    pub fn head(&mut self, status: StatusCode, headers: &HeaderMap) {
        let Some(recorded) = &mut self.recorded else { return };
        recorded.last = Instant::now();
        recorded.status = Some(status);
        recorded.answer.restart();
        recorded.answer.headers = headers.clone();
        let fits = recorded.paid.pay(size(headers));
        self.lose_unless(fits);
    }

    /// Takes the next bytes of the answer's body.
    pub fn body(&mut self, chunk: &[u8]) {
        let Some(recorded) = &mut self.recorded else { return };
        recorded.last = Instant::now();
        let Recorded { answer, max_body, paid, .. } = &mut **recorded;
        let fits = answer.push(chunk, *max_body, paid);
        self.lose_unless(fits);
    }

    /// Hands the exchange to the listeners, by way of the mirror's runtime, and returns at once. Call only for an answer
    /// that is complete.
    pub fn finish(mut self) {
        let Some(recorded) = self.recorded.take() else { return };
        let Some(status) = recorded.status else { return };
        let feed = Arc::clone(&self.mirror.feed);
        match self.mirror.runtime() {
            Some(runtime) => drop(runtime.spawn(async move { feed.pass(recorded.line(status)) })),
            None => feed.pass(None),
        }
    }

    fn lose_unless(&mut self, fits: bool) {
        if !fits {
            self.recorded = None;
            self.mirror.feed.pass(None);
        }
    }
}

impl Recorded {
    /// Masks and writes it; `None` where that is more than fits.
    fn line(mut self, status: StatusCode) -> Option<Line> {
        let Self { route, max_body, .. } = &self;
        let shown = |message: &Message| message.shown(route, *max_body);
        let exchange = RecordedExchange {
            route: route.name.to_string(),
            started_at: self.started_at,
            latency_ms: milliseconds(self.last.duration_since(self.began)),
            method: self.method.to_string(),
            target: whole_target(&self.target),
            request_headers: shown_headers(&self.request.headers),
            request_body: shown(&self.request),
            status: status.as_u16(),
            headers: shown_headers(&self.answer.headers),
            body: shown(&self.answer),
            request_id: self.request_id,
        };
        let mut text = serde_json::to_vec(&RecordingLine::Exchange(Box::new(exchange))).ok()?;
        text.push(b'\n');
        let text = Bytes::from(text.into_boxed_slice());
        let is_paid = self.paid.cover(text.len());
        is_paid.then(|| Line { route: Arc::clone(&self.route.name), text, _paid: self.paid })
    }
}

impl Message {
    fn restart(&mut self) {
        self.body.clear();
        self.is_too_long = false;
    }

    /// Adds a chunk of the body; whether it fits into the budget.
    fn push(&mut self, chunk: &[u8], max_body: usize, paid: &mut Paid) -> bool {
        if self.is_too_long {
            return true;
        }
        match self.body.push(chunk, max_body, paid) {
            Ok(()) => true,
            Err(NotHeld::NoBudget) => false,
            Err(NotHeld::TooLarge) => {
                self.body = HeldBody::default();
                self.is_too_long = true;
                true
            }
        }
    }

    /// The body, masked and whole, or nothing: what is cut could not be compared.
    fn shown(&self, route: &RouteMirror, max_body: usize) -> Option<String> {
        if self.is_too_long {
            return None;
        }
        let shown = shown_body(&self.headers, self.body.as_bytes(), &route.masks, usize::MAX);
        shown.filter(|text| text.len() <= max_body)
    }
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
