//! `migrate man`: a manual page for each command, made from the same words as its `--help`.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use clap::CommandFactory as _;
use serde::Serialize;

use crate::cli::Cli;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::style::{GOOD, WARN, paint};

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Pages that are there are written anew.

Examples:
  migrate man --to ~/.local/share/man/man1
  man migrate-cutover")]
pub(crate) struct Args {
    /// The folder for the pages; `man` finds those of a folder `man1` in its path
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct ManReport {
    folder: PathBuf,
    /// `planned` or `done`.
    result: &'static str,
    pages: usize,
}

/// Writes the pages.
pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if !context.dry_run {
        let written = std::fs::create_dir_all(&args.to)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.to));
        written.map_err(|problem| Failure::Other {
            message: format!("{}: {problem}", args.to.display()),
            help: "name a folder that you may write to".to_owned(),
        })?;
    }
    let result = if context.dry_run { "planned" } else { "done" };
    let pages = count(&Cli::command());
    context.printer.show(&ManReport { folder: args.to.clone(), result, pages });
    Ok(Exit::Done)
}

/// The command itself and all below it.
fn count(command: &clap::Command) -> usize {
    1 + command.get_subcommands().filter(|sub| !sub.is_hide_set()).map(count).sum::<usize>()
}

impl Report for ManReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let word = match self.result {
            "planned" => paint(WARN, "would write:"),
            _ => paint(GOOD, "written:"),
        };
        writeln!(page, "{word} {} pages to {}", self.pages, self.folder.display())
    }
}
