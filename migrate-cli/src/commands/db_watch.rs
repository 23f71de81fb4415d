//! `migrate db watch`: the log by which a clone in PostgreSQL notes which of its rows change.

use std::fmt::{self, Write as _};

use routes::twin_log;
use serde::Serialize;

use super::db::place::{Place, Server};
use super::db::tools::psql;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::style::{GOOD, STRONG, paint};

const AFTER: &str = "\
`migrate db clone` makes the log in every PostgreSQL clone; this is for a clone that was made otherwise, for tables that were
added since, and to be rid of it. It is a table and a function in the schema strangler_twin, and a trigger on each table that
has a primary key. Use it on a clone only, never on the shared database: the proxy needs nothing there.

Examples:
  migrate db watch --clone postgres://app@db/twin
  migrate db watch --clone postgres://app@db/twin --remove";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The clone: `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "URL")]
    clone: String,
    /// Remove the log and its triggers
    #[arg(long)]
    remove: bool,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct WatchReport {
    clone: String,
    /// `planned`, `watched` or `removed`.
    result: &'static str,
    /// Tables that note their changes now.
    tables: u64,
}

/// Makes the log, or removes it.
pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let Place::Postgres(clone) = Place::parse(&args.clone, "--clone")? else {
        return Err(Failure::Usage {
            message: "an SQLite clone is watched by the proxy itself".to_owned(),
            help:
                "name it in `twin = { shared, clone }` of its backend; nothing else is to be done"
                    .to_owned(),
        });
    };
    let result = if context.dry_run {
        "planned"
    } else if args.remove {
        psql(&clone, &clone.database, &[twin_log::REMOVE])?;
        "removed"
    } else {
        psql(&clone, &clone.database, &[twin_log::INSTALL])?;
        "watched"
    };
    let tables = watched(&clone)?;
    context.printer.show(&WatchReport { clone: clone.to_string(), result, tables });
    Ok(Exit::Done)
}

fn watched(clone: &Server) -> Result<u64, Failure> {
    psql(clone, &clone.database, &[twin_log::WATCHED]).map(|count| count.parse().unwrap_or(0))
}

impl Report for WatchReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let Self { clone, result, tables } = self;
        let clone = paint(STRONG, clone);
        match *result {
            "watched" => {
                writeln!(
                    page,
                    "{} {clone}: {tables} tables note what changes",
                    paint(GOOD, "watched:")
                )
            }
            "removed" => {
                writeln!(page, "{} {clone}: no table notes anything", paint(GOOD, "removed:"))
            }
            _ => writeln!(page, "would change what {clone} notes: {tables} tables do so far"),
        }
    }
}
