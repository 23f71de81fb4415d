//! `migrate routes …`: look at the route table, add what a scan finds, and bring it into a database and out again.

use clap::Subcommand;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

use super::{
    routes_import, routes_list, routes_pull, routes_push, routes_show, routes_test, routes_validate,
};

/// The commands that are about the table as a whole.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Every route: pattern, methods, stage, backends
    #[command(after_help = "Example:\n  migrate routes list")]
    List,
    /// Everything about one route
    Show(routes_show::Args),
    /// Check the table and say what is wrong, with line and column
    #[command(after_help = "Example:\n  migrate routes validate --routes deploy/routes.toml\n\n\
        Exit code 0: valid; 1: not valid or not readable.")]
    Validate,
    /// Explain step by step what happens to a request
    Test(routes_test::Args),
    /// Propose routes for what the extracted files of a monolith serve, and add them
    Import(routes_import::Args),
    /// Put the table of a file into the database: the first one with its journal, a later one as an edit
    Push(routes_push::Args),
    /// Write the table that is in the database into a file, with its journal beside it
    Pull(routes_pull::Args),
}

/// Runs one of them.
pub(crate) async fn run(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::List => routes_list::run(context),
        Command::Show(args) => routes_show::run(args, context),
        Command::Validate => routes_validate::run(context),
        Command::Test(args) => routes_test::run(args, context),
        Command::Import(args) => routes_import::run(args, context).await,
        Command::Push(args) => routes_push::run(args, context).await,
        Command::Pull(args) => routes_pull::run(args, context),
    }
}
