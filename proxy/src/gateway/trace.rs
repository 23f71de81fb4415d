//! What the collector of traces is told of a request, where there is one.

use std::time::{Duration, SystemTime};

use http::Method;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use traces::{KeyValue, RequestSpan, trace_context};

use super::{Gateway, RequestContext};

/// Begins the span of a request whose head has been read.
pub(super) fn begin(gateway: &Gateway, session: &Session, ctx: &mut RequestContext) {
    let Some(traces) = &gateway.traces else { return };
    let request = session.req_header();
    // Whoever samples by name sees the method, and never a path, which may be any.
    let name = known_method(&request.method).to_owned();
    let started = SystemTime::now() - ctx.started.elapsed();
    let received = request.headers.get(trace_context::NAME);
    ctx.span = Some(Box::new(traces.begin(name, received, started)));
}

/// Sets the `traceparent` of a request to a backend: its parent is the span of this request, or an id of its own.
pub(super) fn continue_trace(
    request: &mut RequestHeader,
    span: Option<&RequestSpan>,
) -> pingora::Result<()> {
    let received = request.headers.get(trace_context::NAME);
    let (next, is_continued) = match span {
        Some(span) => (span.traceparent(), trace_context::is_continued(received)),
        None => trace_context::next_hop(received, rand::random()),
    };
    if !is_continued {
        request.remove_header(&trace_context::STATE);
    }
    request.insert_header(trace_context::NAME, next)
}

/// Ends the span of a request, however that ended. `status` is 0 where no answer was begun.
pub(super) fn end(session: &Session, status: u16, ctx: &mut RequestContext) {
    let Some(span) = ctx.span.take() else { return };
    if !span.is_recorded() {
        return;
    }
    let request = session.req_header();
    let method = known_method(&request.method);
    let route = ctx.route.as_ref().map(|matched| ctx.in_force.table.route(matched.route));
    let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {}", route.path));
    let asked = ctx.refused.is_none();
    let text = |name, value: Option<&str>| value.map(|value| KeyValue::new(name, value.to_owned()));
    let generation = i64::try_from(ctx.in_force.table.generation.number).unwrap_or(i64::MAX);
    // As in the access log, never the query or the value of a header: they may hold secrets.
    let attributes = [
        text("http.request.method", Some(method)),
        text("url.path", Some(request.uri.path())),
        route.map(|route| KeyValue::new("http.route", route.path.to_string())),
        text("strangler.route", route.map(|route| route.name.as_str())),
        text("strangler.stage", route.map(|route| route.stage.as_str())),
        text("strangler.backend", asked.then(|| ctx.backend_name())),
        text("strangler.target", ctx.target.as_ref().map(|target| &*target.label)),
        text("strangler.failover", ctx.failed_over),
        text("strangler.refused", ctx.refused),
        text("strangler.request_id", ctx.request_id.as_ref().and_then(|id| id.to_str().ok())),
        ctx.upstream_time.map(|time| KeyValue::new("strangler.upstream_ms", millis(time))),
        Some(KeyValue::new("strangler.generation", generation)),
    ];
    span.end(name, status, attributes.into_iter().flatten());
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A method that HTTP defines, or `_OTHER` (semantic conventions for HTTP spans): clients may send any word.
fn known_method(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::CONNECT
        | Method::OPTIONS
        | Method::TRACE
        | Method::PATCH => method.as_str(),
        _ => "_OTHER",
    }
}
