//! `migrate completions`: a script that completes commands, flags and values.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::context::Context;
use crate::exit_code::Exit;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  migrate completions bash > ~/.local/share/bash-completion/completions/migrate"
)]
pub(crate) struct Args {
    /// The shell that will read the script
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, context: &Context) -> Exit {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "migrate", &mut script);
    context.printer.script(&String::from_utf8_lossy(&script));
    Exit::Done
}
