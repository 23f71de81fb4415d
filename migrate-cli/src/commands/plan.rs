//! `migrate plan`: the whole migration as a checklist, each step as it is now: what an operator types every morning.

mod importers;
mod measured;
mod steps;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use serde::Serialize;

use super::mirror_replay::header;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::grid::{bad, good, grid, lines, plain, warn};
use crate::output::Report;
use crate::style::{GOOD, STRONG, paint};

const AFTER: &str = "\
Nothing is remembered and nothing changed: each step is measured by the command that is named with it, now. States:

  done      nothing is left to do
  open      can be done now
  waits     something before it must be done first; FOUND says what
  unknown   can't be seen from here; FOUND says what to give

Exit code 0, whatever is left to do; 1: the table is damaged.

Examples:
  migrate plan --source ./coordinator --database sqlite:////var/lib/app/coordinator.db --header \"x-api-key: @key.txt\"
  migrate plan --output json | jq -r '.next'";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The monolith's Python source, with the border as migration.toml says it
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Which of its files leave
    #[arg(long, value_name = "FILE", default_value = "migration.toml")]
    config: PathBuf,
    /// The shared database: `sqlite://PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database: Option<String>,
    /// An identity that both backends must accept, as `migrate doctor` takes it; without, that step stays unknown
    #[arg(long, value_name = "NAME: VALUE", value_parser = of_header)]
    header: Vec<String>,
    /// The service's unit
    #[arg(long, value_name = "NAME", default_value = "agent-service")]
    service: String,
    /// The root of the machine that has the units
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The folder that `migrate retire` has written to
    #[arg(long, value_name = "DIR")]
    front: Option<PathBuf>,
}

/// A header as it was typed, for another command.
fn of_header(text: &str) -> Result<String, String> {
    header(text).map(|_read| text.to_owned())
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct PlanReport {
    steps: Vec<Step>,
    /// What to type for the first step that is open.
    next: Option<String>,
}

/// One line of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Step {
    #[serde(rename = "step")]
    name: &'static str,
    /// What it is about: a route, a unit, …
    on: String,
    state: State,
    /// What was measured, in one line.
    found: String,
    /// What to type; what was measured with where the step is done.
    command: String,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Done,
    Open,
    Waits,
    Unknown,
}

/// Measures every step.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (exit, steps) = {
        let _progress = context.printer.progress("measuring");
        steps::of(args, context).await
    };
    let next = steps.iter().find(|step| step.state == State::Open);
    let next = next.map(|step| step.command.clone());
    context.printer.show(&PlanReport { steps, next });
    Ok(exit)
}

impl Report for PlanReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let mut table = grid(&["STEP", "ON", "", "FOUND"]);
        for step in &self.steps {
            let state = match step.state {
                State::Done => good("done"),
                State::Open => warn("open"),
                State::Waits => bad("waits"),
                State::Unknown => plain("unknown"),
            };
            table.add_row(vec![plain(step.name), plain(&step.on), state, plain(&step.found)]);
        }
        page.push_str(&lines(&table));
        match &self.next {
            Some(next) => writeln!(page, "{} {next}", paint(STRONG, "next:")),
            None if self.steps.iter().all(|step| step.state == State::Done) => {
                writeln!(page, "{}", paint(GOOD, "everything is done"))
            }
            None => writeln!(page, "nothing can be done now; see what waits, and for what"),
        }
    }
}
