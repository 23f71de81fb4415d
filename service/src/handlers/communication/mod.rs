//! Messages between agents: who takes part, contacts, messages, channels, templates, figures, exports and live events.

pub mod agents;
pub mod relations;
pub mod messages;
pub mod channels;
pub mod templates;
pub mod transfer;
pub mod events;
mod sending;
mod schemas;

use std::sync::LazyLock;

use http::StatusCode;

use crate::http::endpoint::LazyShape;
use crate::http::paging::page;
use crate::http::{ApiError, Input};
use crate::logic::communication::correspondents::{self, AGENT_ID};
use crate::logic::communication::envelope::EnvelopeError;
use crate::store::{Page, Writing};
use crate::tables::own::communication::Correspondent;
use crate::validation::kind::TextLimits;
use crate::validation::{Kind, Shape};
use crate::work::Work;

/// The part of the path that names the agent that somebody acts for.
const AGENT: &str = "agent_id";

/// The part of the path that names another agent.
const OTHER: &str = "other_id";

static PAGE: LazyShape = LazyLock::new(|| Shape::new(page(50)));

/// The name of an agent.
fn agent_name() -> Kind {
    Kind::Text(TextLimits { min: 1, max: Some(100), pattern: Some(&AGENT_ID) })
}

/// The agent in the path, if it is the caller's, authorised or not.
async fn owned(work: &Work, input: &Input) -> Result<Correspondent, ApiError> {
    let found = work.store.correspondent_find(input.part(AGENT)).await?;
    Ok(correspondents::owned(found, &input.caller)?)
}

/// The agent of this name, if the caller may act for it now.
async fn acting(
    writing: &mut Writing,
    agent_id: &str,
    caller: &str,
) -> Result<Correspondent, ApiError> {
    let found = writing.correspondent_find(agent_id).await?;
    let agent = correspondents::owned(found, caller)?;
    if agent.is_authorized { Ok(agent) } else { Err(forbidden("The agent is not authorized")) }
}

/// Whether an agent is the caller's, whatever else it is.
async fn is_own(work: &Work, agent_id: &str, caller: &str) -> Result<bool, ApiError> {
    let found = work.store.correspondent_find(agent_id).await?;
    Ok(found.is_some_and(|agent| agent.owner_id == caller))
}

fn forbidden(text: &str) -> ApiError {
    ApiError::detail(StatusCode::FORBIDDEN, text)
}

/// A content that does not open: the operator learns why, the client that it is the service's fault.
fn sealed(error: EnvelopeError) -> ApiError {
    ApiError::Internal(crate::http::error::chain(&error))
}
