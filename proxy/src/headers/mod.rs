//! The headers that the proxy reads, makes and keeps from clients; pure, one file per header family.

pub(crate) mod prefer;
pub(crate) mod request_id;
pub(crate) mod forwarded;
pub(crate) mod trusted;
pub(crate) mod connection;
pub(crate) mod framing;
