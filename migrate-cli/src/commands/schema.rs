//! `migrate schema …`: the tables of the shared database.

use clap::Subcommand;

use super::schema_apply;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// The commands about tables.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make what lacks in a database: nothing that is there is changed
    Apply(schema_apply::Args),
}

/// Runs one of them.
pub(crate) async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Apply(args) => schema_apply::run(args, context).await,
    }
}
