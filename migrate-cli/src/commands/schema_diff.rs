//! `migrate schema diff`: where two of database, service, monolith's source and snapshot differ.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use service::schema::diff::{Difference, diff};
use service::schema::{Schema, needed};
use service::tables;

use super::db::open;
use super::db::place::Place;
use super::schema_snapshot;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::grid::{grid, lines, plain};
use crate::output::Report;
use crate::source;
use crate::style::{GOOD, STRONG, paint};

const AFTER: &str = "\
Each side is one of
  service                       what this build of the service needs
  sqlite://PATH, postgres://…   a database; nothing is written
  a folder                      the Python source of the monolith: what its classes declare
  a file                        a snapshot that `migrate schema snapshot` has written

With the service on a side, its tables are compared (but for its own, where the other is a source); with a source, those that it
declares; else all. Differences that are words of
an engine are none: an enumeration is text in SQLite. What a difference comes to is said by `migrate schema check`.

Exit code 0 where nothing differs, 3 where something does.

Examples:
  migrate schema diff schema.snapshot.json sqlite:////var/lib/coordinator/coordinator.db
  migrate schema diff ./src/app service";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// `service`, the URL of a database, a folder of Python source, or a snapshot
    left: String,
    /// The same
    right: String,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct DiffReport {
    left: String,
    right: String,
    /// `same` or `differs`.
    result: &'static str,
    /// How many tables were compared.
    tables: usize,
    differences: Vec<Difference>,
    /// What of a source could not be understood.
    notes: Vec<String>,
}

/// One side: its name, its tables, and whether only those count.
struct Side {
    name: String,
    schema: Schema,
    rank: Rank,
    notes: Vec<String>,
}

/// Whose tables count: those of the highest rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Database,
    Source,
    Service,
}

/// Compares, and changes nothing.
pub(crate) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let (left, right) = (side(&args.left).await?, side(&args.right).await?);
    let highest = left.rank.max(right.rank);
    let names = |side: &Side| -> BTreeSet<String> { side.schema.tables.keys().cloned().collect() };
    let counts = |side: &&Side| highest == Rank::Database || side.rank == highest;
    // The monolith declares none of the service's own tables.
    let has_source = left.rank == Rank::Source || right.rank == Rank::Source;
    let is_compared = |table: &String| !(has_source && tables::is_own(table));
    let counted = [&left, &right].into_iter().filter(counts).flat_map(names);
    let counted: BTreeSet<String> = counted.filter(is_compared).collect();
    let differences = diff(&left.schema, &right.schema, Some(&counted));
    let differs = !differences.is_empty();
    context.printer.show(&DiffReport {
        left: left.name,
        right: right.name,
        result: if differs { "differs" } else { "same" },
        tables: counted.len(),
        differences,
        notes: [left.notes, right.notes].concat(),
    });
    Ok(if differs { Exit::Refused } else { Exit::Done })
}

async fn side(text: &str) -> Result<Side, Failure> {
    let side = |name: String, schema, rank| Side { name, schema, rank, notes: Vec::new() };
    if text == "service" {
        return Ok(side("the service".to_owned(), needed::schema(), Rank::Service));
    }
    if text.contains("://") {
        let place = Place::parse(text, "schema diff")?;
        let name = place.to_string();
        let mut database = open::read_only(&place).await?;
        let schema = database.schema().await.map_err(|why| open::failed(&name, &why))?;
        return Ok(side(name, schema, Rank::Database));
    }
    let path = Path::new(text);
    if path.is_dir() {
        let source = source::read(path).await?;
        let notes = source.notes;
        return Ok(Side { notes, ..side(text.to_owned(), source.schema, Rank::Source) });
    }
    if !path.exists() {
        return Err(Failure::Usage {
            message: format!("there is no file or folder {text}"),
            help: "give `service`, the URL of a database, a folder of Python source, or a snapshot"
                .to_owned(),
        });
    }
    let snapshot = schema_snapshot::read(path)?;
    let name = format!("{text} ({}, {})", snapshot.database, snapshot.taken_at.format("%F %T UTC"));
    Ok(side(name, snapshot.schema, Rank::Database))
}

impl Report for DiffReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        for note in &self.notes {
            writeln!(page, "not understood: {note}")?;
        }
        if self.differences.is_empty() {
            return writeln!(
                page,
                "{} {} and {}: {} tables",
                paint(GOOD, "same:"),
                self.left,
                self.right,
                self.tables
            );
        }
        let mut table = grid(&["TABLE", "WHAT", &self.left, &self.right]);
        for difference in &self.differences {
            let side = |side: &Option<String>| plain(side.as_deref().unwrap_or("–"));
            table.add_row(vec![
                plain(&difference.table),
                plain(difference.part.to_string()),
                side(&difference.left),
                side(&difference.right),
            ]);
        }
        page.push_str(&lines(&table));
        let (count, tables) = (self.differences.len(), self.tables);
        writeln!(page, "{} {count}, in {tables} compared tables", paint(STRONG, "differences:"))
    }
}
