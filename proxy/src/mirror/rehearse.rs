//! Rehearses a sample of writes: the copy goes to the new backend *before* the write goes to the old one, with the wish
//! that nothing of it lasts.
//!
//! It is the one place where a client waits for a mirrored request, so the wait is bounded. What the new backend answers
//! afterwards is no evidence any more, but it is still looked at: an answer that does not say that the write was rolled
//! back ends all rehearsals of the route.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use routes::Route;
use routes::backend::MirrorWrites;
use tokio::sync::oneshot;

use super::Mirror;
use super::capture::{Capture, Captured};
use super::client::{MirroredAnswer, NoAnswer};
use super::consider::{Candidate, is_sampled};
use super::exchange::{self, Timed};
use super::rehearse_standing::Standing;
use super::table::{MirrorTable, RouteMirror};
use evidence::{DropReason, Outcome, Verdict};

/// Longest body of a write that is rehearsed, bytes: as much as the server holds to send it to the primary afterwards.
pub const MAX_BODY: u64 = 64 << 10;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const ROLLBACK: HeaderValue = HeaderValue::from_static("tx=rollback");

/// What a route's table says about rehearsing, and what the new backend has earned.
#[derive(Debug)]
pub(super) struct Rehearsals {
    is_on: bool,
    share: f64,
    before_budget: Duration,
    standing: Mutex<Standing>,
}

impl Rehearsals {
    pub(super) fn new(route: &Route, writes: MirrorWrites) -> Self {
        Self {
            is_on: writes == MirrorWrites::DryRun,
            share: route.mirror.rehearse,
            before_budget: route.mirror.before_budget,
            standing: Mutex::default(),
        }
    }

    /// Whether one of many writes is among those to be rehearsed.
    pub(super) fn choose(&self) -> bool {
        self.is_on && is_sampled(self.share)
    }

    /// Held for a few comparisons only.
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RouteMirror {
    /// Why writes are not rehearsed although the table asks for it; none: they are, or it does not.
    pub(super) fn writes_off(&self) -> Option<String> {
        let is_off = self.rehearsals.standing().is_off(self.basis().build.as_ref());
        is_off.then(|| {
            "the new backend answered a rehearsal without `Preference-Applied: tx=rollback`, so it may have written for \
             real; they begin again with another build or another table"
                .to_owned()
        })
    }
}

/// A write that is about to be rehearsed.
#[derive(Debug)]
pub struct Rehearsal {
    mirror: Arc<Mirror>,
    route: Arc<RouteMirror>,
    captured: Box<Captured>,
    place: Place,
}

/// One rehearsal's place among those of its route. Dropped without an answer, it counts as unanswered.
#[derive(Debug)]
struct Place {
    route: Arc<RouteMirror>,
    build: Option<Arc<str>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.route.rehearsals.standing().unanswered(self.build.as_ref());
    }
}

impl Mirror {
    /// Begins to rehearse a write, if the table, its method, the bounds and what the new backend has earned
    /// let it. `length` is that of its body; none: it can't be known beforehand. Call for writes
    /// that are [chosen](MirrorTable::chooses_write), before they go to their primary; then [play](Rehearsal::play) it.
    pub fn rehearse(
        self: &Arc<Self>,
        table: &MirrorTable,
        candidate: &Candidate<'_>,
        length: Option<u64>,
    ) -> Option<Rehearsal> {
        let mirrored = candidate.decision.mirror?;
        let route = table.route(candidate.matched.route)?;
        let to_new = mirrored == candidate.table.route(candidate.matched.route).new;
        if !to_new || !route.rehearsals.is_on || !is_write(candidate) {
            return None;
        }
        let taken = self.take(table, route, candidate, length);
        taken.map_err(|reason| route.dropped(reason)).ok()
    }

    fn take(
        self: &Arc<Self>,
        table: &MirrorTable,
        route: &Arc<RouteMirror>,
        candidate: &Candidate<'_>,
        length: Option<u64>,
    ) -> Result<Rehearsal, DropReason> {
        let length =
            length.filter(|length| *length <= MAX_BODY).and_then(|l| usize::try_from(l).ok());
        let length = length.ok_or(DropReason::RequestBody)?;
        // It would wait for the old backend's word before it sends its body.
        if candidate.headers.contains_key(header::EXPECT) {
            return Err(DropReason::RequestBody);
        }
        let mut captured = self.capture(table, route, candidate)?;
        // No control request: asking the old backend again would write again.
        captured.control = None;
        if !captured.share.grow(length) {
            return Err(DropReason::Bytes);
        }
        let build = captured.exchange.basis.build.clone();
        route.rehearsals.standing().admit(build.clone(), Instant::now())?;
        let place = Place { route: Arc::clone(route), build };
        captured.request.headers.append(PREFER, ROLLBACK);
        let (mirror, route) = (Arc::clone(self), Arc::clone(route));
        Ok(Rehearsal { mirror, route, captured: Box::new(captured), place })
    }
}

impl Rehearsal {
    /// Rehearses the write with this body and waits for its answer, for as long as the table lets a write wait. Returns
    /// what is to capture the primary's answer; none: there is nothing to compare it with.
    pub async fn play(mut self, body: Bytes) -> Option<Capture> {
        self.captured.request.body = body;
        let Self { mirror, route, captured, place } = self;
        let (answered, answer) = oneshot::channel();
        // On the runtime of the one who waits: the mirror's own gives way to everybody.
        drop(tokio::spawn(perform(Arc::clone(&mirror), captured, place, answered)));
        let limit = route.rehearsals.before_budget;
        let Ok(Ok((mut captured, answer))) = tokio::time::timeout(limit, answer).await else {
            route.rehearsals.standing().late(Instant::now());
            route.dropped(DropReason::Late);
            return None;
        };
        route.rehearsals.standing().in_time();
        let reason = match answer {
            Ok(early) if !says_rolled_back(&early.answer.headers) => DropReason::NotRolledBack,
            // The backend gave the rehearsal up: its database was busy, or it took too long.
            Ok(early) if early.answer.status == StatusCode::SERVICE_UNAVAILABLE => {
                DropReason::GivenUp
            }
            Ok(early) => {
                captured.early = Some(early);
                return Some(Capture::new(mirror, route, *captured, Instant::now()));
            }
            Err(NoAnswer::Dropped(reason)) => reason,
            Err(NoAnswer::Failed(failure)) => {
                let verdict = Verdict::Failed(failure);
                exchange::count(&route, &verdict);
                mirror.evidence.record(Outcome { exchange: captured.exchange, verdict });
                return None;
            }
        };
        route.dropped(reason);
        None
    }
}

/// Sends the copy, looks whether the backend has rolled it back, and hands the answer to who waits, if they still do.
async fn perform(
    mirror: Arc<Mirror>,
    mut captured: Box<Captured>,
    place: Place,
    answered: oneshot::Sender<(Box<Captured>, Result<Timed, NoAnswer>)>,
) {
    let started = Instant::now();
    let answer = exchange::ask(&mirror, &mut captured).await;
    let answer = answer.map(|answer| Timed { answer, latency: started.elapsed() });
    if let Ok(early) = &answer {
        settle(&place, &early.answer, &captured);
    }
    drop(place);
    // Nobody waits any more: it was counted as late.
    let _late = answered.send((captured, answer));
}

fn settle(place: &Place, answer: &MirroredAnswer, captured: &Captured) {
    let Place { route, build } = place;
    let mut standing = route.rehearsals.standing();
    if says_rolled_back(&answer.headers) {
        return standing.rolled_back(build.as_ref());
    }
    if standing.not_rolled_back() {
        tracing::error!(
            route = &*route.name,
            method = captured.request.method.as_str(),
            status = answer.status.as_u16(),
            request_id = captured.exchange.request_id,
            "a rehearsal was answered without `Preference-Applied: tx=rollback`: the new backend may have written for \
             real; writes of this route are no longer rehearsed"
        );
    }
}

fn says_rolled_back(headers: &HeaderMap) -> bool {
    headers.get_all(APPLIED).iter().any(|value| holds(value, &ROLLBACK))
}

/// Whether a list of preferences holds this one.
fn holds(value: &HeaderValue, preference: &HeaderValue) -> bool {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .any(|one| one.trim_ascii().eq_ignore_ascii_case(preference.as_bytes()))
}

/// What a rehearsal is for: a change of the database, as far as a method tells, and no request to leave HTTP.
fn is_write(candidate: &Candidate<'_>) -> bool {
    let writes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    writes.contains(candidate.method) && !candidate.headers.contains_key(header::UPGRADE)
}
