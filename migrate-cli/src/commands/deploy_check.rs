//! `migrate deploy check`: whether what was rendered would run on this machine.

mod machine;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use flip::standing::read_table;
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::grid::{bad, good, grid, lines, plain, warn};
use crate::output::Report;
use machine::Machine;

const AFTER: &str = "\
Looks at the units with `systemd-analyze verify` and `systemd-analyze security` (exposure at most 2.0), at programs, users, settings,
secrets and ports. What can't be looked at here is named as such and does not count as good or bad. Exit code 3 where something would
not run.

Examples:
  migrate deploy check --root deployment
  migrate deploy check --service aitbc-agent-management";

/// The proxy's unit.
const PROXY: &str = "strangler-proxy";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The folder that `migrate deploy render` has written to; `/`: what is installed
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// The service's unit
    #[arg(long, value_name = "NAME", default_value = "agent-service")]
    service: String,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct CheckReport {
    root: PathBuf,
    /// Whether everything that could be looked at would run.
    fits: bool,
    checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    unit: String,
    what: &'static str,
    #[serde(flatten)]
    verdict: Verdict,
}

/// How it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It would run.
    Fits {
        /// What was found.
        found: String,
    },
    /// It would not.
    Fails {
        /// What was found.
        found: String,
        /// What to do.
        help: String,
    },
    /// It can't be seen here.
    NotLookedAt {
        /// Why.
        found: String,
    },
}

/// Looks.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let mut checks = Vec::new();
    let machine = Machine::new(&args.root);
    // Without a table there may be a unit all the same.
    let listen = read_table(&context.home).map(|table| table.listen);
    let listens = listen.map_or_else(
        |_none| Vec::new(),
        |listen| [listen.http].into_iter().chain(listen.https.map(|https| https.address)).collect(),
    );
    look(&machine, PROXY, &listens, &mut checks).await;
    look(&machine, &args.service, &[], &mut checks).await;
    let fits = !checks.iter().any(|check| matches!(check.verdict, Verdict::Fails { .. }));
    context.printer.show(&CheckReport { root: args.root.clone(), fits, checks });
    Ok(if fits { Exit::Done } else { Exit::Refused })
}

async fn look(machine: &Machine, unit: &str, listens: &[SocketAddr], checks: &mut Vec<Check>) {
    let mut add = |what, verdict| checks.push(Check { unit: unit.to_owned(), what, verdict });
    let text = match machine.unit(unit) {
        Ok(text) => text,
        Err(verdict) => return add("unit", verdict),
    };
    add("program", machine.program(&text));
    add("user", machine.user(&text));
    add("settings", machine.settings(&text));
    add("secrets", machine.secrets(&text));
    machine.ports(&text, listens).into_iter().for_each(|verdict| add("port", verdict));
    add("systemd-analyze verify", machine.verify(unit).await);
    add("systemd-analyze security", machine.security(unit).await);
}

impl Verdict {
    fn fits(found: impl Into<String>) -> Self {
        Self::Fits { found: found.into() }
    }

    fn fails(found: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Fails { found: found.into(), help: help.into() }
    }

    fn not_looked_at(found: impl Into<String>) -> Self {
        Self::NotLookedAt { found: found.into() }
    }
}

impl Report for CheckReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let mut table = grid(&["UNIT", "CHECK", "", "FOUND"]);
        for check in &self.checks {
            let (word, found) = match &check.verdict {
                Verdict::Fits { found } => (good("good"), found),
                Verdict::Fails { found, .. } => (bad("bad"), found),
                Verdict::NotLookedAt { found } => (warn("not looked at"), found),
            };
            table.add_row(vec![plain(&check.unit), plain(check.what), word, plain(found)]);
        }
        page.push_str(&lines(&table));
        for check in &self.checks {
            if let Verdict::Fails { help, .. } = &check.verdict {
                writeln!(page, "{}, {}: {help}", check.unit, check.what)?;
            }
        }
        Ok(())
    }
}

/// A path of the machine as it lies below a root.
fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}
