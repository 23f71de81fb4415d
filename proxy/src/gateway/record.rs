//! logging: counts the finished request, for the metrics and for the guard, and writes its line of the request log.

use std::time::Duration;

use pingora::proxy::Session;
use pingora::{Error, ErrorSource};

use super::{Gateway, RequestContext, match_route, mirror, trace};
use crate::headers::forwarded;

/// Records a request that has ended, however it did.
pub(super) fn run(
    gateway: &Gateway,
    session: &Session,
    error: Option<&Error>,
    ctx: &mut RequestContext,
) {
    let took = ctx.started.elapsed();
    mirror::finish(error.is_none(), ctx);
    let status = session.response_written().map_or(0, |answer| answer.status.as_u16());
    let route = ctx.route.as_ref().map(|matched| matched.route);
    if ctx.refused.is_none() {
        // How long a stream was open says nothing of how fast the backend is.
        let counted = ctx.upstream_time.filter(|_| ctx.stream.is_some()).unwrap_or(took);
        ctx.in_force.handles(route, ctx.asked).record(status, counted.as_secs_f64());
        if ctx.stream.is_none() {
            for_the_guard(status, error, ctx);
        }
    }
    let request = session.req_header();
    // Never logged: the query, header values and bodies, which may hold secrets.
    tracing::info!(
        target: "access",
        method = request.method.as_str(),
        path = request.uri.path(),
        route = ctx.route_name(),
        stage = route.map(|route| ctx.in_force.table.route(route).stage.as_str()),
        backend = ctx.refused.is_none().then(|| ctx.backend_name()),
        refused = ctx.refused,
        target_server = ctx.target.as_ref().map(|target| &*target.label),
        status,
        bytes = session.body_bytes_sent(),
        duration_ms = took.as_secs_f64() * 1e3,
        upstream_ms = ctx.upstream_time.map(|time| time.as_secs_f64() * 1e3),
        generation = ctx.in_force.table.generation.number,
        failover = ctx.failed_over,
        client = match_route::peer_ip(session)
            .map(|peer| forwarded::client(&request.headers, peer, &gateway.trusted))
            .map(tracing::field::display),
        request_id = ctx.request_id.as_ref().and_then(|id| id.to_str().ok()),
        trace_id = ctx.span.as_ref().map(|span| span.trace_id()),
    );
    trace::end(session, status, ctx);
}

/// Counts the request for the backend that was asked first: that is the one that the stage trusts with it.
pub(super) fn for_the_guard(status: u16, error: Option<&Error>, ctx: &RequestContext) {
    let Some(matched) = &ctx.route else { return };
    let Some(tally) = ctx.in_force.tally(matched.route) else { return };
    let is_broken = error.is_some_and(|error| *error.esource() == ErrorSource::Upstream);
    let has_failed = is_broken || status >= 500;
    let route = ctx.in_force.table.route(matched.route);
    if ctx.decision.primary != route.new {
        tally.old.record(has_failed, latency(ctx).filter(|_| !has_failed));
        return;
    }
    match ctx.failed_over {
        // What both backends fail says nothing of the new one, nor does what this side lacks.
        Some(reason) => tally.new.record(!has_failed && reason != "no_socket", None),
        None => tally.new.record(has_failed, latency(ctx).filter(|_| !has_failed)),
    }
}

/// Until the answer's header. A client that left before it has waited for at least so long.
fn latency(ctx: &RequestContext) -> Option<Duration> {
    ctx.upstream_time.or_else(|| ctx.asked_at.map(|asked_at| asked_at.elapsed()))
}
