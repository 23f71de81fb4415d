//! `migrate schema apply`: makes the tables and indexes that lack. Nothing that is there is changed.

mod plan;
mod target;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};

use serde::Serialize;
use service::schema::Schema;
use service::tables;
use service::tables::own::versions;

use super::db::open;
use super::db::place::Place;
use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{Progress, Report};
use crate::style::{DIM, GOOD, STRONG, WARN, paint};
use plan::{Plan, State};
use target::Target;

const AFTER: &str = "\
The service makes tables that lack by itself when it starts; this is for whoever wants to see the SQL first, or lets nobody but an
administrator make tables. The SQL is shown and asked about, tables and their indexes are made in one transaction, and a second run
makes nothing. Nothing is ever altered or dropped: `migrate schema check` tells of tables that are there and do not fit.

With --with-indexes the optional indexes are made as well: with them the service answers lists of a million executions within
milliseconds. Each costs a little at every write of its table, by either backend. PostgreSQL makes each beside whoever writes
(CONCURRENTLY). SQLite lets nobody write while it makes one, some seconds for a million rows, and lets others in between two: on a
large file do it when little is written.

Examples:
  migrate schema apply --database sqlite:////var/lib/coordinator/coordinator.db --dry-run
  migrate schema apply --with-indexes --database postgres://app@db/shared";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The shared database: `sqlite://PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database: String,
    /// Make the optional indexes, too
    #[arg(long)]
    with_indexes: bool,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct ApplyReport {
    database: String,
    /// `planned` or `done`.
    result: &'static str,
    #[serde(flatten)]
    plan: Plan,
}

/// Makes what lacks.
pub(crate) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let place = Place::parse(&args.database, "--database")?;
    let database = place.to_string();
    let mut opened = open::read_only(&place).await?;
    let found = opened.schema().await.map_err(|why| open::failed(&database, &why))?;
    refuse_foreign(&found, &database)?;
    let recorded = opened.own_version(&found).await.map_err(|why| open::failed(&database, &why))?;
    refuse_other_version(&found, recorded, &database)?;
    let plan = Plan::of(&found, opened.engine(), args.with_indexes);
    drop(opened);
    let missing = plan.count(State::Planned);
    if context.dry_run || missing == (0, 0) {
        let result = if context.dry_run { "planned" } else { "done" };
        context.printer.show(&ApplyReport { database, result, plan });
        return Ok(Exit::Done);
    }
    let mut sql = String::new();
    let _written = would_make(&plan, &mut sql);
    context.printer.note(sql.trim_end());
    let question = format!("make {} in {database}?", counted(missing));
    let _confirmed = confirm::ask(context, question)?;
    let steps = 1 + plan.indexes.iter().filter(|index| index.optional).count();
    let progress = context.printer.progress_of(steps, format_args!("making tables"));
    let making =
        tokio::task::spawn_blocking(move || make(Target::open(place)?, plan, &progress)).await;
    let plan = making.map_err(|stopped| Failure::Other {
        message: format!("the making of tables was stopped: {stopped}"),
        help: "run the command again: what was made stays, and the rest is made".to_owned(),
    })??;
    context.printer.show(&ApplyReport { database, result: "done", plan });
    Ok(Exit::Done)
}

/// A database that has tables, but none of these, is some other program's.
fn refuse_foreign(found: &Schema, database: &str) -> Result<(), Failure> {
    let is_known = |name: &String| tables::ALL.iter().any(|table| table.name == name);
    let Some(other) = found.tables.keys().find(|name| !is_known(name)) else { return Ok(()) };
    if found.tables.keys().any(is_known) {
        return Ok(());
    }
    Err(Failure::Refused {
        message: format!("{database} has the table {other} and none of the monolith's"),
        help: "give the database that both backends write, or an empty one".to_owned(),
    })
}

/// What lacks is made as this build knows it, which must not stand beside what another build knows otherwise.
fn refuse_other_version(
    found: &Schema,
    recorded: Option<i64>,
    database: &str,
) -> Result<(), Failure> {
    let known = versions::latest(versions::ALL);
    let is_there = found.tables.keys().any(|name| tables::is_own(name));
    let version = recorded.unwrap_or(if is_there { versions::FIRST } else { known });
    if version == known {
        return Ok(());
    }
    Err(Failure::Refused {
        message: format!(
            "{database}: the service's own tables are of version {version}, and this build has {known}"
        ),
        help:
            "start the service of the later build, which makes and changes its own tables by itself"
                .to_owned(),
    })
}

fn make(mut target: Target, mut plan: Plan, progress: &Progress) -> Result<Plan, Failure> {
    let tables = plan.tables.iter().filter(|table| table.state == State::Planned);
    let usual =
        plan.indexes.iter().filter(|index| index.state == State::Planned && !index.optional);
    let together: Vec<&str> = tables
        .flat_map(|table| table.sql.iter().map(String::as_str))
        .chain(usual.map(|index| index.sql.as_str()))
        .collect();
    if !together.is_empty() {
        target.make_together(&together)?;
    }
    progress.step();
    for table in plan.tables.iter_mut().filter(|table| table.state == State::Planned) {
        table.state = State::Made;
    }
    for index in plan.indexes.iter_mut().filter(|index| index.state == State::Planned) {
        if index.optional {
            progress.say(&index.name);
            target.make_index(&index.name, &index.sql)?;
            progress.step();
        }
        index.state = State::Made;
    }
    Ok(plan)
}

/// The statements that are about to be run.
fn would_make(plan: &Plan, page: &mut String) -> fmt::Result {
    let tables = plan.tables.iter().filter(|table| table.state == State::Planned);
    let indexes = plan.indexes.iter().filter(|index| index.state == State::Planned);
    for sql in tables.flat_map(|table| &table.sql).chain(indexes.map(|index| &index.sql)) {
        writeln!(page, "{} {sql};", paint(WARN, "would make:"))?;
    }
    Ok(())
}

fn counted((tables, indexes): (usize, usize)) -> String {
    let of = |count: usize, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    format!("{} and {}", of(tables, "table", "tables"), of(indexes, "index", "indexes"))
}

impl Report for ApplyReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let database = paint(STRONG, &self.database);
        let (there, _) = self.plan.count(State::There);
        if self.result == "planned" {
            would_make(&self.plan, page)?;
            let planned = counted(self.plan.count(State::Planned));
            return writeln!(page, "{database}: {planned} would be made");
        }
        let made = self.plan.tables.iter().filter(|table| table.state == State::Made);
        for table in made {
            writeln!(page, "{} {}", paint(GOOD, "made:"), table.name)?;
        }
        for index in self.plan.indexes.iter().filter(|index| index.state == State::Made) {
            writeln!(page, "{} {} on {}", paint(GOOD, "made:"), index.name, index.table)?;
        }
        writeln!(page, "{} {there} tables", paint(DIM, "there already:"))?;
        writeln!(page, "{database}: {} made", counted(self.plan.count(State::Made)))
    }
}
