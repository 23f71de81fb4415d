//! `migrate db split status`: where a move stands.

use split::{Mover, Thoroughness};

use super::report::SplitReport;
use super::{Ends, shows};
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

const AFTER: &str = "\
It takes no lock and changes nothing. With --verify every row of both sides is read and compared; while the source is written, what
waits to be carried over differs.

Examples:
  migrate db split status --from sqlite:////var/lib/app/coordinator.db --to postgres://agents@db/agents --verify";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    #[command(flatten)]
    ends: Ends,
    /// Compare the rows of both sides
    #[arg(long)]
    verify: bool,
}

/// Looks and tells.
pub(super) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let (from, to) = args.ends.places()?;
    let mut mover = Mover::look(&from, &to).await?;
    let mut report = SplitReport::of("looked", &mut mover, &from, &to).await?;
    if args.verify {
        let progress = context.printer.progress("comparing");
        report.compared =
            mover.compare(Thoroughness::All, &mut shows(&context.printer, &progress)).await?;
    }
    mover.close().await?;
    context.printer.show(&report);
    Ok(Exit::Done)
}
