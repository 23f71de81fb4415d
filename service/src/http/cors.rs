//! Lets the monolith's web pages ask from a browser, in the words of the monolith's own answers to browsers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::app::App;
use crate::config::Origins;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "OPTIONS"];

/// Asks whether a page may reach into a private network, which is never granted.
const PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");

/// Seconds for which a browser may remember the answer to a preflight.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// Answers preflights, whatever their path, and says in other answers to pages whether these may read them.
pub async fn answer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origins = &app.config.origins;
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        return next.run(request).await;
    };
    if request.method() == Method::OPTIONS
        && let Some(method) = request.headers().get(ACCESS_CONTROL_REQUEST_METHOD)
    {
        return preflight(origins, &origin, method, request.headers());
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
    if origins.contain(&origin) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(VARY, BY_ORIGIN);
    }
    response
}

fn preflight(
    origins: &Origins,
    origin: &HeaderValue,
    method: &HeaderValue,
    asked: &HeaderMap,
) -> Response {
    let mut refused = Vec::new();
    let mut headers = HeaderMap::new();
    headers.insert(VARY, BY_ORIGIN);
    if let Ok(methods) = HeaderValue::from_str(&METHODS.join(", ")) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
    if origins.contain(origin) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    } else {
        refused.push("origin");
    }
    if METHODS.iter().all(|known| method.as_bytes() != known.as_bytes()) {
        refused.push("method");
    }
    if let Some(wanted) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    if asked.contains_key(PRIVATE_NETWORK) {
        refused.push("private-network");
    }
    if refused.is_empty() {
        return (StatusCode::OK, headers, "OK").into_response();
    }
    let text = format!("Disallowed CORS {}", refused.join(", "));
    (StatusCode::BAD_REQUEST, headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::testing::{Answer, TestApp};

    const PAGE: &str = "http://localhost:8016";

    async fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        TestApp::new().await.send(request.body(Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn a_preflight_is_answered_before_anybody_looks_at_the_path() {
        let asked = [
            ("origin", PAGE),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "X-Api-Key, X-Other"),
        ];
        for path in ["/v1/agents/workflows", "/nowhere"] {
            let answer = ask("OPTIONS", path, &asked).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "OK"), "{path}");
            let headers = answer.headers;
            assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
            assert_eq!(headers["access-control-allow-origin"], PAGE);
            assert_eq!(headers["access-control-allow-methods"], "GET, POST, PUT, DELETE, OPTIONS");
            assert_eq!(headers["access-control-allow-headers"], "X-Api-Key, X-Other");
            assert_eq!(headers["access-control-allow-credentials"], "true");
            assert_eq!(headers["access-control-max-age"], "600");
            assert_eq!(headers["vary"], "Origin");
            assert!(headers.contains_key("x-request-id") && headers.contains_key("x-process-time"));
        }
    }

    #[tokio::test]
    async fn a_preflight_for_anybody_else_or_for_another_method_is_refused() {
        let method = "access-control-request-method";
        for (origin, wanted, said) in [
            ("http://localhost:8004", "GET", "Disallowed CORS origin"),
            (PAGE, "PATCH", "Disallowed CORS method"),
            ("null", "patch", "Disallowed CORS origin, method"),
        ] {
            let answer = ask("OPTIONS", "/x", &[("origin", origin), (method, wanted)]).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (400, said));
            assert_eq!(answer.headers.contains_key("access-control-allow-origin"), origin == PAGE);
        }
    }

    #[tokio::test]
    async fn other_answers_say_which_page_may_read_them() {
        let ours = ask("GET", "/health", &[("origin", PAGE)]).await;
        assert_eq!(ours.headers["access-control-allow-origin"], PAGE);
        assert_eq!(ours.headers["vary"], "Origin");
        let foreign = ask("GET", "/health", &[("origin", "http://evil.example")]).await;
        assert!(!foreign.headers.contains_key("access-control-allow-origin"));
        assert_eq!(foreign.headers["access-control-allow-credentials"], "true");
        let none = ask("GET", "/health", &[]).await;
        assert!(!none.headers.contains_key("access-control-allow-credentials"));
        // What is no preflight is a request like any other.
        assert_eq!(ask("OPTIONS", "/health", &[("origin", PAGE)]).await.status.as_u16(), 405);
    }
}
