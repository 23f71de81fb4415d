//! What a database has, what the two programs on it need, and what breaks where these differ.
//!
//! [`needed`] and the readers of databases ([`sqlite`], [`postgres`]) give the same [`shape`]; [`findings`] compares two of them
//! and [`rows`] looks at what is stored, which [`sample`] reads from a [`database`]. Only [`prove`] writes, and takes it back.

pub mod shape;
pub mod affinity;
pub mod needed;
pub mod sqlite;
pub mod postgres;
mod misfits;
pub mod findings;
pub mod diff;
pub mod snapshot;
pub mod rows;
pub mod sample;
pub mod database;
mod inserts;
pub mod prove;
pub mod versions;
#[cfg(test)]
mod planted;

pub use database::Database;
pub use findings::{Finding, OwnTables, Severity, judge};
pub use shape::{Engine, Schema};
pub use snapshot::Snapshot;
