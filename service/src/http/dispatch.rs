//! The way of every request to its handler: body, key, checks, in the monolith's order.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use serde_json::{Map, Value};

use super::body::{self, Sent};
use super::endpoint::{Action, BodyKind, Input};
use super::error::Context;
use super::rehearsal::Purpose;
use super::{ApiError, Reply, identity, paths};
use crate::app::App;
use crate::store::StoreError;
use crate::store::rehearsal::GivenUp;
use crate::validation::{Place, Problem, query};
use crate::work::{Effects, Work};

/// Answers one request with the action that stands at the path of this template.
pub async fn serve(app: Arc<App>, action: Action, template: &str, request: Request) -> Response {
    let context = context(&app, request.uri().path(), request.headers());
    match answer(app, action, template, request).await {
        Ok(reply) => reply.into_response(),
        Err(error) => error.into_response(&context),
    }
}

/// Answers a request that no action is for.
pub fn refuse(app: &App, error: ApiError, request: &Request) -> Response {
    error.into_response(&context(app, request.uri().path(), request.headers()))
}

/// What an error answer to this request would tell about it.
pub fn context(app: &App, path: &str, headers: &HeaderMap) -> Context {
    let request_id = headers.get("x-request-id");
    Context {
        path: path.to_owned(),
        request_id: request_id.map(identity::latin1),
        now: app.clock.now(),
    }
}

async fn answer(
    app: Arc<App>,
    action: Action,
    template: &str,
    request: Request,
) -> Result<Reply, ApiError> {
    let asked = Purpose::of(request.method(), request.headers());
    let purpose = if app.config.database_is_clone { asked.on_clone() } else { asked };
    let (parts, body) = request.into_parts();
    let path = paths::parts(template, parts.uri.path()).ok_or_else(ApiError::no_such_path)?;
    let sent = match action.body {
        BodyKind::None => Sent::Nothing,
        _ => body::read(&parts.headers, body, app.config.request_timeout).await?,
    };
    let caller = identity::caller(&app.config, action.access, &parts.headers)?;
    let mut problems = Vec::new();
    check_path(&action, &path, &mut problems);
    let query = match action.query {
        Some(shape) => query::check(shape, parts.uri.query().unwrap_or_default(), &mut problems),
        None => Some(Map::new()),
    };
    let body = body::check(action.body, sent, &mut problems);
    let (Some(query), Some(body), true) = (query, body, problems.is_empty()) else {
        return Err(ApiError::Invalid(problems));
    };
    let last_event_id = parts.headers.get("last-event-id");
    let last_event_id = last_event_id.and_then(|id| Some(id.to_str().ok()?.to_owned()));
    let input = Input { caller, path, query, body, last_event_id };
    perform(&app, &action, input, purpose, asked == Purpose::Real).await
}

fn check_path(action: &Action, path: &BTreeMap<String, String>, problems: &mut Vec<Problem>) {
    let Some(shape) = action.path else { return };
    let sent: BTreeMap<&str, Value> =
        path.iter().map(|(name, part)| (name.as_str(), part.as_str().into())).collect();
    // The words stay as they are; what is looked for is what is wrong with them.
    let _checked = shape.check_fields(|name| sent.get(name), &Place::root("path"), problems);
}

/// Runs the handler. The only place that knows what is rehearsed: it decides which database a handler gets and what
/// becomes of the effects it asks for.
async fn perform(
    app: &Arc<App>,
    action: &Action,
    input: Input,
    purpose: Purpose,
    may_go_on: bool,
) -> Result<Reply, ApiError> {
    let effects = Effects::default();
    if purpose == Purpose::Real {
        let work = Work::new(app, app.store.clone(), effects.clone(), &input.caller);
        let work = if may_go_on { work.that_may_go_on() } else { work };
        let reply = (action.run)(work, input).await?;
        effects.carry_out(app);
        return Ok(reply);
    }
    let rehearsal = app.store.rehearse();
    let work = Work::new(app, rehearsal.store(), effects, &input.caller);
    let answer = rehearsal.run((action.run)(work, input)).await;
    let answer = answer.map_err(|why| ApiError::from(StoreError::Rehearsal(why))).flatten();
    if purpose == Purpose::Rehearsal {
        app.metrics.end_rehearsal(outcome(&answer));
    }
    answer
}

/// How a rehearsal ended, for the metric.
fn outcome(answer: &Result<Reply, ApiError>) -> &'static str {
    let given_up = match answer {
        Err(ApiError::Store(error)) if error.is_busy() => Some(GivenUp::Busy),
        Err(ApiError::Store(error)) => error.given_up(),
        _ => None,
    };
    match given_up {
        None => "rolled_back",
        Some(GivenUp::Busy) => "busy",
        Some(GivenUp::TooLong | GivenUp::Over) => "too_long",
    }
}
