//! `migrate db split finish` and `abort`: the end of a move, for good or for nothing.

use split::{Mover, Verb};

use super::report::SplitReport;
use super::{Ends, Waits};
use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

const AFTER_FINISH: &str = "\
What the move made is taken away: triggers, outbox, marks. The source keeps its old rows, and the fence around them, so that nobody
writes there by mistake; --lift-fence takes that away as well. The old tables are yours to drop.

Examples:
  migrate db split finish --from sqlite:////var/lib/app/coordinator.db --to postgres://agents@db/agents";

const AFTER_ABORT: &str = "\
Triggers and outbox are taken off the source, which is as it was. The target keeps its rows and takes no writes; another `start` may
fill it anew.

Examples:
  migrate db split abort --from sqlite:////var/lib/app/coordinator.db --to postgres://agents@db/agents";

/// What `finish` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_FINISH)]
pub(crate) struct FinishArgs {
    #[command(flatten)]
    ends: Ends,
    #[command(flatten)]
    waits: Waits,
    /// Let the old tables of the source be written again
    #[arg(long)]
    lift_fence: bool,
}

/// What `abort` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_ABORT)]
pub(crate) struct AbortArgs {
    #[command(flatten)]
    ends: Ends,
    #[command(flatten)]
    waits: Waits,
}

/// Ends a move after its switch.
pub(super) async fn finish(args: FinishArgs, context: &Context) -> Result<Exit, Failure> {
    end(&args.ends, &args.waits, Some(args.lift_fence), context).await
}

/// Gives a move up.
pub(super) async fn abort(args: AbortArgs, context: &Context) -> Result<Exit, Failure> {
    end(&args.ends, &args.waits, None, context).await
}

/// Ends it for good, lifting the fence or not, or for nothing.
async fn end(
    ends: &Ends,
    waits: &Waits,
    lift: Option<bool>,
    context: &Context,
) -> Result<Exit, Failure> {
    let verb = if lift.is_some() { Verb::Finish } else { Verb::Abort };
    let (from, to) = ends.places()?;
    let mut mover = Mover::open(&from, &to, verb, waits.wait).await?;
    mover.allows(verb).await?;
    let question = match verb {
        Verb::Finish => format!("end the move to {to}, without a way back?"),
        _ => format!("give up the move to {to}?"),
    };
    let result = if context.dry_run {
        "planned"
    } else {
        let _confirmed = confirm::ask(context, question)?;
        match lift {
            Some(lift) => mover.finish(lift).await?,
            None => mover.abort().await?,
        }
        "done"
    };
    let report = SplitReport::of(result, &mut mover, &from, &to).await?;
    mover.close().await?;
    context.printer.show(&report);
    Ok(Exit::Done)
}
