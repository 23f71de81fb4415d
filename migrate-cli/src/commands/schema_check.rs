//! `migrate schema check`: whether both programs can live with the database as it is.

mod page;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod million;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;
use service::clock::RandomIds;
use service::schema::findings::{Broken, Finding, OwnTables, Severity, judge};
use service::schema::rows::RowFaults;
use service::schema::sample::Sample;
use service::schema::{Database, Engine, Schema, needed, prove, versions};
use service::tables;

use super::db::open;
use super::db::place::Place;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::source::{self, Source};

const AFTER: &str = "\
Compares the database with what this build of the service needs, and looks at rows as both programs would read them. For each table
and operation it says who could do it no longer; each finding has one of four severities:

  the service can't read     a table, column or row that it could not read
  the service can't write    an insert, update or delete that would be refused or would store something else
  the monolith would break   by itself, or on what the service writes
  harmless                   both can live with it

Nothing is written, and no lock is held longer than one short statement. Tables of the service's own that are not there yet are no
finding: it makes them when it starts.

Exit code 0 where nothing breaks, 3 where something does.

With --source the monolith's classes are read as well (no Python is run), and compared with the database and with the service.

With --prove the inserts of both programs are tried, too: that finds conditions, triggers and types that refuse rows. Of a file only
the description of its tables is used, and one row of each; the tries are made in memory. On a server each shared table is tried in a
transaction of its own that is rolled back: it waits at most 200 ms for a lock, a statement takes at most a second, and nobody sees a
row. It leaves room for a row or two that the next VACUUM frees, and draws no number of a sequence unless a trigger or a default that
neither program knows does.

Examples:
  migrate schema check --database sqlite:////var/lib/coordinator/coordinator.db --source ./src/app
  migrate schema check --database postgresql+psycopg2://app@db/shared --all --output json";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The shared database: `sqlite://PATH` or `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database: String,
    /// About how many rows of each table to look at
    #[arg(long, value_name = "N", default_value_t = 1000, conflicts_with = "all")]
    sample: u32,
    /// Look at every row
    #[arg(long)]
    all: bool,
    /// The monolith's Python source: what its SQLModel and SQLAlchemy classes declare is compared, too
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Try the inserts of both programs, and take them back
    #[arg(long)]
    prove: bool,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct CheckReport {
    database: String,
    engine: Engine,
    /// `fits` or `breaks`.
    result: &'static str,
    tables: Tables,
    rows: u64,
    /// Whether inserts were tried.
    proven: bool,
    source: Option<SourceReport>,
    findings: Vec<Finding>,
    /// What can be done no longer, by table.
    broken: Vec<BrokenTable>,
}

/// What was read of the monolith's source.
#[derive(Debug, Serialize)]
struct SourceReport {
    files: usize,
    tables: usize,
    /// Of the shared tables, those that it declares, and where.
    shared: BTreeMap<String, String>,
    /// What could not be understood.
    notes: Vec<String>,
}

/// How many tables there are.
#[derive(Debug, Serialize)]
struct Tables {
    shared: usize,
    own: usize,
    /// Those of the service's own that it makes when it starts.
    own_to_be_made: usize,
}

/// A table of which not everything can be done.
#[derive(Debug, Serialize)]
struct BrokenTable {
    table: String,
    breaks: Vec<Broken>,
}

/// Checks, and changes nothing.
pub(crate) async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let source = match &args.source {
        Some(folder) => Some(source::read(folder).await?),
        None => None,
    };
    let place = Place::parse(&args.database, "--database")?;
    let name = place.to_string();
    let mut database = open::read_only(&place).await?;
    let found = database.schema().await.map_err(|why| open::failed(&name, &why))?;
    let recorded = database.own_version(&found).await.map_err(|why| open::failed(&name, &why))?;
    let sample = if args.all { Sample::All } else { Sample::About(args.sample) };
    let service = needed::schema();
    let monolith = source.as_ref().map(|source| &source.schema);
    let mut findings = judge(&service, monolith, &found, OwnTables::MadeAtStart);
    let faults = look(&mut database, &found, sample, &name, context).await?;
    let rows = faults.rows();
    findings.extend(faults.findings());
    if let Some(recorded) = recorded {
        findings.extend(versions::finding(recorded));
    }
    if args.prove {
        let tried = prove::prove(&mut database, &found, monolith, &RandomIds).await;
        findings.extend(tried.map_err(|why| open::failed(&name, &why))?);
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let breaks = findings.iter().any(|finding| finding.severity > Severity::Harmless);
    context.printer.show(&CheckReport {
        database: name,
        engine: database.engine(),
        result: if breaks { "breaks" } else { "fits" },
        tables: Tables::count(&service, &found),
        rows,
        proven: args.prove,
        source: source.map(|source| SourceReport::of(source, &service)),
        broken: broken(&findings),
        findings,
    });
    Ok(if breaks { Exit::Refused } else { Exit::Done })
}

/// Looks at rows of every table that is there.
async fn look(
    database: &mut Database,
    found: &Schema,
    sample: Sample,
    name: &str,
    context: &Context,
) -> Result<RowFaults, Failure> {
    let mut faults = RowFaults::new(database.engine());
    let progress = context.printer.progress_of(tables::ALL.len(), format_args!("looking at rows"));
    for table in tables::ALL {
        progress.say(table.name);
        if let Some(there) = found.tables.get(table.name) {
            let looked = database.look(table, there, sample, &mut faults).await;
            looked.map_err(|why| open::failed(name, &why))?;
        }
        progress.step();
    }
    Ok(faults)
}

impl SourceReport {
    fn of(source: Source, service: &Schema) -> Self {
        let Source { schema, mut places, files, notes } = source;
        let tables = schema.tables.len();
        places.retain(|table, _| service.tables.contains_key(table));
        Self { files, tables, shared: places, notes }
    }
}

impl Tables {
    fn count(service: &Schema, found: &Schema) -> Self {
        let (own, shared): (Vec<_>, Vec<_>) =
            service.tables.keys().partition(|name| tables::is_own(name));
        let is_missing = |name: &&&String| !found.tables.contains_key(**name);
        let own_to_be_made = own.iter().filter(is_missing).count();
        Self { shared: shared.len(), own: own.len(), own_to_be_made }
    }
}

fn broken(findings: &[Finding]) -> Vec<BrokenTable> {
    let mut tables: BTreeMap<&str, BTreeSet<Broken>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| !finding.breaks.is_empty()) {
        tables.entry(&finding.table).or_default().extend(&finding.breaks);
    }
    let of = |(table, breaks): (&str, BTreeSet<Broken>)| BrokenTable {
        table: table.to_owned(),
        breaks: breaks.into_iter().collect(),
    };
    tables.into_iter().map(of).collect()
}
