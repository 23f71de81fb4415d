//! `migrate demo`: a whole migration in five acts, with real programs and real traffic, on loopback and in a temporary folder.

mod table;
mod child;
mod stand;
mod tally;
mod traffic;
mod stage;
mod acts;
mod summary;

use std::path::PathBuf;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::signals::stop_signal;
use crate::style::{DIM, PLACE, STRONG, paint};

use stage::Performance;
use stand::{Programs, Stand};

const AFTER: &str = "\
Example:
  make demo                     builds everything, then runs it
  migrate demo --stay           leaves all running at the end, to look around, until Ctrl-C

It needs agent-service and strangler-proxy beside this executable. Nothing is installed, nothing outside a temporary
folder is written, and everything that it starts has ended when it ends.
Exit code 0: every promise held; 1: one did not, or something could not be started.";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// Python with the packages of the stand-in monolith
    #[arg(long, value_name = "FILE", default_value = ".tools/venv/bin/python")]
    python: PathBuf,

    /// Folder of the stand-in monolith
    #[arg(long, value_name = "FOLDER", default_value = "tests/monolith")]
    monolith: PathBuf,

    /// Leave everything running at the end, until Ctrl-C
    #[arg(long)]
    stay: bool,
}

/// Plays the demo; a signal ends it, and everything that it started with it.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    tokio::select! {
        exit = play(args, context) => exit,
        () = stop_signal() => Err(Failure::Other {
            message: "the demo was stopped by a signal; everything that it started has ended".to_owned(),
            help: "start it again: make demo".to_owned(),
        }),
    }
}

async fn play(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let programs = Programs::find(args.python.clone(), args.monolith.clone())?;
    let stand = {
        let _progress = context.printer.progress("starting monolith, service and proxy");
        Stand::start(&programs, &context.home).await?
    };
    introduce(&stand, context);
    let mut performance = Performance::start(stand, context).await?;
    performance.all_on_the_monolith().await?;
    performance.shadow().await?;
    performance.fixed().await?;
    performance.canary().await?;
    performance.killed().await?;
    performance.rolled_back().await?;
    let (stand, summary) = performance.end().await;
    context.printer.show(&summary);
    if args.stay {
        context.printer.line(paint(STRONG, "\neverything goes on running; Ctrl-C ends it"));
        stop_signal().await;
    }
    stand.ask_to_end();
    Ok(if summary.kept() { Exit::Done } else { Exit::Failed })
}

fn introduce(stand: &Stand, context: &Context) {
    let line = |name: &str, url: String, what: &str| {
        context.printer.line(format_args!(
            "  {name:<14} {}  {}",
            paint(PLACE, url),
            paint(DIM, what)
        ));
    };
    context.printer.line(paint(STRONG, "A migration in five acts, on this machine only"));
    line("monolith", stand.monolith_url(), "the Python stand-in of tests/monolith");
    line("agent-service", stand.service_url(), "the new backend, on the same SQLite file");
    line("proxy", stand.url(), "in front of both; clients only know this one");
    line("its admin", stand.admin_url(), "/api/routes /api/evidence /metrics");
    line("table", stand.home.path().display().to_string(), "a copy of this project's");
}
