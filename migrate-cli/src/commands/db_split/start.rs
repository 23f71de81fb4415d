//! `migrate db split start`: the marks, every row, and what changes meanwhile.

use std::path::PathBuf;
use std::time::Duration;

use split::{Mover, Verb};

use super::report::SplitReport;
use super::sql::{self, Batch};
use super::{Ends, Waits, shows};
use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::signals::stop_signal;
use crate::style::{WARN, paint};

const AFTER: &str = "\
Triggers on the source note which rows change, and every row is copied meanwhile; both backends go on working. Then every row is read
again on both sides and compared, and what has changed is carried over until nothing waits (if writers are quicker for a minute, the
report says how much does). Killed at any point, the same command goes on where it was. With --follow it then carries changes over
until it is stopped with Ctrl-C; without, `switch` does that. The target has to be empty; nobody can write it before the switch.

Examples:
  migrate db split start --from sqlite:////var/lib/app/coordinator.db --to postgres://agents@db/agents --dry-run
  migrate db split start --from postgres://app@db/shared --to postgres://agents@db/agents --follow";

/// Between two looks at the outbox.
const PAUSE: Duration = Duration::from_millis(200);

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    #[command(flatten)]
    ends: Ends,
    #[command(flatten)]
    waits: Waits,
    /// Go on carrying changes over until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Write the SQL for both sides to this file; with --verbose it is shown
    #[arg(long, value_name = "FILE")]
    sql: Option<PathBuf>,
    /// Leave columns behind that the service does not know
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why they may be left behind
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Begins or goes on.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let printer = &context.printer;
    let (from, to) = args.ends.places()?;
    if context.dry_run
        && let split::Place::File(path) = &to
        && !path.exists()
    {
        return Err(Failure::Usage {
            message: format!("there is no database {} to look at", path.display()),
            help: "make an empty one, or run it without --dry-run".to_owned(),
        });
    }
    let mut mover = Mover::open(&from, &to, Verb::Start, args.waits.wait).await?;
    let plan = mover.plan(args.force).await?;
    for crossing in &plan.border.crossings {
        let (table, columns) = (&crossing.table, crossing.columns.join(", "));
        printer.warn(format_args!(
            "{table} ({columns}) refers to {}: {}",
            crossing.refers_to, crossing.lost
        ));
    }
    if let Some(reason) = &args.reason
        && !plan.border.unknown_columns.is_empty()
    {
        let columns = plan.border.unknown_columns.join(", ");
        printer.warn(format_args!("left behind, because {reason}: {columns}"));
    }
    let batches = [
        Batch { place: &to, statements: &plan.target },
        Batch { place: &from, statements: &plan.source },
    ];
    for batch in &batches {
        printer.note(format_args!(
            "{} {batch}",
            paint(WARN, format_args!("to make at {}:", batch.place))
        ));
        for sql in batch.statements {
            printer.detail(format_args!("{sql};"));
        }
    }
    if let Some(file) = &args.sql {
        sql::write(file, &batches)?;
    }
    if context.dry_run {
        let mut report = SplitReport::of("planned", &mut mover, &from, &to).await?;
        report.border = Some(plan.border);
        printer.show(&report);
        return Ok(Exit::Done);
    }
    if !plan.source.is_empty() {
        let _confirmed =
            confirm::ask(context, format_args!("begin to move tables from {from} to {to}?"))?;
    }
    let started = {
        let progress = printer.progress_of(0, "copying");
        let mut ear = shows(printer, &progress);
        let started = mover.start(&plan, &mut ear).await?;
        if args.follow {
            follow(&mut mover, &mut ear).await?;
        }
        started
    };
    let mut report = SplitReport::of("done", &mut mover, &from, &to).await?;
    mover.close().await?;
    report.border = Some(plan.border);
    report.now = Some(started);
    printer.show(&report);
    Ok(Exit::Done)
}

/// Carries changes over until somebody stops it, between two steps.
async fn follow(mover: &mut Mover, ear: split::mover::Ear<'_>) -> Result<(), Failure> {
    let mut stop = std::pin::pin!(stop_signal());
    let mut carried = 0;
    loop {
        let now = mover.step(carried, ear).await?;
        carried += now;
        let pause = if now == 0 { PAUSE } else { Duration::ZERO };
        tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}
