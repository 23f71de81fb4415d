//! `migrate deploy …`: what an installation needs beside the binaries.

use clap::Subcommand;

use super::{deploy_check, deploy_install, deploy_render, deploy_uninstall};
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
    /// Copy what was rendered to its place, enable and start it; what a step that fails leaves is put back
    Install(deploy_install::Args),
    /// Make the machine what it was before the installation; data and secrets stay
    Uninstall(deploy_uninstall::Args),
}

/// Runs one of them.
pub(crate) async fn run(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Render(args) => deploy_render::run(args, context),
        Command::Check(args) => deploy_check::run(args, context).await,
        Command::Install(args) => deploy_install::run(args, context).await,
        Command::Uninstall(args) => deploy_uninstall::run(args, context).await,
    }
}
