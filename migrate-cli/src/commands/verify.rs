//! `migrate verify …`: checks of what a backend has signed, with nothing but its public key.

use clap::Subcommand;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

use super::verify_receipt;

/// The commands that check.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the proof document of an execution: its signatures, its receipt, and the proof of each step
    Receipt(verify_receipt::Args),
}

/// Runs one of them.
pub(crate) fn run(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Receipt(args) => verify_receipt::run(args, context),
    }
}
