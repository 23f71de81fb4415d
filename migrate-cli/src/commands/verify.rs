//! `migrate verify …`: whether a service that runs does what the monolith did, and whether what it has signed holds.

use clap::Subcommand;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

use super::{verify_receipt, verify_service};

/// The commands that check.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a running service, straight and through the proxy: lives of workflows, errors, routes, logs, recorded requests
    Service(Box<verify_service::Args>),
    /// Check the proof document of an execution: its signatures, its receipt, and the proof of each step
    Receipt(verify_receipt::Args),
}

/// Runs one of them.
pub(crate) async fn run(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Service(args) => Box::pin(verify_service::run(args, context)).await,
        Command::Receipt(args) => verify_receipt::run(args, context),
    }
}
