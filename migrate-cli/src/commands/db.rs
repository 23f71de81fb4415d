//! `migrate db …`: the databases of the two backends.

use clap::Subcommand;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

use super::db_clone;

/// The commands about databases.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy the shared database for a twin, while the old backend goes on writing
    Clone(db_clone::Args),
}

/// Runs one of them.
pub(crate) async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Clone(args) => db_clone::run(args, context).await,
    }
}
