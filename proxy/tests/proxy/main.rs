//! The proxy as a process, between real clients and scripted backends.
//!
//! Each test starts a proxy of its own on free ports with a table in a folder of its own; what it
//! started ends with it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step is a failed test"
)]

mod backend;
mod running;
mod client;

mod routing;
mod reload;
mod failover;
mod limits;
mod headers;
mod mirroring;
mod streaming;
mod stop;
mod admin;
