//! The crossing to the mirror: a request is offered to it as it goes to its primary, and the answer
//! is copied as it passes. Nothing here waits; `rehearse` does.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, StatusCode};
use pingora::proxy::Session;

use super::RequestContext;
use crate::backends::pool::Tried;
use crate::mirror::{Candidate, Mirror, Recordable};

/// Never sent on.
pub(super) const PROBE: HeaderName = HeaderName::from_static(routes::PROBE);

/// Offers a request to the mirror. `headers` are those that the primary gets.
pub(super) fn begin(
    mirror: &Arc<Mirror>,
    session: &Session,
    headers: &HeaderMap,
    ctx: &mut RequestContext,
) {
    record(mirror, session, headers, ctx);
    let is_first = !std::mem::replace(&mut ctx.mirror_considered, true);
    if !is_first {
        // Its body is sent again as well; or it was rehearsed, and goes to its primary only now.
        if let Some(capture) = &mut ctx.capture {
            capture.restart_request();
        }
        return;
    }
    if ctx.failed_over.is_none()
        && let Some(candidate) = candidate(session, headers, ctx)
    {
        ctx.capture = mirror.begin(&ctx.in_force.mirror, &candidate);
    }
}

/// Records the request for whoever listens. Every attempt sends the whole of it, so any of them may be the first.
fn record(mirror: &Arc<Mirror>, session: &Session, headers: &HeaderMap, ctx: &mut RequestContext) {
    if let Some(recording) = &mut ctx.recording {
        return recording.restart();
    }
    if !mirror.feed().has_listeners() {
        return;
    }
    let Some(matched) = &ctx.route else { return };
    let request = session.req_header();
    let recordable = Recordable {
        route: matched.route,
        method: &request.method,
        path: request.uri.path(),
        query: request.uri.query(),
        headers,
        request_id: ctx.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default(),
    };
    ctx.recording = mirror.record(&ctx.in_force.mirror, &recordable);
}

/// A request of a route that is mirrored; `headers` are those that the primary gets.
pub(super) fn candidate<'a>(
    session: &'a Session,
    headers: &'a HeaderMap,
    ctx: &'a RequestContext,
) -> Option<Candidate<'a>> {
    let (matched, backend) = (ctx.route.as_ref()?, ctx.decision.mirror?);
    let server = ctx.in_force.pool(backend).and_then(|pool| pool.pick(Tried::default()));
    let request = session.req_header();
    Some(Candidate {
        table: &ctx.in_force.table,
        matched,
        decision: &ctx.decision,
        method: &request.method,
        path: request.uri.path(),
        query: request.uri.query(),
        headers,
        request_id: ctx.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default(),
        is_probe: request.headers.contains_key(&PROBE),
        server: server.and_then(|(_, target)| target.current()),
        primary_server: ctx.target.as_ref().and_then(|target| target.current()),
    })
}

/// The next bytes of the request's body.
pub(super) fn request_body(chunk: Option<&bytes::Bytes>, ctx: &mut RequestContext) {
    let Some(chunk) = chunk else { return };
    if let Some(capture) = &mut ctx.capture {
        capture.request_body(chunk);
    }
    if let Some(recording) = &mut ctx.recording {
        recording.request_body(chunk);
    }
}

/// The head of the answer, as the primary sent it.
pub(super) fn head(status: StatusCode, headers: &HeaderMap, ctx: &mut RequestContext) {
    if let Some(capture) = &mut ctx.capture {
        capture.head(status, headers);
    }
    if let Some(recording) = &mut ctx.recording {
        recording.head(status, headers);
    }
}

/// The next bytes of the answer.
pub(super) fn body(chunk: Option<&bytes::Bytes>, ctx: &mut RequestContext) {
    let Some(chunk) = chunk else { return };
    if let Some(capture) = &mut ctx.capture {
        capture.body(chunk);
    }
    if let Some(recording) = &mut ctx.recording {
        recording.body(chunk);
    }
}

/// Hands a complete answer of the primary over. One that is not complete is dropped, and counted by the mirror; so is one
/// of the backend that stood in for the primary, which would be compared with itself.
pub(super) fn finish(is_complete: bool, ctx: &mut RequestContext) {
    if let Some(recording) = ctx.recording.take()
        && is_complete
    {
        recording.finish();
    }
    if let Some(capture) = ctx.capture.take()
        && is_complete
        && ctx.failed_over.is_none()
    {
        capture.finish();
    }
}
