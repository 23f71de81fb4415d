//! Decides whether a request is mirrored, on the client's path: cheap, and without waiting.

use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use http::{HeaderMap, Method, header};
use routes::{Decision, RouteMatch, RouteTable};

use super::Mirror;
use super::budget::{HeldBody, Share};
use super::capture::{Capture, Captured, CapturedAnswer};
use super::control::Control;
use super::request::MirroredRequest;
use super::table::{MirrorTable, RouteMirror};
use crate::backends::Server;
use evidence::{DropReason, Exchange};

/// A request that may be mirrored, as it goes to its primary.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The table that the request follows.
    pub table: &'a RouteTable,
    /// Its route.
    pub matched: &'a RouteMatch,
    /// Who answers, and who may get a copy.
    pub decision: &'a Decision,
    /// Of the request.
    pub method: &'a Method,
    /// Raw path as the client sent it.
    pub path: &'a str,
    /// Raw query as the client sent it.
    pub query: Option<&'a str>,
    /// Headers as the primary gets them (`Host` as it was, `X-Request-ID`, `X-Forwarded-*`).
    pub headers: &'a HeaderMap,
    /// Id of the request.
    pub request_id: &'a str,
    /// Nobody's request ([`routes::PROBE`]): its reads are no evidence.
    pub is_probe: bool,
    /// A healthy server of the backend in `decision.mirror`; `None`: there is none, and the request is dropped.
    pub server: Option<Server>,
    /// The server that the primary's request goes to; a control request asks the same.
    pub primary_server: Option<Server>,
}

impl Mirror {
    /// Begins to mirror a request, if the table, its method, the sample, the rate and the bounds let it. Call when the request
    /// goes to its primary, then feed the answer to the [`Capture`].
    pub fn begin(
        self: &Arc<Self>,
        table: &MirrorTable,
        candidate: &Candidate<'_>,
    ) -> Option<Capture> {
        let backend = candidate.decision.mirror?;
        let route = table.route(candidate.matched.route)?;
        let is_new = backend == candidate.table.route(candidate.matched.route).new;
        let twin = route.twin.as_ref().filter(|_| is_new);
        let (is_read, now) = (is_read(candidate), Instant::now());
        let share = if is_new { route.sample } else { route.verify };
        // A twin has to have every write, or it is a twin no more.
        let is_wanted = if is_read {
            !candidate.is_probe && is_chosen(route, share, now)
        } else {
            twin.is_some()
        };
        if !is_wanted {
            return None;
        }
        if is_upgrade(candidate) {
            route.dropped(DropReason::Upgrade);
            return None;
        }
        match self.copy(table, route, candidate, now) {
            Ok(captured) => Some(Capture::new(Arc::clone(self), Arc::clone(route), captured, now)),
            Err(reason) => {
                if let Some(twin) = twin.filter(|_| !is_read) {
                    twin.miss(candidate);
                }
                route.dropped(reason);
                None
            }
        }
    }

    /// What a copy needs that is sent when the primary has answered.
    fn copy(
        &self,
        table: &MirrorTable,
        route: &Arc<RouteMirror>,
        candidate: &Candidate<'_>,
        now: Instant,
    ) -> Result<Captured, DropReason> {
        let twin = route.twin.as_ref().filter(|_| is_for_new(candidate));
        if twin.is_none() && has_body(candidate.headers) {
            return Err(DropReason::RequestBody);
        }
        if is_read(candidate) && !self.spare.allows(now) {
            return Err(DropReason::Busy);
        }
        let mut captured = self.capture(table, route, candidate)?;
        captured.place = twin.map(|twin| twin.enter(candidate));
        Ok(captured)
    }

    /// What any exchange needs that is to be compared.
    pub(super) fn capture(
        &self,
        table: &MirrorTable,
        route: &Arc<RouteMirror>,
        candidate: &Candidate<'_>,
    ) -> Result<Captured, DropReason> {
        let server = candidate.server.clone().ok_or(DropReason::Unhealthy)?;
        self.runtime().ok_or(DropReason::Stopped)?;
        let bounds = table.bounds;
        let held = [(&*route.held, bounds.route), (&*self.held, bounds.all)];
        let mut share = Share::take(held).ok_or(DropReason::InFlight)?;
        let request = MirroredRequest::new(candidate, server);
        let control = Control::sampled(candidate, &request, route.control);
        let held = request.size() + control.as_ref().map_or(0, Control::size);
        if !share.grow(held) {
            return Err(DropReason::Bytes);
        }
        let target = match candidate.query {
            Some(query) => format!("{}?{query}", candidate.path),
            None => candidate.path.to_owned(),
        };
        let exchange = Exchange {
            route: Arc::clone(&route.name),
            basis: route.basis(),
            at: Utc::now(),
            method: candidate.method.clone(),
            target,
            request_id: candidate.request_id.to_owned(),
        };
        Ok(Captured {
            exchange,
            request,
            control,
            early: None,
            request_body: HeldBody::default(),
            place: None,
            share,
            bounds,
            answer: CapturedAnswer::default(),
        })
    }
}

/// Whether its share and the rate of its route let a read through.
fn is_chosen(route: &RouteMirror, share: f64, now: Instant) -> bool {
    is_sampled(share) && route.rate.as_ref().is_none_or(|rate| rate.take(now))
}

/// But to a twin, only what is safe by its method is mirrored.
fn is_read(candidate: &Candidate<'_>) -> bool {
    matches!(*candidate.method, Method::GET | Method::HEAD)
}

/// A request to leave HTTP is never mirrored.
fn is_upgrade(candidate: &Candidate<'_>) -> bool {
    candidate.headers.contains_key(header::UPGRADE)
}

fn is_for_new(candidate: &Candidate<'_>) -> bool {
    candidate.decision.mirror == Some(candidate.table.route(candidate.matched.route).new)
}

/// Whether one of many is among this share of them.
pub(super) fn is_sampled(share: f64) -> bool {
    share >= 1.0 || (share > 0.0 && rand::random::<f64>() < share)
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}
