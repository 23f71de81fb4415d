//! `migrate mirror suggest`: the `compare.*` lines that would silence what is noise, as a change of the table.

use std::fmt;
use std::time::Duration;

use flip::cutover_plan::unknown;
use flip::plan::{Plan, Start};
use flip::standing::{Standing, read_table};
use routes::edit::{self, Change};
use routes::journal::Action;
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;

use super::cutover::{patience, plan_diff};
use super::flip_report::{FlipReport, Result as Came};
use super::mirror_suggestions::Suggestions;
use super::status::proxy_addresses;
use super::table_edit::{Edit, carry_out};

/// What an operator should know before rules are changed.
const ANEW: &str =
    "evidence counts for the rules that it was gathered with: with these it starts anew";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  migrate mirror suggest workflows\n  migrate mirror suggest workflows --apply\n\n\
    Rules are narrow and typed: none hides a field that was added, removed, or got another type. Rules in force that \
    silence nothing any more, or nearly everything, are listed too."
)]
pub(crate) struct Args {
    /// Name of the route
    route: String,

    /// Write the lines into the table
    #[arg(long)]
    apply: bool,

    /// Why, for the journal
    #[arg(long, value_name = "TEXT", requires = "apply")]
    reason: Option<String>,

    /// How long to wait for the proxies to follow
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = patience)]
    wait: Duration,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(crate) struct SuggestReport {
    route: String,
    #[serde(flatten)]
    suggestions: Suggestions,
    /// The change of the table, and what came of it.
    change: FlipReport,
}

/// Shows the change, and makes it where that was asked for.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let table = read_table(&context.home)?;
    table.route_named(&args.route).ok_or_else(|| unknown(&table, &args.route))?;
    let client = context.admin_client()?;
    let suggestions = {
        let _progress = context.printer.progress("asking the proxies");
        Suggestions::ask(&client, &proxy_addresses(&table), &args.route).await?
    };
    let (exit, change) = match plan(args, context, &suggestions)? {
        None => (Exit::Done, FlipReport::empty(Action::Edit, Came::NothingToDo)),
        Some(plan) if !args.apply || context.dry_run => (Exit::Done, shown(context, &plan)),
        Some(plan) => apply(args, context, &suggestions, &plan).await?,
    };
    context.printer.show(&SuggestReport { route: args.route.clone(), suggestions, change });
    Ok(exit)
}

fn shown(context: &Context, plan: &Plan) -> FlipReport {
    FlipReport {
        diff: Some(plan_diff(context, plan)),
        notes: vec![ANEW.to_owned(), "to write the lines: --apply".to_owned()],
        ..FlipReport::of(plan, Came::Planned)
    }
}

/// Plans the edit from the file as it is; `None` where every rule is in force already.
fn plan(
    args: &Args,
    context: &Context,
    suggestions: &Suggestions,
) -> Result<Option<Plan>, Failure> {
    let (text, table) = Standing::of(&context.home).into_good()?;
    let changes: Vec<Change> = suggestions
        .proposals
        .iter()
        .map(|rule| Change::AddRule { route: args.route.clone(), rule: rule.clone() })
        .collect();
    let number = table.generation.number;
    if edit::apply(&text, &changes, number)? == edit::renumber(&text, number)? {
        return Ok(None);
    }
    let journal = context.home.journal()?;
    let start = Start {
        path: context.home.path(),
        in_file: Some(&text),
        before: Some(&table.generation),
        number: journal.next_number(Some(number)),
    };
    Ok(Some(Plan::new(Action::Edit, start, &text, &changes, Vec::new())?))
}

/// Writes the planned edit like any other generation: under the lock, journaled, followed by every proxy or put back.
async fn apply(
    args: &Args,
    context: &Context,
    suggestions: &Suggestions,
    shown: &Plan,
) -> Result<(Exit, FlipReport), Failure> {
    let because = args.reason.clone();
    let edit = Edit {
        command: format!("mirror suggest {}", args.route),
        reason: because.unwrap_or_else(|| format!("compare rules of {} from noise", args.route)),
        wait: args.wait,
    };
    let (exit, mut report) =
        carry_out(context, edit, shown, || plan(args, context, suggestions)).await?;
    report.notes.push(ANEW.to_owned());
    Ok((exit, report))
}

impl Report for SuggestReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        self.suggestions.human(&self.route, page)?;
        self.change.human(page)
    }
}

#[cfg(test)]
mod tests;
