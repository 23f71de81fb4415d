//! The way of every request to its handler: body, key, checks, in the monolith's order.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, Path, Request};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Map;

use super::endpoint::{Action, BodyKind, Input};
use super::error::Context;
use super::{ApiError, Reply, body, identity};
use crate::app::App;
use crate::validation::query;

/// Answers one request with one action.
pub async fn serve(app: Arc<App>, action: Action, request: Request) -> Response {
    let context = context(&app, request.uri().path(), request.headers());
    match answer(app, action, request).await {
        Ok(reply) => reply.into_response(),
        Err(error) => error.into_response(&context),
    }
}

/// What an error answer to this request would tell about it.
pub fn context(app: &App, path: &str, headers: &HeaderMap) -> Context {
    let request_id = headers.get("x-request-id");
    Context {
        path: path.to_owned(),
        request_id: request_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()),
        now: app.clock.now(),
    }
}

async fn answer(app: Arc<App>, action: Action, request: Request) -> Result<Reply, ApiError> {
    // The router hands HEAD to whoever answers GET; the monolith knows no HEAD.
    if request.method() == Method::HEAD {
        return Err(ApiError::method_not_allowed());
    }
    let (mut parts, body) = request.into_parts();
    let Path(path) = Path::<Vec<(String, String)>>::from_request_parts(&mut parts, &())
        .await
        .map_err(|_why| ApiError::no_such_path())?;
    if parts.method != Method::GET && asks_for_rehearsal(&parts.headers) {
        // Whoever asks for a rehearsal must not get the real thing.
        return Err(ApiError::detail(StatusCode::NOT_IMPLEMENTED, "tx=rollback is not supported"));
    }
    let sent = match action.body {
        BodyKind::None => None,
        _ => body::read(&parts.headers, body, app.config.request_timeout).await?,
    };
    let caller = identity::caller(&app.config, action.access, &parts.headers)?;
    let mut problems = Vec::new();
    let query = match action.query {
        Some(shape) => query::check(shape, parts.uri.query().unwrap_or_default(), &mut problems),
        None => Some(Map::new()),
    };
    let body = body::check(action.body, sent.as_ref(), &mut problems);
    let (Some(query), Some(body)) = (query, body) else {
        return Err(ApiError::Invalid(problems));
    };
    let input = Input { caller, path: path.into_iter().collect(), query, body };
    (action.run)(app, input).await
}

/// `Prefer: tx=rollback`, alone or among other preferences.
fn asks_for_rehearsal(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|value| value.split([',', ';']))
        .any(|preference| preference.trim().eq_ignore_ascii_case("tx=rollback"))
}
