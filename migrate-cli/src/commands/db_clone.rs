//! `migrate db clone`: a consistent copy of the shared database, made while the monolith goes on writing.
//!
//! The copy is made under a temporary name and renamed when it is whole, so that a command that dies at any moment
//! leaves nothing half under the name that was asked for; what it left under the temporary name goes at the next run.

mod stale;
mod sqlite;
mod postgres;
mod pipe;
mod report;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};

use super::db::place::Place;
use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Progress;
use crate::signals::stop_signal;
use report::{CloneReport, Outcome};
use stale::Staleness;

const AFTER: &str = "\
Stop the new backend before its clone is replaced with --force. SQLite: where the source is in WAL mode the copy is one
snapshot and never locks anybody; in the other journal modes the source is locked for one step of the copy at a time
(1 MiB at first), and a write in between begins the copy again with longer steps. PostgreSQL: a template where nobody is
connected to the source, else pg_dump piped into pg_restore (owners and privileges are not copied); the clone gets a log of
its changes, for comparing rows (migrate db watch). sslmode and other parameters of a URL are libpq's.

Examples:
  migrate db clone --from sqlite:///var/lib/app/coordinator.db --to sqlite:///var/lib/app/twin.db
  migrate db clone --from postgres://app@db/coordinator --to postgres://app@db/twin --force";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The shared database: `sqlite://PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "URL")]
    from: String,
    /// The clone to make
    #[arg(long, value_name = "URL")]
    to: String,
    /// Replace the clone if there is one
    #[arg(long)]
    force: bool,
}

/// What making a copy took.
#[derive(Debug)]
struct Copied {
    method: Method,
    bytes: u64,
    /// How often a write to the source made the copy begin again.
    restarts: u32,
    snapshot_at: DateTime<Utc>,
    staleness: Staleness,
}

/// How a copy is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    SqliteBackup,
    PostgresTemplate,
    PostgresDump,
}

/// Copies one database.
pub(crate) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let (from, to) = (Place::parse(&args.from, "--from")?, Place::parse(&args.to, "--to")?);
    let plan = Plan::new(from, to, args.force)?;
    let began = std::time::Instant::now();
    let outcome = if context.dry_run {
        Outcome::Planned { replaces: plan.replaces }
    } else {
        if plan.replaces {
            let question = format!("replace the clone {}?", plan.to);
            let _confirmed = confirm::ask(context, question)?;
        }
        let progress = context.printer.progress_of_bytes(format_args!("cloning {}", plan.from));
        let (job, stop) = (plan.clone(), Stop::default());
        let asked = stop.clone();
        let mut copied = tokio::task::spawn_blocking(move || job.carry_out(&progress, &asked));
        let copied = tokio::select! {
            copied = &mut copied => copied,
            () = stop_signal() => {
                stop.ask();
                copied.await
            }
        };
        let copied = copied.map_err(|stopped| Failure::Other {
            message: format!("the copy was stopped: {stopped}"),
            help: "run the command again; nothing half is left under the clone's name".to_owned(),
        })??;
        Outcome::Done { copied, seconds: began.elapsed().as_secs_f64() }
    };
    context.printer.show(&CloneReport::new(&plan.from, &plan.to, outcome));
    Ok(Exit::Done)
}

/// Whether a signal asks for the end of the copy. Clones share it.
#[derive(Debug, Clone, Default)]
struct Stop(Arc<AtomicBool>);

impl Stop {
    fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// What is begun is cleared away by whoever gets this error.
    fn check(&self) -> Result<(), Failure> {
        if !self.is_asked() {
            return Ok(());
        }
        Err(Failure::Other {
            message: "stopped by a signal before the clone was whole".to_owned(),
            help: "nothing of it was left; run the command again".to_owned(),
        })
    }
}

/// What is to be copied where, checked.
#[derive(Debug, Clone)]
struct Plan {
    from: Place,
    to: Place,
    /// Something is there and may be replaced.
    replaces: bool,
}

impl Plan {
    fn new(from: Place, to: Place, force: bool) -> Result<Self, Failure> {
        let replaces = match (&from, &to) {
            (Place::Sqlite(from), Place::Sqlite(to)) => sqlite::check(from, to)?,
            (Place::Postgres(from), Place::Postgres(to)) => postgres::check(from, to)?,
            _ => {
                return Err(Failure::Usage {
                    message: "a clone is of the same kind as its source".to_owned(),
                    help: "give two `sqlite://` URLs, or two `postgres://` URLs".to_owned(),
                });
            }
        };
        if replaces && !force {
            return Err(Failure::Refused {
                message: format!("{to} exists already; nothing was changed"),
                help: "name another, or replace it with --force (stop the new backend first)"
                    .to_owned(),
            });
        }
        Ok(Self { from, to, replaces })
    }

    fn carry_out(&self, progress: &Progress, stop: &Stop) -> Result<Copied, Failure> {
        match (&self.from, &self.to) {
            (Place::Sqlite(from), Place::Sqlite(to)) => {
                sqlite::copy(from, to, self.replaces, progress, stop)
            }
            (Place::Postgres(from), Place::Postgres(to)) => {
                postgres::copy(from, to, self.replaces, progress, stop)
            }
            // `new` has refused it.
            _ => Err(Failure::NotConfirmed),
        }
    }
}
