//! The strangler proxy: it stands in front of the old and the new backend and sends every request to
//! one of them, as the route table says.
//!
//! Modules in the order in which a request, and before it the program, goes through them.

mod config;
mod logging;
mod server;
mod listener;
mod edge;
mod supervisor;
mod signals;
mod handover;
mod in_flight;
mod drain;
mod live_table;
mod gateway;
mod headers;
mod backends;
pub mod mirror;
mod guard;
mod keep_evidence;
mod metrics;
mod admin;

use std::process::ExitCode;

use miette::{Context as _, IntoDiagnostic as _};

use self::handover::{Stage, detach};

/// Runs the program with the process's arguments and environment. Exit codes: 0 stopped as asked,
/// or the table is good (`--check`); 1 could not start; 2 wrong usage.
pub fn main_impl() -> ExitCode {
    let config = match config::Config::from_process() {
        Ok(config) => config,
        Err(usage) => return usage.report(),
    };
    let log = logging::start(&config);
    let ended = match config.take_over {
        Some(Stage::Detach) => detach(&config.launch)
            .into_diagnostic()
            .wrap_err("the process that is to take over can't be started"),
        Some(Stage::Serve) | None => server::run(&config),
    };
    log.flush();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            logging::report(&report);
            ExitCode::FAILURE
        }
    }
}
