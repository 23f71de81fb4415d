//! What the toolkit promises, shown on the real programs: one module for each behaviour.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a failed step is a failed test, and measurements are printed"
)]

mod routing;
mod first_users_table;
mod path_checks;
mod headers;
mod streaming;
mod live_streams;
mod limits;
mod slow_clients;
mod smuggling;
mod tls;
mod traces;
mod tutorial;
mod backend_tls;
mod canary;
mod mirror;
mod planted;
mod masking;
mod twin;
mod db_clone;
mod dashboard;
mod scan_page;
mod rehearsal;
mod control;
mod shadow;
mod evidence;
mod noise;
mod gate;
mod failover;
mod guard;
mod hot_reload;
mod flips;
mod journal;
mod rollback;
mod fleet;
mod shutdown;
mod handover;
mod supervisor;
mod watching;
mod cli_errors;
mod shared_database;
mod on_postgres;
mod split;
mod durable_execution;
mod durable_work;
mod kills;
mod delivery;
mod documents;
mod event_streams;
mod million;
mod recordings;
mod replay;
mod verified;
mod doctor;
mod asked_over_tls;
mod retire;
mod retire_tls;

use e2e::stack::StackBuilder;
use e2e::{Binaries, Stack};

/// The programs that were just built.
const BINARIES: Binaries = Binaries {
    proxy: env!("CARGO_BIN_EXE_e2e-proxy"),
    service: env!("CARGO_BIN_EXE_e2e-service"),
    migrate: env!("CARGO_BIN_EXE_e2e-migrate"),
};

const OLD: &str = "monolith";
const NEW: &str = "agent-service";

fn stack() -> StackBuilder {
    Stack::builder(BINARIES)
}
