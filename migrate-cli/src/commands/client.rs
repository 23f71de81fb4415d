//! `migrate client …`: what takes the place of the extracted files where somebody still needs them.

use super::client_generate;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Write a typed Python client of the service, with the functions that files which stay have used
    Generate(client_generate::Args),
}

/// Runs it.
pub(crate) async fn run(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Generate(args) => client_generate::run(args, context).await,
    }
}
