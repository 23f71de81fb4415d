//! The layer around every request: its id, its time, its limits, its log line and its figures.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt as _;
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use traces::{KeyValue, RequestSpan, Traces, trace_context};

use super::rehearsal::Purpose;
use super::{ApiError, body, dispatch};
use crate::app::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESS_TIME: HeaderName = HeaderName::from_static("x-process-time");

/// Answers a request within its limits, and notes how that went.
pub async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let context = dispatch::context(&app, request.uri().path(), request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let id = request_id(&app, request.headers());
    let _in_flight = app.metrics.begin_request();
    app.figures.begin();

    let purpose = Purpose::of(&method, request.headers());
    let span = app.traces.as_ref().and_then(|traces| begin_span(traces, &request));
    let mut response = match limited(&app, request, next).await {
        Ok(response) => response,
        // Whoever was at work on it has been dropped, and what they wrote with them.
        Err(error) => error.into_response(&context),
    };
    purpose.mark(&mut response);

    let spent = started.elapsed();
    let headers = response.headers_mut();
    if let Ok(seconds) = HeaderValue::from_str(&format!("{:.3}", spent.as_secs_f64())) {
        headers.insert(PROCESS_TIME, seconds);
    }
    headers.insert(REQUEST_ID, id.clone());
    let status = response.status();
    app.figures.end(status.is_client_error() || status.is_server_error(), spent);
    app.metrics.end_request(&method, route.as_deref(), status, spent);
    let trace_id = span.as_ref().map(RequestSpan::trace_id);
    let path = context.path.as_ref();
    let line = LogLine { id: &id, trace_id, method: &method, path, status, spent };
    line.write();
    if let Some(span) = span.filter(RequestSpan::is_recorded) {
        end_span(span, &method, route, path, purpose, status);
    }
    response
}

fn begin_span(traces: &Traces, request: &Request) -> Option<RequestSpan> {
    let received = request.headers().get(trace_context::NAME);
    let name = request.method().as_str().to_owned();
    (!is_watching(request.uri().path())).then(|| traces.begin(name, received, SystemTime::now()))
}

/// Whoever watches asks every second: lines and traces of that would drown the others.
fn is_watching(path: &str) -> bool {
    matches!(path, "/health" | "/metrics")
}

fn end_span(
    span: RequestSpan,
    method: &Method,
    route: Option<String>,
    path: &str,
    purpose: Purpose,
    status: StatusCode,
) {
    let name =
        route.as_ref().map_or_else(|| method.to_string(), |route| format!("{method} {route}"));
    let attributes = [
        Some(KeyValue::new("http.request.method", method.to_string())),
        Some(KeyValue::new("url.path", path.to_owned())),
        route.map(|route| KeyValue::new("http.route", route)),
        // A copy stands in the same trace as the request that it is a copy of.
        Some(KeyValue::new("strangler.purpose", purpose.as_str())),
    ];
    span.end(name, status.as_u16(), attributes.into_iter().flatten());
}

/// The line of the log that a request leaves.
struct LogLine<'a> {
    id: &'a HeaderValue,
    trace_id: Option<String>,
    method: &'a Method,
    path: &'a str,
    status: StatusCode,
    spent: Duration,
}

impl LogLine<'_> {
    fn write(&self) {
        if is_watching(self.path) && self.status.is_success() {
            tracing::debug!(path = self.path, "request");
            return;
        }
        tracing::info!(
            request_id = %String::from_utf8_lossy(self.id.as_bytes()),
            trace_id = self.trace_id,
            method = %self.method,
            path = self.path,
            status = self.status.as_u16(),
            ms = self.spent.as_secs_f64() * 1000.0,
            "request"
        );
    }
}

async fn limited(app: &App, request: Request, next: Next) -> Result<Response, ApiError> {
    if declared_length(request.headers()).is_some_and(|length| length > body::MAX_BODY) {
        // A client that waits to be told to send is not told.
        if !request.headers().contains_key(EXPECT) {
            body::discard(request.into_body(), app.config.request_timeout).await;
        }
        return Err(body::too_large());
    }
    // A handler that panics is a mistake of this program; the connection and its other requests live on.
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(app.config.request_timeout, answer).await {
        Ok(answered) => {
            answered.map_err(|_panic| ApiError::Internal("a handler panicked".to_owned()))
        }
        Err(_elapsed) => {
            let text = "The request took too long".to_owned();
            Err(ApiError::Limit(StatusCode::GATEWAY_TIMEOUT, text))
        }
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The request's own id, or a new one.
fn request_id(app: &App, headers: &HeaderMap) -> HeaderValue {
    let own = headers.get(REQUEST_ID).filter(|id| !id.is_empty()).cloned();
    own.unwrap_or_else(|| {
        let hex = app.ids.hex();
        let uuid = uuid::Uuid::try_parse(&hex).unwrap_or_default().to_string();
        HeaderValue::from_str(&uuid).unwrap_or(HeaderValue::from_static("unknown"))
    })
}
