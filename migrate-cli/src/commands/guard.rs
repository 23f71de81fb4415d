//! `migrate guard …`: what the proxies took back by themselves.

use clap::Subcommand;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

use super::guard_acknowledge;

/// The commands about the guard.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say that you have seen that the guard took routes back; `migrate status` shows them in red until then
    Acknowledge(guard_acknowledge::Args),
}

/// Runs one of them.
pub(crate) fn run(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Acknowledge(args) => guard_acknowledge::run(args, context),
    }
}
