//! `migrate db split …`: moves the service's tables from the shared database to one of its own.

mod start;
mod sql;
mod switch;
mod end;
mod status;
mod report;
#[cfg(test)]
mod tests;

use std::time::Duration;

use clap::Subcommand;
use split::{Place as End, SplitError, Told};

use super::cutover::patience;
use super::db::open;
use super::db::place::Place;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{Printer, Progress};

/// The steps of a move, in order.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Begin the move or go on with it: note what changes at the source, copy every row, and verify it
    Start(start::Args),
    /// Where the move stands, what waits to be carried over, and what to do next
    Status(status::Args),
    /// Put the target in force: verify, fence the source, carry over what is left, count, open the target
    Switch(switch::SwitchArgs),
    /// Put the source in force again, with everything that was written at the target since
    Back(switch::BackArgs),
    /// End the move after the switch; there is no way back any more
    Finish(end::FinishArgs),
    /// Give the move up before the switch; the source is as it was
    Abort(end::AbortArgs),
}

/// The two databases.
#[derive(Debug, clap::Args)]
pub(super) struct Ends {
    /// The shared database: `sqlite://PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "URL")]
    from: String,
    /// The database of the service's own
    #[arg(long, value_name = "URL")]
    to: String,
}

/// How long to give way to others.
#[derive(Debug, clap::Args)]
pub(super) struct Waits {
    /// How long to try for the locks of the tables, half a second at a time
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = patience)]
    wait: Duration,
}

/// Runs one of them.
pub(crate) async fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Start(args) => start::run(args, context).await,
        Command::Status(args) => status::run(args, context).await,
        Command::Switch(args) => switch::switch(args, context).await,
        Command::Back(args) => switch::back(args, context).await,
        Command::Finish(args) => end::finish(args, context).await,
        Command::Abort(args) => end::abort(args, context).await,
    }
}

impl Ends {
    /// The two, where they are two. A source file has to be there.
    fn places(&self) -> Result<(End, End), Failure> {
        let (from, to) = (Place::parse(&self.from, "--from")?, Place::parse(&self.to, "--to")?);
        let usage = |message: String, help: &str| Failure::Usage { message, help: help.to_owned() };
        let is_one = match (&from, &to) {
            (Place::Sqlite(from), Place::Sqlite(to)) => {
                from == to
                    || from
                        .canonicalize()
                        .ok()
                        .zip(to.canonicalize().ok())
                        .is_some_and(|(from, to)| from == to)
            }
            (Place::Postgres(from), Place::Postgres(to)) => {
                from.is_same_server(to) && from.database == to.database
            }
            _ => false,
        };
        if is_one {
            return Err(usage(
                "the two databases are one".to_owned(),
                "name another one with --to",
            ));
        }
        if let Place::Sqlite(path) = &from
            && !path.is_file()
        {
            let message = format!("there is no database {}", path.display());
            return Err(usage(message, "give the file that both backends write"));
        }
        Ok((end(from)?, end(to)?))
    }
}

fn end(place: Place) -> Result<End, Failure> {
    Ok(match place {
        Place::Sqlite(path) => End::File(path),
        Place::Postgres(server) => {
            End::Server { options: Box::new(open::options(&server)?), shown: server.to_string() }
        }
    })
}

impl From<SplitError> for Failure {
    fn from(error: SplitError) -> Self {
        let (message, help) = (error.to_string(), error.help().to_owned());
        if error.is_refusal() {
            Self::Refused { message, help }
        } else {
            Self::Other { message, help }
        }
    }
}

/// Draws what a mover does.
fn shows<'p>(printer: &Printer, progress: &'p Progress) -> impl FnMut(Told<'_>) + use<'p> {
    let printer = printer.clone();
    move |told| match told {
        Told::Copying(table, done, of) => {
            progress.say(format_args!("copying {table}"));
            progress.at(done, of);
        }
        Told::Verifying(table, done, of) => {
            progress.say(format_args!("verifying {table}"));
            progress.at(done, of);
        }
        Told::Following(count) => progress.say(format_args!("carrying over: {count} changes")),
        Told::Comparing(table) => progress.say(format_args!("comparing {table}")),
        Told::Fenced => printer.detail("nobody may write now"),
    }
}
