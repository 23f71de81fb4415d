//! The agent service: the agent API of the monolith, on the same database.
//!
//! A request goes router → http → handlers → logic → store; `execution`, `trainer`, `meta_training`, `monitoring`,
//! `request_expiry` and `courier` work beside them on what was recorded; `learning` is what a trainer does.

pub mod cli;
pub mod config;
pub mod compatibility;
pub mod telemetry;
pub mod server;
pub mod app;
pub mod router;
pub mod http;
pub mod validation;
pub mod work;
pub mod handlers;
pub mod logic;
pub mod execution;
pub mod learning;
pub mod calculator;
pub mod trained_policies;
pub mod trainer;
pub mod meta_training;
pub mod monitoring;
pub mod request_expiry;
pub mod courier;
pub mod live_events;
pub mod reputation;
pub mod instances;
pub mod outgoing;
pub mod alerting;
pub mod store;
pub mod tables;
pub mod schema;
pub mod python;
pub mod receipt_key;
pub mod content_key;
pub mod metrics;
pub mod live_figures;
pub mod clock;
pub mod build;
#[cfg(test)]
mod testing;

pub use cli::main_impl;
