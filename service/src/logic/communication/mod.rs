//! What is decided about messages between agents: who may write to whom, what it costs, how contents are kept, and what
//! becomes of a message.

pub mod correspondents;
pub mod permission;
pub mod price;
pub mod envelope;
pub mod messages;
pub mod channels;
pub mod delivery;
pub mod events;
pub mod templates;
pub mod statistics;
pub mod transfer;
