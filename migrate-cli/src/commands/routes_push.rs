//! `migrate routes push`: the table of a file comes into the database, the first one with its journal.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use flip::plan::{Plan, Start, moves_between};
use flip::protocol::LOCK_PATIENCE;
use flip::standing::Standing;
use home::{Database, Home, Imported};
use routes::RouteTable;
use routes::edit;
use routes::generation::Generation;
use routes::journal::{Action, Journal, Phase, Record};
use routes::store::TableFile;
use serde::Serialize;

use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::style::{GOOD, paint};

use super::cutover::{patience, plan_diff};
use super::flip_report::{FlipReport, Result as Came};
use super::table_edit::{Edit, carry_out};

const AFTER: &str = "\
The first time, the database gets the table as it is, with the journal beside it: `rollback` goes on from there. Later the \
file is an edit of the table that is in force: it must start from that generation (migrate routes pull), every proxy has to \
follow it, and the journal has it.

Examples:
  migrate --routes 'postgres://strangler@db/strangler' routes push routes.toml
  migrate routes push edited.toml --dry-run        where routes.toml has `[table]` and names the database

Exit codes: 0 done; 3 the file starts from another generation; 4 not every proxy followed (the generation before is in force)";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The file that holds the table
    file: PathBuf,

    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// How long to wait for the proxies to follow
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = patience)]
    wait: Duration,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct Pushed {
    file: String,
    table: String,
    /// `made`, else what came of the edit; `planned` with `--dry-run`.
    result: Came,
    /// It was not there before.
    first: bool,
    generation: Generation,
    /// Lines of the journal that came in.
    lines: usize,
    /// What is wrong with them; they came in as they are.
    findings: Vec<String>,
    /// What an edit changed, and who follows; `null` for the first.
    change: Option<FlipReport>,
}

/// The database of a table that is in one.
pub(crate) fn database(context: &Context) -> Result<&Database, Failure> {
    match &context.home {
        Home::Postgres { database, .. } => Ok(database),
        Home::File(file) => Err(Failure::Usage {
            message: format!("{} is a table in a file, and names no database", file.path().display()),
            help: "name one with --routes 'postgres://USER@HOST/NAME', or with a file that has `[table]`".to_owned(),
        }),
    }
}

/// Puts it there and tells what came of it.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let is_there = database(context)?.is_there()?;
    let (exit, report) =
        if is_there { update(args, context).await? } else { first(args, context)? };
    context.printer.show(&report);
    Ok(exit)
}

fn first(args: &Args, context: &Context) -> Result<(Exit, Pushed), Failure> {
    let file = TableFile::new(&args.file);
    let source = Home::File(file.clone());
    let who = &context.environment.who;
    let holder = format!("{who}: routes push, pid {}", std::process::id());
    // Nobody flips it in the file meanwhile.
    let _held = source.lock(&holder, LOCK_PATIENCE)?;
    let (text, table) = Standing::of(&source).into_good()?;
    let bytes = Journal::bytes(&file.journal_path()).map_err(home::HomeError::from)?;
    let journal = Journal::parse(&bytes);
    let report = |result| Pushed {
        file: args.file.display().to_string(),
        table: context.home.full_name(),
        result,
        first: true,
        generation: table.generation.clone(),
        lines: bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(),
        findings: journal.findings.clone(),
        change: None,
    };
    if context.dry_run {
        return Ok((Exit::Done, report(Came::Planned)));
    }
    confirm::ask(context, format_args!("put it at {}?", context.home.path().display()))?;
    match database(context)?.import(&text, &table.generation, &bytes, who)? {
        Imported::Made => {}
        Imported::There => return Err(context.home.changed().into()),
    }
    record(args, context, &table, text, &journal)?;
    Ok((Exit::Done, report(Came::Done)))
}

/// Journals a table that its journal does not know: it was edited by hand, or never flipped.
fn record(
    args: &Args,
    context: &Context,
    table: &RouteTable,
    text: String,
    journal: &Journal,
) -> Result<(), Failure> {
    let generation = &table.generation;
    if journal.text_of(generation.digest.as_str()).is_some() {
        return Ok(());
    }
    let who = &context.environment.who;
    let holder = format!("{who}: routes push, pid {}", std::process::id());
    let held = context.home.lock(&holder, LOCK_PATIENCE)?;
    // A proxy may have been quicker.
    if context.home.journal()?.text_of(generation.digest.as_str()).is_some() {
        return Ok(());
    }
    let before = journal.last_in_force();
    let was = before.as_ref().and_then(|(_, text)| RouteTable::parse(&args.file, text).ok());
    held.note(Record {
        who: who.clone(),
        action: Action::Edit,
        phase: Phase::Done,
        moves: was.map(|was| moves_between(&was, table)).unwrap_or_default(),
        before: before.map(|(generation, _)| generation),
        after: generation.clone(),
        reason: Some(reason(args)),
        text: Some(text),
        text_before: None,
    })?;
    Ok(())
}

fn reason(args: &Args) -> String {
    let pushed = || format!("pushed from {}", args.file.display());
    args.reason.clone().unwrap_or_else(pushed)
}

async fn update(args: &Args, context: &Context) -> Result<(Exit, Pushed), Failure> {
    let (exit, generation, change) = match plan(args, context)? {
        None => {
            let (_, table) = Standing::of(&context.home).into_good()?;
            let nothing = FlipReport::empty(Action::Edit, Came::NothingToDo);
            (Exit::Done, table.generation, nothing)
        }
        Some(plan) if context.dry_run => {
            let diff = Some(plan_diff(context, &plan));
            let change = FlipReport { diff, ..FlipReport::of(&plan, Came::Planned) };
            (Exit::Done, plan.after().clone(), change)
        }
        Some(plan_shown) => {
            let edit =
                Edit { command: "routes push".to_owned(), reason: reason(args), wait: args.wait };
            let (exit, change) =
                carry_out(context, edit, &plan_shown, || plan(args, context)).await?;
            (exit, plan_shown.after().clone(), change)
        }
    };
    let report = Pushed {
        file: args.file.display().to_string(),
        table: context.home.full_name(),
        result: change.result,
        first: false,
        generation,
        lines: 0,
        findings: Vec::new(),
        change: Some(change),
    };
    Ok((exit, report))
}

/// Plans the edit; `None` where the file says what is in force already.
fn plan(args: &Args, context: &Context) -> Result<Option<Plan>, Failure> {
    let (text, table) = Standing::of(&Home::file(&args.file)).into_good()?;
    let standing = Standing::of(&context.home);
    if let (Some(before), Some(now)) = (standing.text(), standing.generation()) {
        if edit::renumber(&text, now.number)? == edit::renumber(before, now.number)? {
            return Ok(None);
        }
        let from = table.generation.number;
        if from != now.number {
            return Err(Failure::Refused {
                message: format!(
                    "{} starts from generation {from}, and generation {} is in force",
                    args.file.display(),
                    now.number
                ),
                help: "make the change in the table that is in force: migrate routes pull FILE"
                    .to_owned(),
            });
        }
    }
    let number = standing.generation().map(|now| now.number);
    let start = Start {
        path: context.home.path(),
        in_file: standing.text(),
        before: standing.generation(),
        number: context.home.journal()?.next_number(number),
    };
    let moves = match &standing {
        Standing::Good { table: was, .. } => moves_between(was, &table),
        Standing::Damaged { .. } => Vec::new(),
    };
    Ok(Some(Plan::new(Action::Edit, start, &text, &[], moves)?))
}

impl Report for Pushed {
    fn human(&self, page: &mut String) -> fmt::Result {
        if let Some(change) = &self.change {
            return change.human(page);
        }
        for finding in &self.findings {
            writeln!(page, "the journal of {}: {finding}", self.file)?;
        }
        let word = if self.result == Came::Planned { "would be put" } else { "is" };
        writeln!(
            page,
            "{} generation {} of {} {word} at {}, with {} lines of its journal",
            paint(GOOD, if self.result == Came::Planned { "planned:" } else { "done:" }),
            self.generation,
            self.file,
            self.table,
            self.lines
        )
    }
}
