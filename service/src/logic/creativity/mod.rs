//! The creativity of agents. What the monolith leaves to chance is left to chance here; nothing is really judged.

pub mod capabilities;
pub mod enhancement;
pub mod evaluation;
pub mod ideation;
pub mod synthesis;

/// There is no capability of this id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Creative capability {0} not found")]
pub struct UnknownCapability(pub String);
