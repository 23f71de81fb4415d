//! `migrate schema …`: the tables of the shared database.

use clap::Subcommand;

use super::{schema_apply, schema_check, schema_diff, schema_snapshot};
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// The commands about tables.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See whether both programs can live with the database as it is; nothing is written
    Check(schema_check::Args),
    /// See where two of database, service, monolith's source and snapshot differ
    Diff(schema_diff::Args),
    /// Keep what a database looks like now, to compare with later
    Snapshot(schema_snapshot::Args),
    /// Make what lacks in a database: nothing that is there is changed
    Apply(schema_apply::Args),
}

/// Runs one of them.
pub(crate) async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => schema_check::run(args, context).await,
        Command::Diff(args) => schema_diff::run(args, context).await,
        Command::Snapshot(args) => schema_snapshot::run(args, context).await,
        Command::Apply(args) => schema_apply::run(args, context).await,
    }
}
