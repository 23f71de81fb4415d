//! `migrate guard acknowledge`: the operator has seen it; the journal says so, and nothing else changes.

use std::fmt::{self, Write as _};

use flip::cutover_plan::unknown;
use flip::protocol::LOCK_PATIENCE;
use flip::standing::Standing;
use routes::admin::GuardReport;
use routes::generation::Generation;
use routes::journal::{Action, Journal, Move, Phase, Record};
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::style::{DIM, STRONG, paint};

const AFTER: &str = "\
The route stays where the guard put it until you flip it. `migrate cutover` and `migrate rollback` of the route acknowledge it
as well.

Examples:
  migrate guard acknowledge workflows --reason \"bad build, fixed in 1.4.2\"
  migrate guard acknowledge                  every route that the guard took back

Exit code 0 also where there is nothing to acknowledge.";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// Names of the routes; absent: every route that the guard took back
    #[arg(value_name = "ROUTE")]
    names: Vec<String>,

    /// What came of it, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct Acknowledged {
    /// `acknowledged`, `planned` (with `--dry-run`) or `nothing-to-do`.
    result: &'static str,
    routes: Vec<Seen>,
}

#[derive(Debug, Serialize)]
struct Seen {
    route: String,
    #[serde(flatten)]
    guard: GuardReport,
}

/// Journals that the operator has seen it.
pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if context.dry_run {
        let (seen, _) = find(args, context)?;
        let result = if seen.is_empty() { "nothing-to-do" } else { "planned" };
        context.printer.show(&Acknowledged { result, routes: seen });
        return Ok(Exit::Done);
    }
    let who = &context.environment.who;
    let holder = format!("{who}: guard acknowledge, pid {}", std::process::id());
    let held = context.home.lock(&holder, LOCK_PATIENCE)?;
    let (seen, generation) = find(args, context)?;
    let Some(generation) = generation.filter(|_| !seen.is_empty()) else {
        context.printer.show(&Acknowledged { result: "nothing-to-do", routes: seen });
        return Ok(Exit::Done);
    };
    let stays = |one: &Seen| Move {
        route: one.route.clone(),
        from: one.guard.to,
        to: one.guard.to,
        percent: None,
    };
    let record = Record {
        who: who.clone(),
        action: Action::Acknowledge,
        phase: Phase::Done,
        before: Some(generation.clone()),
        after: generation,
        moves: seen.iter().map(stays).collect(),
        reason: args.reason.clone(),
        text: None,
        text_before: None,
    };
    held.note(record)?;
    context.printer.show(&Acknowledged { result: "acknowledged", routes: seen });
    Ok(Exit::Done)
}

/// What there is to acknowledge, and the generation that is in force.
fn find(args: &Args, context: &Context) -> Result<(Vec<Seen>, Option<Generation>), Failure> {
    let standing = Standing::of(&context.home);
    let journal = context.home.journal()?;
    let table = match &standing {
        Standing::Good { table, .. } => Some(table.as_ref()),
        Standing::Damaged { .. } => None,
    };
    if let Some(table) = table
        && let Some(name) = args.names.iter().find(|name| table.route_named(name).is_none())
    {
        return Err(unknown(table, name).into());
    }
    let seen = journal
        .guarded(table)
        .into_iter()
        .filter(|(route, _)| args.names.is_empty() || args.names.contains(route))
        .map(|(route, guard)| Seen { route, guard })
        .collect();
    Ok((seen, standing.generation().cloned().or_else(|| last(&journal))))
}

/// Where the table is damaged, the generation that was in force before.
fn last(journal: &Journal) -> Option<Generation> {
    journal.last_in_force().map(|(generation, _)| generation)
}

impl Report for Acknowledged {
    fn human(&self, page: &mut String) -> fmt::Result {
        if self.routes.is_empty() {
            return writeln!(page, "the guard took nothing back that is not acknowledged already");
        }
        for Seen { route, guard } in &self.routes {
            let at = guard.at.format("%Y-%m-%d %H:%M:%S");
            writeln!(
                page,
                "{} {}: {} → {} at {at}, {}",
                self.result,
                paint(STRONG, route),
                guard.from,
                guard.to,
                guard.reason
            )?;
            writeln!(page, "  {}", paint(DIM, format_args!("it stays at {}", guard.to)))?;
        }
        Ok(())
    }
}
