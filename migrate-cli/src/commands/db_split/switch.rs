//! `migrate db split switch` and `back`: which database is in force.

use std::process::Stdio;
use std::time::Duration;

use flip::standing::read_table;
use routes::Stage;
use split::mover::Stopwatch;
use split::switching::Switched;
use split::{Mover, Thoroughness, Verb};

use super::report::SplitReport;
use super::{Ends, Waits, shows};
use crate::commands::cutover::patience;
use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;

const AFTER_SWITCH: &str = "\
Every row that is not verified yet is compared on both sides, while clients write. Then the source is fenced: from then on the service
answers writes with 503 and Retry-After until it runs on the target. What is left is carried over and read back, the rows of each table
are counted on both sides, and the target is put in force. Where anything fails before that, the source is in force as before; where
the command is killed, nobody may write until it is run again (or `abort`). The monolith can't write these tables any more, so every
route has to be at stage `service` in the route table.

--compare all compares every row once more behind the fence: that finds rows that somebody has changed past the triggers since they
were verified, and writes wait for as long as reading all of them takes.

--run is a command for the shell that makes the service use the target; it gets the target's URL as DATABASE_URL.

Examples:
  migrate db split switch --from sqlite:////var/lib/app/coordinator.db --to postgres://agents@db/agents \\
    --run 'systemctl restart agent-service'";

const AFTER_BACK: &str = "\
The target is fenced, what was written there since the switch is carried back and read back, the rows of each table are counted on
both sides (--compare all: every row is compared), and the source is in force again: in one transaction at the source. Where anything
fails before its end, the target is in force as before. The move then
stands where it stood before the switch, and may be switched again.

Examples:
  migrate db split back --from sqlite:////var/lib/app/coordinator.db --to postgres://agents@db/agents \\
    --run 'systemctl restart agent-service'";

/// What both take.
#[derive(Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    ends: Ends,
    #[command(flatten)]
    waits: Waits,
    /// What is compared while nobody may write
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    compare: Compare,
    /// A command for the shell, once the other database is in force
    #[arg(long, value_name = "COMMAND")]
    run: Option<String>,
    /// How long that command may take
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = patience)]
    run_limit: Duration,
}

/// What is compared while nobody may write.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Compare {
    /// The rows that have changed since they were verified, and how many rows there are.
    #[default]
    Changed,
    /// Every row.
    All,
}

impl From<Compare> for Thoroughness {
    fn from(compare: Compare) -> Self {
        match compare {
            Compare::Changed => Self::Changed,
            Compare::All => Self::All,
        }
    }
}

/// What `switch` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_SWITCH)]
pub(crate) struct SwitchArgs {
    #[command(flatten)]
    common: Common,
    /// Switch although routes are not at stage `service`, or the route table can't be read
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What `back` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_BACK)]
pub(crate) struct BackArgs {
    #[command(flatten)]
    common: Common,
}

/// Puts the target in force.
pub(super) async fn switch(args: SwitchArgs, context: &Context) -> Result<Exit, Failure> {
    if let Err(refused) = routes_are_moved(context) {
        match &args.reason {
            Some(reason) if args.force => {
                context.printer.warn(format_args!("gone past, because {reason}: {refused}"));
            }
            _ => return Err(refused),
        }
    }
    change(args.common, Verb::Switch, context).await
}

/// Puts the source in force again.
pub(super) async fn back(args: BackArgs, context: &Context) -> Result<Exit, Failure> {
    change(args.common, Verb::Back, context).await
}

async fn change(args: Common, verb: Verb, context: &Context) -> Result<Exit, Failure> {
    let printer = &context.printer;
    let (from, to) = args.ends.places()?;
    let mut mover = Mover::open(&from, &to, verb, args.waits.wait).await?;
    mover.allows(verb).await?;
    let (there, url) =
        if verb == Verb::Back { (&from, &args.ends.from) } else { (&to, &args.ends.to) };
    if context.dry_run {
        printer.show(&SplitReport::of("planned", &mut mover, &from, &to).await?);
        return Ok(Exit::Done);
    }
    let _confirmed = confirm::ask(context, format_args!("put {there} in force?"))?;
    let thoroughness = args.compare.into();
    let switched = {
        let progress = printer.progress_of(0, "carrying over");
        let mut ear = shows(printer, &progress);
        if verb == Verb::Back {
            mover.back(thoroughness, &mut ear).await?
        } else {
            mover.switch(thoroughness, &mut ear).await?
        }
    };
    let Switched { pause_ms, carried, compared, .. } = switched;
    let mut report = SplitReport::of("done", &mut mover, &from, &to).await?;
    mover.close().await?;
    (report.pause_ms, report.carried) = (Some(pause_ms), Some(carried));
    (report.compared, report.database_url) = (compared, Some(for_service(there)));
    if let Some(command) = &args.run {
        let url = match there {
            split::Place::File(_) => for_service(there),
            // As it was typed, with its password.
            split::Place::Server { .. } => url.clone(),
        };
        report.run_ms = Some(run(command, &url, args.run_limit).await?);
    }
    printer.show(&report);
    Ok(Exit::Done)
}

/// A database as the service is told it, without password. Of a file, three slashes and the path.
fn for_service(place: &split::Place) -> String {
    match place {
        split::Place::File(path) => format!("sqlite:///{}", path.display()),
        split::Place::Server { shown, .. } => shown.clone(),
    }
}

/// Refuses where the monolith answers any route: it would write what is fenced.
fn routes_are_moved(context: &Context) -> Result<(), Failure> {
    let table = read_table(&context.home)?;
    let routes = table.routes.iter().filter(|route| route.stage != Stage::Service);
    let left: Vec<String> =
        routes.map(|route| format!("{} ({})", route.name, route.stage)).collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::Refused {
        message: format!("the old backend still answers for {}", left.join(", ")),
        help: "move them first (migrate cutover ROUTE --to service); or, if none of them writes these tables: --force --reason \"…\""
            .to_owned(),
    })
}

/// Runs the operator's command; how long it took, in milliseconds.
async fn run(command: &str, url: &str, limit: Duration) -> Result<u64, Failure> {
    let took = Stopwatch::start();
    let failed = |what: String| Failure::Other {
        message: format!("the databases are switched, and `{command}` {what}"),
        help: "make the service use the database that is in force now, as the command should have"
            .to_owned(),
    };
    let mut shell = tokio::process::Command::new("/bin/sh");
    shell.args(["-c", command]).env("DATABASE_URL", url).stdin(Stdio::null()).kill_on_drop(true);
    // Its words are for people; stdout has the report.
    shell.stdout(std::io::stderr());
    let mut child = shell.spawn().map_err(|why| failed(format!("can't be run: {why}")))?;
    match tokio::time::timeout(limit, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(took.millis()),
        Ok(Ok(status)) => Err(failed(format!("failed: {status}"))),
        Ok(Err(why)) => Err(failed(format!("was lost: {why}"))),
        Err(_elapsed) => Err(failed(format!("has not ended in {limit:?}, and was ended"))),
    }
}
