//! `migrate cutover`: move routes forward and see that every proxy follows.

use std::time::Duration;

use flip::cutover_plan::Wish;
use flip::failpoint::{Step, crash_after};
use flip::gate::{self, Subject, Verdict};
use flip::permission::Confirmed;
use flip::plan::Plan;
use flip::protocol::{Desk, Ending, cutover};
use flip::{interrupted, protocol, whole};
use home::Held;
use routes::journal::Action;
use routes::{RouteTable, Stage};

use crate::confirm;
use crate::context::Context;
use crate::diff;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::signals::stop_signal;

use super::flip_report::{FlipReport, Result as Came};

const AFTER: &str = "\
Examples:
  migrate cutover workflows                              the next stage
  migrate cutover workflows --to canary --percent 10     every tenth client
  migrate cutover workflows executions --to service      both in one generation
  migrate cutover workflows --to service --dry-run       the change of the file and what the gate says

Exit codes: 0 done; 2 no such route; 3 refused (the gate, or a step back);
4 not every proxy answers or followed (the generation before is in force)";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// Names of the routes; all of them move in one generation
    #[arg(required = true, value_name = "ROUTE")]
    names: Vec<String>,

    /// The stage to go to; the next one when absent
    #[arg(long, value_name = "STAGE", value_parser = forward_stage)]
    to: Option<Stage>,

    /// Share of clients that the new backend answers at stage canary, 0 to 100
    #[arg(long, value_name = "N", value_parser = percent)]
    percent: Option<f64>,

    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Go past what the gate refuses; journaled with the reason and what was gone past
    #[arg(long, requires = "reason")]
    force: bool,

    /// How long to wait for the proxies to follow
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = patience)]
    wait: Duration,
}

fn forward_stage(word: &str) -> Result<Stage, String> {
    match word.parse::<Stage>() {
        Ok(Stage::Monolith) => {
            Err("that is where a route comes from; go back with `migrate rollback`".to_owned())
        }
        Ok(stage) => Ok(stage),
        Err(problem) => Err(problem.to_string()),
    }
}

fn percent(word: &str) -> Result<f64, String> {
    match word.trim_end_matches('%').trim().parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("use a number from 0 to 100".to_owned()),
    }
}

/// A time like `10s`, `500ms` or `2m`.
pub(crate) fn patience(word: &str) -> Result<Duration, String> {
    routes::duration::parse(word).ok_or_else(|| "use a time like 10s, 500ms or 2m".to_owned())
}

/// Moves the routes and tells what came of it.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (exit, report) = flip(args, context).await?;
    context.printer.show(&report);
    Ok(exit)
}

/// Moves the routes.
pub(crate) async fn flip(args: &Args, context: &Context) -> Result<(Exit, FlipReport), Failure> {
    let Some((_, shown)) = prepare(args, context)? else { return Ok(nothing(args)) };
    if context.dry_run {
        return rehearse(args, context).await;
    }
    let confirmed = show_and_ask(context, &shown)?;
    let printer = &context.printer;
    let (held, step) = begin(context, &format!("cutover {}", args.names.join(" ")))?;
    let Some((before, plan)) = prepare(args, context)? else { return Ok(nothing(args)) };
    if plan.text != shown.text {
        return Err(context.home.changed().into());
    }
    let client = context.admin_client()?;
    let verdict = {
        let _progress = printer.progress("asking the proxies");
        gate::check(&client, &before, &Subject::of_cutover(&before, &plan)).await
    };
    let forced = !verdict.passed();
    if forced && !args.force {
        return Ok(refuse(&plan, verdict));
    }
    step(Step::Passed);
    let desk = Desk {
        home: &context.home,
        held: &held,
        who: &context.environment.who,
        reason: reason(args, &verdict),
        on_step: &step,
    };
    let ending = {
        let _progress = printer.progress(format_args!(
            "waiting for {} proxies to follow generation {}",
            plan.table.proxies.len(),
            plan.after().number
        ));
        cutover(&desk, &plan, &client, args.wait, confirmed, stop_signal()).await?
    };
    let (exit, report) = ended(&plan, ending);
    Ok((exit, FlipReport { gate: Some(verdict), forced, ..report }))
}

/// Takes the lock and finishes what a crash left; the closure is to be told of each step.
pub(crate) fn begin<'a>(
    context: &'a Context,
    command: &str,
) -> Result<(Held, impl Fn(Step) + Sync + 'a), Failure> {
    let who = &context.environment.who;
    let opened = protocol::open(&context.home, who, command)?;
    let step = |step: Step| {
        context.printer.detail(format_args!("step: {step}"));
        crash_after(step, context.environment.failpoint.as_deref());
    };
    step(Step::Locked);
    for finding in &opened.findings {
        context.printer.warn(format_args!("the journal: {finding}"));
    }
    for change in &opened.finished {
        context.printer.warn(interrupted::describe(change));
    }
    Ok((opened.held, step))
}

/// Reads the table and plans; `None` when there is nothing to do.
fn prepare(args: &Args, context: &Context) -> Result<Option<(Box<RouteTable>, Plan)>, Failure> {
    let wish = Wish { routes: args.names.clone(), to: args.to, percent: args.percent };
    Ok(whole::planned(&context.home, &wish)?)
}

fn nothing(args: &Args) -> (Exit, FlipReport) {
    let mut report = FlipReport::empty(Action::Cutover, Came::NothingToDo);
    report.notes.push(match args.to {
        Some(to) => format!("{} at stage {to} already", args.names.join(", ")),
        None => format!("{} at the last stage already", args.names.join(", ")),
    });
    (Exit::Done, report)
}

async fn rehearse(args: &Args, context: &Context) -> Result<(Exit, FlipReport), Failure> {
    let Some((before, plan)) = prepare(args, context)? else { return Ok(nothing(args)) };
    let client = context.admin_client()?;
    let verdict = gate::check(&client, &before, &Subject::of_cutover(&before, &plan)).await;
    let refused = !verdict.passed() && !args.force;
    let exit = if refused { refusal(&verdict) } else { Exit::Done };
    let report = FlipReport {
        diff: Some(plan_diff(context, &plan)),
        forced: !verdict.passed() && args.force,
        gate: Some(verdict),
        ..FlipReport::of(&plan, if refused { Came::Refused } else { Came::Planned })
    };
    Ok((exit, report))
}

/// The change of the file as a diff.
pub(crate) fn plan_diff(context: &Context, plan: &Plan) -> String {
    let file = context.home.path().display().to_string();
    diff::unified(&file, plan.text_before.as_deref().unwrap_or_default(), &plan.text)
}

/// Shows the change and asks, where somebody can be asked.
pub(crate) fn show_and_ask(context: &Context, plan: &Plan) -> Result<Confirmed, Failure> {
    if context.printer.asks() && !context.yes {
        context.printer.note(plan_diff(context, plan).trim_end());
    }
    confirm::ask(context, "write this generation?")
}

fn refuse(plan: &Plan, verdict: Verdict) -> (Exit, FlipReport) {
    let exit = refusal(&verdict);
    (exit, FlipReport { gate: Some(verdict), ..FlipReport::of(plan, Came::Refused) })
}

/// Where all that is missing is a proxy that answers, "not all followed" says it better than "refused".
fn refusal(verdict: &Verdict) -> Exit {
    if verdict.only_unreached() { Exit::NotFollowed } else { Exit::Refused }
}

/// The reason for the journal; what was gone past is told as well.
fn reason(args: &Args, verdict: &Verdict) -> Option<String> {
    if verdict.passed() {
        return args.reason.clone();
    }
    Some(verdict.reason(args.reason.as_deref().unwrap_or_default()))
}

/// What a change that was written came to.
pub(crate) fn ended(plan: &Plan, ending: Ending) -> (Exit, FlipReport) {
    match ending {
        Ending::Done { proxies } => {
            (Exit::Done, FlipReport::of(plan, Came::Done).with_proxies(proxies))
        }
        Ending::PutBack { proxies, astray, stopped } => {
            let mut report = FlipReport::of(plan, Came::PutBack).with_proxies(proxies);
            report.astray = astray;
            if stopped {
                report.notes.push("the waiting was stopped by a signal".to_owned());
            }
            (Exit::NotFollowed, report)
        }
    }
}

#[cfg(test)]
mod tests;
