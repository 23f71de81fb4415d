//! `migrate gate`: what stands against a cutover of a route, without making one.

use std::fmt::{self, Write as _};

use flip::cutover_plan::unknown;
use flip::gate::{self, Subject, Verdict};
use flip::standing::read_table;
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::style::{BAD, GOOD, paint};

use super::gate_table;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  migrate gate workflows\n  migrate gate workflows --output json\n\n\
    Every proxy of `[proxies]` is asked, and each must pass; `migrate cutover` asks the same.\n\n\
    Exit codes: 0 a cutover would pass; 2 no such route; 3 it would be refused; 4 a proxy does not answer"
)]
pub(crate) struct Args {
    /// Names of the routes
    #[arg(required = true, value_name = "ROUTE")]
    names: Vec<String>,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(crate) struct GateReport {
    routes: Vec<String>,
    passed: bool,
    #[serde(flatten)]
    verdict: Verdict,
}

/// Asks and tells.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (exit, report) = judged(args, context).await?;
    context.printer.show(&report);
    Ok(exit)
}

/// Asks.
pub(crate) async fn judged(args: &Args, context: &Context) -> Result<(Exit, GateReport), Failure> {
    let table = read_table(&context.home)?;
    for name in &args.names {
        table.route_named(name).ok_or_else(|| unknown(&table, name))?;
    }
    let client = context.admin_client()?;
    let verdict = {
        let _progress = context.printer.progress("asking the proxies");
        gate::check(&client, &table, &Subject::of_routes(&table, &args.names)).await
    };
    let exit = match verdict.passed() {
        true => Exit::Done,
        false if verdict.only_unreached() => Exit::NotFollowed,
        false => Exit::Refused,
    };
    Ok((exit, GateReport { routes: args.names.clone(), passed: verdict.passed(), verdict }))
}

impl Report for GateReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        gate_table::human(&self.verdict, page)?;
        let names = self.routes.join(", ");
        if self.passed {
            return writeln!(
                page,
                "{} nothing stands against a cutover of {names}",
                paint(GOOD, "pass:")
            );
        }
        writeln!(
            page,
            "{} {} of {} conditions stand against a cutover of {names}",
            paint(BAD, "refused:"),
            self.verdict.unmet().len(),
            self.verdict.conditions.len()
        )
    }
}

#[cfg(test)]
mod tests;
