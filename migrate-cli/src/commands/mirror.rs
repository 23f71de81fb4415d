//! `migrate mirror …`: read what mirroring has shown.

use clap::Subcommand;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

use super::{mirror_record, mirror_replay, mirror_report, mirror_suggest};

/// The commands about mirroring.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Match rate, latency on both sides, and the differences, most frequent first
    Report(mirror_report::Args),
    /// Write exchanges that pass the proxies to an HTTP Archive
    Record(mirror_record::Args),
    /// Send recorded requests to a backend, and compare its answers with the recorded ones
    Replay(mirror_replay::Args),
    /// The `compare.*` lines that would silence what is noise, as a change of the table
    Suggest(mirror_suggest::Args),
}

/// Runs one of them.
pub(crate) async fn run(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Report(args) => mirror_report::run(args, context).await,
        Command::Record(args) => mirror_record::run(args, context).await,
        Command::Replay(args) => mirror_replay::run(args, context).await,
        Command::Suggest(args) => mirror_suggest::run(args, context).await,
    }
}
