//! `migrate schema apply`: makes the indexes that large databases want and the monolith did not make.

mod target;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};

use serde::Serialize;
use service::tables::indexes::{self, Index};

use super::db::place::Place;
use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{Progress, Report};
use crate::style::{DIM, GOOD, STRONG, WARN, paint};
use target::{Standing, Target};

const AFTER: &str = "\
The indexes are optional: with them the service answers lists of a million executions within milliseconds. Each costs a little at
every write of its table, by either backend. Their names begin with agent_service_; nothing else is made, and nothing is changed.

PostgreSQL makes each beside whoever writes (CONCURRENTLY). SQLite lets nobody write while it makes one, some seconds for a
million rows, and lets others in between two: on a large file do it when little is written.

Examples:
  migrate schema apply --with-indexes --database sqlite:////var/lib/coordinator/coordinator.db --dry-run
  migrate schema apply --with-indexes --database postgres://app@db/shared";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The shared database: `sqlite://PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database: String,
    /// Make the optional indexes
    #[arg(long)]
    with_indexes: bool,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct ApplyReport {
    database: String,
    /// `planned` or `done`.
    result: &'static str,
    indexes: Vec<Entry>,
}

/// What became of one index.
#[derive(Debug, Serialize)]
struct Entry {
    name: &'static str,
    table: &'static str,
    state: State,
    sql: String,
}

/// Where an index stands after the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It would be made.
    Planned,
    /// It was made.
    Made,
    /// It was there already.
    There,
    /// Its table is not there.
    NoTable,
}

/// Makes what lacks.
pub(crate) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    if !args.with_indexes {
        return Err(Failure::Usage {
            message: "there is nothing to make: the service makes its tables itself".to_owned(),
            help: "migrate schema apply --with-indexes makes the optional indexes".to_owned(),
        });
    }
    let place = Place::parse(&args.database, "--database")?;
    let database = place.to_string();
    let target = Target::open(place)?;
    let planned = plan(&target)?;
    let missing = planned.iter().filter(|entry| entry.state == State::Planned).count();
    let (result, indexes) = if context.dry_run {
        ("planned", planned)
    } else if missing == 0 {
        ("done", planned)
    } else {
        let question = format!("make {missing} indexes in {database}?");
        let _confirmed = confirm::ask(context, question)?;
        let progress = context.printer.progress_of(missing, format_args!("making indexes"));
        let making = tokio::task::spawn_blocking(move || make(&target, planned, &progress));
        let made = making.await.map_err(|stopped| Failure::Other {
            message: format!("the making of indexes was stopped: {stopped}"),
            help: "run the command again: what was made stays, and the rest is made".to_owned(),
        });
        ("done", made??)
    };
    context.printer.show(&ApplyReport { database, result, indexes });
    Ok(Exit::Done)
}

/// Every index, and whether it is to be made.
fn plan(target: &Target) -> Result<Vec<Entry>, Failure> {
    let entry = |index: &Index| {
        let state = match target.standing(index)? {
            Standing::Missing => State::Planned,
            Standing::There => State::There,
            Standing::NoTable => State::NoTable,
        };
        Ok(Entry { name: index.name, table: index.table, state, sql: target.statement(index) })
    };
    indexes::ALL.iter().map(entry).collect()
}

fn make(
    target: &Target,
    mut entries: Vec<Entry>,
    progress: &Progress,
) -> Result<Vec<Entry>, Failure> {
    for entry in entries.iter_mut().filter(|entry| entry.state == State::Planned) {
        progress.say(entry.name);
        target.make(&entry.sql)?;
        entry.state = State::Made;
        progress.step();
    }
    Ok(entries)
}

impl Report for ApplyReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        for Entry { name, table, state, sql } in &self.indexes {
            match state {
                State::Planned => writeln!(page, "{} {sql};", paint(WARN, "would make:"))?,
                State::Made => writeln!(page, "{} {name} on {table}", paint(GOOD, "made:"))?,
                State::There => writeln!(page, "{} {name}", paint(DIM, "there already:"))?,
                State::NoTable => {
                    writeln!(
                        page,
                        "{} {name}: there is no table {table}",
                        paint(DIM, "left out:")
                    )?;
                }
            }
        }
        let count = |state| self.indexes.iter().filter(|entry| entry.state == state).count();
        let (made, planned) = (count(State::Made), count(State::Planned));
        let database = paint(STRONG, &self.database);
        match self.result {
            "planned" => writeln!(page, "{database}: {planned} indexes would be made"),
            _ => writeln!(page, "{database}: {made} indexes made"),
        }
    }
}
