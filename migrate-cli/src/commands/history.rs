//! `migrate history`: the journal, each change with how it ended.

use std::fmt::{self, Write as _};

use chrono::{DateTime, Utc};
use flip::plan::describe;
use flip::standing::Standing;
use routes::Digest;
use routes::generation::Generation;
use routes::journal::{Action, Change, Journal, Move, Outcome};
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::grid::{bad, good, grid, lines, plain, warn};
use crate::output::Report;
use crate::style::{WARN, paint};

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  migrate history --limit 5")]
pub(crate) struct Args {
    /// Show only the last N changes
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    limit: usize,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(crate) struct History {
    /// Digest of what is in the file now; `null` where it can't be read.
    pub(crate) in_file: Option<String>,
    /// Oldest first.
    pub(crate) changes: Vec<HistoryLine>,
    /// What is wrong with the journal itself.
    pub(crate) findings: Vec<String>,
}

/// One change.
#[derive(Debug, Serialize)]
pub(crate) struct HistoryLine {
    pub(crate) sequence: u64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) who: String,
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
    pub(crate) in_force: bool,
    pub(crate) before: Option<Generation>,
    pub(crate) after: Generation,
    pub(crate) moves: Vec<Move>,
    pub(crate) reason: Option<String>,
}

/// Shows the journal.
pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let digest = Standing::of(&context.home).digest();
    context.printer.show(&of(context.home.journal()?, digest.as_ref(), args.limit));
    Ok(Exit::Done)
}

/// The last changes of a journal, judged by what is in the file.
pub(crate) fn of(journal: Journal, in_file: Option<&Digest>, limit: usize) -> History {
    let changes = journal.history(in_file);
    let skipped = changes.len().saturating_sub(limit);
    History {
        in_file: in_file.map(ToString::to_string),
        changes: changes.into_iter().skip(skipped).map(HistoryLine::from).collect(),
        findings: journal.findings,
    }
}

impl From<Change> for HistoryLine {
    fn from(change: Change) -> Self {
        let intent = change.intent;
        Self {
            sequence: intent.sequence,
            at: intent.at,
            who: intent.who,
            action: intent.action,
            outcome: change.outcome,
            in_force: change.in_force,
            before: intent.before,
            after: intent.after,
            moves: intent.moves,
            reason: intent.reason,
        }
    }
}

/// The word for what was done.
fn action_text(action: Action) -> &'static str {
    match action {
        Action::Cutover => "cutover",
        Action::Rollback => "rollback",
        Action::Guard => "guard",
        Action::Edit => "edit",
        Action::Acknowledge => "acknowledge",
    }
}

fn outcome_cell(outcome: Outcome) -> comfy_table::Cell {
    match outcome {
        Outcome::Done => good("done"),
        Outcome::PutBack => bad("put back"),
        Outcome::InterruptedAfterWrite => warn("interrupted, the new one is in force"),
        Outcome::InterruptedBeforeWrite => warn("interrupted, the old one stayed"),
    }
}

impl Report for History {
    fn human(&self, page: &mut String) -> fmt::Result {
        if self.changes.is_empty() {
            writeln!(page, "no change is journaled yet")?;
        } else {
            page.push_str(&lines(&self.grid()));
        }
        for finding in &self.findings {
            writeln!(page, "{} {finding}", paint(WARN, "journal:"))?;
        }
        Ok(())
    }
}

impl History {
    fn grid(&self) -> comfy_table::Table {
        let mut table =
            grid(&["", "GENERATION", "WHEN (UTC)", "WHO", "WHAT", "MOVES", "ENDED", "WHY"]);
        for line in &self.changes {
            let moves: Vec<String> = line.moves.iter().map(describe).collect();
            table.add_row(vec![
                if line.in_force { good("▶") } else { plain("") },
                plain(format!("{} {}", line.after.number, line.after.digest)),
                plain(line.at.format("%Y-%m-%d %H:%M:%S")),
                plain(&line.who),
                plain(action_text(line.action)),
                plain(moves.join("\n")),
                outcome_cell(line.outcome),
                plain(line.reason.as_deref().unwrap_or_default()),
            ]);
        }
        table
    }
}
