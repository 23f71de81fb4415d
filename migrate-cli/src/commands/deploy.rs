//! `migrate deploy …`: what an installation needs beside the binaries.

use clap::Subcommand;

use super::{deploy_check, deploy_render};
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

/// The commands about an installation.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write units, settings, and what else an installation needs, to a folder
    Render(deploy_render::Args),
    /// See whether what was rendered would run on this machine; nothing is written
    Check(deploy_check::Args),
}

/// Runs one of them.
pub(crate) async fn run(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Render(args) => deploy_render::run(args, context),
        Command::Check(args) => deploy_check::run(args, context).await,
    }
}
