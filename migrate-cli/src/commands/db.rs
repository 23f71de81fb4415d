//! `migrate db …`: the databases of the two backends.

pub(super) mod open;
pub(super) mod place;
pub(super) mod tools;

use clap::Subcommand;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

use super::{db_clone, db_split, db_watch};

/// The commands about databases.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy the shared database for a twin, while the old backend goes on writing
    Clone(db_clone::Args),
    /// Let a PostgreSQL clone note which of its rows change, for comparing rows, or end that
    Watch(db_watch::Args),
    /// Move the service's tables to a database of its own, while both backends go on, and take them back
    #[command(subcommand)]
    Split(db_split::Command),
}

/// Runs one of them.
pub(crate) async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Clone(args) => db_clone::run(args, context).await,
        Command::Watch(args) => db_watch::run(&args, context),
        Command::Split(command) => db_split::run(command, context).await,
    }
}
