//! `migrate rollback`: take routes back; it writes first and asks the proxies afterwards.

use std::time::Duration;

use flip::admin::AdminClient;
use flip::follow::{Follow, Patience, ProxyFollow, follow};
use flip::permission::Confirmed;
use flip::plan::Plan;
use flip::protocol::{self, Desk};
use flip::rollback_plan::{Rollback, Target, plan};
use flip::standing::Standing;
use routes::journal::Action;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

use super::cutover::{begin, patience, plan_diff, show_and_ask};
use super::flip_report::{FlipReport, Result as Came};

const AFTER: &str = "\
Without an argument the last cutover that still stands is undone. A damaged table is replaced by the last good one.

Examples:
  migrate rollback                   undo the last cutover
  migrate rollback workflows         this route back to where it stood before its last cutover
  migrate rollback --to 12           the whole table as it was in generation 12, under a new number

Exit codes: 0 done (a proxy that does not answer is only a warning);
4 written, yet a proxy that answers did not follow";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// Names of the routes to take back; absent: the last cutover
    #[arg(value_name = "ROUTE", conflicts_with = "to")]
    names: Vec<String>,

    /// The generation whose whole table comes back, by number or digest (see `migrate history`)
    #[arg(long, value_name = "GENERATION")]
    to: Option<String>,

    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// How long to wait for the proxies to follow, after the table is written
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = patience)]
    wait: Duration,
}

impl Args {
    fn target(&self) -> Target {
        match &self.to {
            Some(which) => Target::Generation(which.clone()),
            None if self.names.is_empty() => Target::Last,
            None => Target::Routes(self.names.clone()),
        }
    }
}

/// Takes the routes back and tells what came of it.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (exit, report) = flip(args, context).await?;
    context.printer.show(&report);
    Ok(exit)
}

/// Takes the routes back.
pub(crate) async fn flip(args: &Args, context: &Context) -> Result<(Exit, FlipReport), Failure> {
    let Some(shown) = prepare(args, context)? else { return Ok(nothing()) };
    if context.dry_run {
        let report = FlipReport {
            diff: Some(plan_diff(context, &shown.plan)),
            notes: shown.notes,
            ..FlipReport::of(&shown.plan, Came::Planned)
        };
        return Ok((Exit::Done, report));
    }
    // A whole table may also move routes forward; the other ways only go back.
    let confirmed = match args.to {
        Some(_) => show_and_ask(context, &shown.plan)?,
        None => Confirmed::not_needed(),
    };
    let (held, step) = begin(context, &format!("rollback {}", args.names.join(" ")))?;
    let Some(Rollback { plan, notes }) = prepare(args, context)? else {
        return Ok(nothing());
    };
    let desk = Desk {
        home: &context.home,
        held: &held,
        who: &context.environment.who,
        reason: args.reason.clone(),
        on_step: &step,
    };
    let written = protocol::rollback(&desk, &plan, confirmed)?;
    drop(held);
    let proxies = {
        let _progress = context.printer.progress("rolled back; waiting for the proxies to follow");
        let patience = Patience {
            since: written,
            limit: args.wait,
            insist: false,
            number: Some(plan.after().number),
        };
        wait(&context.admin_client()?, &plan, patience).await
    };
    let (exit, report) = report(context, &plan, proxies);
    Ok((exit, FlipReport { notes, ..report }))
}

fn prepare(args: &Args, context: &Context) -> Result<Option<Rollback>, Failure> {
    let standing = Standing::of(&context.home);
    let journal = context.home.journal()?;
    Ok(plan(context.home.path(), &standing, &journal, &args.target())?)
}

fn nothing() -> (Exit, FlipReport) {
    let mut report = FlipReport::empty(Action::Rollback, Came::NothingToDo);
    report.notes.push("there is no cutover to take back".to_owned());
    (Exit::Done, report)
}

async fn wait(client: &AdminClient, plan: &Plan, patience: Patience) -> Vec<ProxyFollow> {
    follow(client, &plan.table.proxies, &plan.after().digest, patience).await
}

fn report(context: &Context, plan: &Plan, proxies: Vec<ProxyFollow>) -> (Exit, FlipReport) {
    let mut has_strayed = false;
    for proxy in proxies.iter().filter(|proxy| !proxy.follow.followed()) {
        match &proxy.follow {
            Follow::Unreachable { error } => context.printer.warn(format_args!(
                "{error}; it will follow when it runs again, if it reads this table"
            )),
            follow => has_strayed |= follow.strays(),
        }
    }
    let (exit, result) =
        if has_strayed { (Exit::NotFollowed, Came::NotFollowed) } else { (Exit::Done, Came::Done) };
    (exit, FlipReport::of(plan, result).with_proxies(proxies))
}

#[cfg(test)]
mod tests;
