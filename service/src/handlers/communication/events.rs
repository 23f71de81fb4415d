//! What an agent is told, as it happens: server-sent events.

use std::sync::LazyLock;

use http::header::CACHE_CONTROL;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{forbidden, owned};
use crate::http::endpoint::LazyShape;
use crate::http::{Action, ApiError, Input, Reply};
use crate::live_events::{BATCH, GREETING};
use crate::logic::communication::events::frames;
use crate::validation::{Kind, Shape, field};
use crate::work::Work;

const EVENT_STREAM: &str = "text/event-stream";

/// Tells a proxy such as nginx to pass on each event when it comes.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

static RESUME: LazyShape =
    LazyLock::new(|| Shape::new([field("last_event_id", Kind::integer_from(0)).optional()]));

#[derive(Debug, Deserialize)]
struct Resume {
    last_event_id: Option<i64>,
}

/// `GET /communication/agents/{agent_id}/events`: from now on, or after the event that `Last-Event-ID` names, as far as it is
/// kept. Where the answer must end it is what there is.
pub fn follow() -> Action {
    let about = "What an agent is told, as it happens (server-sent events); after the event that the header \
                 Last-Event-ID or last_event_id names";
    Action::new(about, async |work: Work, mut input: Input| {
        let Resume { last_event_id } = input.query()?;
        let agent = owned(&work, &input).await?;
        if !agent.is_authorized {
            return Err(forbidden("The agent is not authorized"));
        }
        let seen = input.last_event_id.as_deref().and_then(|id| id.parse().ok());
        let newest = work.store.event_newest().await?;
        // Nobody has seen what is not there: the database is an older one, and its next events come with smaller ids.
        let after = seen.or(last_event_id).unwrap_or(newest).min(newest);
        let reply = if let Some(live) = work.live_events() {
            let place = live.place(&input.caller).ok_or_else(too_many)?;
            let counted = work.count_event_stream();
            let frames = place.follow(work.store.clone(), agent.agent_id, after, counted);
            Reply::stream(EVENT_STREAM, frames)
        } else {
            let events = work.store.event_list(&agent.agent_id, after, BATCH).await?;
            Reply::text(EVENT_STREAM, format!("{GREETING}{}", frames(&events)))
        };
        let reply = reply.with_header(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(reply.with_header(ACCEL_BUFFERING, HeaderValue::from_static("no")))
    })
    .query(&RESUME)
    .refuses(&[403, 404, 429])
    .answers_text(EVENT_STREAM)
    .answers(schema)
}

fn too_many() -> ApiError {
    ApiError::detail(StatusCode::TOO_MANY_REQUESTS, "Too many event streams are open; close one")
}

fn schema() -> Value {
    json!({"type": "string"})
}
