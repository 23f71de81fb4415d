//! Rows of the tables `agent_service_comm_…`: who takes part, what was written, where agents meet, what they are told.

pub mod correspondents;
pub mod messages;
pub mod channels;
pub mod templates;
pub mod events;
