//! What one request carries from hook to hook.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use routes::{BackendId, Decision, RouteMatch};
use traces::RequestSpan;

use super::stream::OpenStream;
use crate::backends::Target;
use crate::backends::pool::{Pool, Tried};
use crate::edge::PacedRequest;
use crate::in_flight::InFlightGuard;
use crate::live_table::InForce;
use crate::mirror::{Capture, Recording};

/// What one request carries. Each field says who writes it and who reads it.
pub(crate) struct RequestContext {
    /// The generation that this request follows to its end. Written when the request begins, read
    /// by every hook.
    pub(crate) in_force: Arc<InForce>,
    /// When the header had been read. Read by `record`.
    pub(crate) started: Instant,
    /// Counts this request as in flight until it is dropped. Read by `match_route` (limit).
    pub(crate) in_flight: InFlightGuard,
    /// What the client owes until it has sent its body. Written by `match_route` and `capture_request`; read by the socket.
    pub(crate) paced: Option<PacedRequest>,
    /// Written by `match_route`; read by `forward_request`, `relay_response`, `answer`, `record`.
    pub(crate) request_id: Option<HeaderValue>,
    /// Written by `match_route` (none: the fallback); read by `forward_request` and `record`.
    pub(crate) route: Option<RouteMatch>,
    /// Written by `match_route`; read by `choose_backend` and `recover`.
    pub(crate) decision: Decision,
    /// The backend that is asked now. Written by `match_route` and, at a failover, by
    /// `choose_backend`; read by everything after.
    pub(crate) asked: BackendId,
    /// Targets of that backend that were tried. Written by `choose_backend` and `recover`.
    pub(crate) tried: Tried,
    /// The target that is asked now. Written by `choose_backend`; read by `recover` and `record`.
    pub(crate) target: Option<Arc<Target>>,
    /// When the target was chosen. Written by `choose_backend`; read by `relay_response`.
    pub(crate) asked_at: Option<Instant>,
    /// From choosing the target to its answer's header. Written by `relay_response`; read by
    /// `record`.
    pub(crate) upstream_time: Option<Duration>,
    /// Set where the answer is a stream, which the guard has counted already. Written by `relay_response`; read by `record`.
    pub(super) stream: Option<OpenStream>,
    /// Request body bytes of this attempt. Written by `capture_request` (counts) and
    /// `choose_backend` (a new attempt sends the body again).
    pub(crate) body_bytes: u64,
    /// Attempts on a kept connection that turned out dead. Written and read by `recover`.
    pub(crate) dead_connections: u8,
    /// Every target of the last backend was tried once and none took the connection in time. Written
    /// and read by `recover`.
    pub(crate) is_second_round: bool,
    /// Why the last attempt failed. Written by `recover`; read by `choose_backend` and `record`.
    pub(crate) failure: Option<&'static str>,
    /// The backend asked last must not be asked again. Written by `recover`; read by
    /// `choose_backend`.
    pub(crate) give_up_on_asked: bool,
    /// Why the request went to the old backend instead. Written by `choose_backend`; read by
    /// `record`.
    pub(crate) failed_over: Option<&'static str>,
    /// Whether it was looked at if the request is mirrored; an attempt that is repeated is not
    /// mirrored again. Written and read by `mirror`.
    pub(crate) mirror_considered: bool,
    /// The answer's copy for comparing. Written by `mirror` when the request goes to its primary,
    /// fed as the answer passes, handed over at the end.
    pub(crate) capture: Option<Capture>,
    /// The whole exchange, while somebody listens to the feed. Written by `mirror` with each attempt, fed as the
    /// exchange passes, handed over at the end.
    pub(crate) recording: Option<Recording>,
    /// What the collector of traces will be told. Written by `trace` when the request begins; read by `forward_request`, ended by
    /// `record`.
    pub(crate) span: Option<Box<RequestSpan>>,
    /// Why the proxy itself answered. Written by `answer`; read by `record`.
    pub(crate) refused: Option<&'static str>,
}

impl RequestContext {
    pub(crate) fn new(in_force: Arc<InForce>, in_flight: InFlightGuard) -> Self {
        let decision = routes::decide::fallback(&in_force.table);
        Self {
            in_force,
            started: Instant::now(),
            in_flight,
            paced: None,
            request_id: None,
            route: None,
            asked: decision.primary,
            decision,
            tried: Tried::default(),
            target: None,
            asked_at: None,
            upstream_time: None,
            stream: None,
            body_bytes: 0,
            dead_connections: 0,
            is_second_round: false,
            failure: None,
            give_up_on_asked: false,
            failed_over: None,
            mirror_considered: false,
            capture: None,
            recording: None,
            span: None,
            refused: None,
        }
    }

    /// The servers of the backend that is asked now.
    pub(crate) fn pool(&self) -> Option<&Arc<Pool>> {
        self.in_force.pool(self.asked)
    }

    /// Name of the backend that is asked now.
    pub(crate) fn backend_name(&self) -> &str {
        &self.in_force.table.backend(self.asked).name
    }

    /// Name of the matched route.
    pub(crate) fn route_name(&self) -> &str {
        match &self.route {
            Some(matched) => &self.in_force.table.route(matched.route).name,
            None => crate::metrics::NO_ROUTE,
        }
    }

    /// Where a repeatable request may still go; `None` once it is there.
    pub(crate) fn failover(&self) -> Option<BackendId> {
        self.decision.failover.filter(|backend| *backend != self.asked)
    }
}
