//! `migrate schema snapshot`: keeps what a database looks like now, to compare with later.

#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::Utc;
use serde::Serialize;
use service::schema::Snapshot;

use super::db::open;
use super::db::place::Place;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::style::{GOOD, STRONG, WARN, paint};
use crate::whole_file;

const AFTER: &str = "\
The file is JSON, without rows and without passwords. `migrate schema diff FILE DATABASE` says what has changed since. A service that
is started with SCHEMA_SNAPSHOT=FILE says so as well, and where the route table names its /health/schema, the gate then refuses a
cutover until a new snapshot says that the change was seen.

Examples:
  migrate schema snapshot --database sqlite:////var/lib/coordinator/coordinator.db
  migrate schema snapshot --database postgres://app@db/shared --out before.json --replace";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The shared database: `sqlite://PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database: String,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "schema.snapshot.json")]
    out: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    replace: bool,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct SnapshotReport {
    database: String,
    file: PathBuf,
    /// `planned` or `done`.
    result: &'static str,
    tables: usize,
}

/// Takes a snapshot.
pub(crate) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    if args.out.exists() && !args.replace {
        return Err(Failure::Refused {
            message: format!("{} is there already", args.out.display()),
            help: "give another file with --out, or replace it with --replace".to_owned(),
        });
    }
    let place = Place::parse(&args.database, "--database")?;
    let database = place.to_string();
    let mut opened = open::read_only(&place).await?;
    let schema = opened.schema().await.map_err(|why| open::failed(&database, &why))?;
    let tables = schema.tables.len();
    let snapshot = Snapshot::new(Utc::now(), database, schema);
    if !context.dry_run {
        write(&snapshot, &args.out).map_err(|problem| Failure::Other {
            message: format!("{}: {problem}", args.out.display()),
            help: "see that you may write to the folder".to_owned(),
        })?;
    }
    let result = if context.dry_run { "planned" } else { "done" };
    let Snapshot { database, .. } = snapshot;
    context.printer.show(&SnapshotReport { database, file: args.out, result, tables });
    Ok(Exit::Done)
}

fn write(snapshot: &Snapshot, file: &Path) -> std::io::Result<()> {
    whole_file::write(file, |out| {
        serde_json::to_writer_pretty(&mut *out, snapshot)?;
        out.write_all(b"\n")
    })
}

/// Reads a snapshot.
pub(super) fn read(file: &Path) -> Result<Snapshot, Failure> {
    Snapshot::read(file).map_err(|problem| Failure::Other {
        message: problem.to_string(),
        help: "migrate schema snapshot --database URL --out FILE writes one".to_owned(),
    })
}

impl Report for SnapshotReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let (database, file) = (paint(STRONG, &self.database), self.file.display());
        match self.result {
            "planned" => {
                writeln!(
                    page,
                    "{} {database}: {} tables to {file}",
                    paint(WARN, "would write:"),
                    self.tables
                )
            }
            _ => writeln!(
                page,
                "{} {database}: {} tables to {file}",
                paint(GOOD, "written:"),
                self.tables
            ),
        }
    }
}
