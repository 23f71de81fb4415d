//! `migrate deploy uninstall`: the machine as it was before the installation.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use flip::standing::read_table;
use home::Home;
use routes::Stage;
use serde::Serialize;

use super::deploy_install::{failed, is_this_machine};
use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::installation::wanted::{PROXY, table_in, unit_file};
use crate::installation::{self, Commands, KEPT, Machine, Record, Shell, aside};
use crate::output::Report;
use crate::style::{GOOD, WARN, paint};

const AFTER: &str = "\
Stops and disables what did not run before, and puts back or removes every file that was installed. A file that somebody has edited since
is kept as NAME.edited. The route table and its journal, the evidence, databases, secrets, logs and users stay. Refused while a route's
clients are answered by the service: they would be without an answer.

Examples:
  migrate deploy uninstall --dry-run
  migrate deploy uninstall";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The root of the machine
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Also while routes are answered by the service
    #[arg(long)]
    despite_routes: bool,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct UninstallReport {
    root: PathBuf,
    /// `planned`, `done`, or `nothing`: nothing was installed.
    result: &'static str,
    /// Units that are stopped or started anew as they were before.
    units: Vec<String>,
    /// Files that are removed or put back.
    files: Vec<PathBuf>,
    /// Files that were edited since, as they are called then.
    edited: Vec<PathBuf>,
}

/// Takes everything away.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let runs = is_this_machine(&args.root, context.dry_run)?;
    on(&Machine::new(&args.root, runs, &Shell), args, context).await
}

pub(super) async fn on<C: Commands>(
    machine: &Machine<'_, C>,
    args: &Args,
    context: &Context,
) -> Result<Exit, Failure> {
    let root = args.root.clone();
    let record = Record::load(&root).map_err(|trouble| failed(&trouble))?;
    let Some(record) = record else {
        context.printer.show(&UninstallReport {
            root,
            result: "nothing",
            units: Vec::new(),
            files: Vec::new(),
            edited: Vec::new(),
        });
        return Ok(Exit::Done);
    };
    if !args.despite_routes && machine.runs() {
        refuse_while_needed(&root)?;
    }
    let edited = record.edited(&root).map_err(|trouble| failed(&trouble))?;
    let report = UninstallReport {
        units: record.units().map(|(unit, _)| unit.to_owned()).collect(),
        files: record.paths().map(ToOwned::to_owned).collect(),
        edited: edited.into_iter().map(aside).collect(),
        result: if context.dry_run { "planned" } else { "done" },
        root,
    };
    if !context.dry_run {
        let _confirmed = confirm::ask(
            context,
            format_args!("stop {} and take them away?", report.units.join(", ")),
        )?;
        let left =
            installation::uninstall(&record, machine).await.map_err(|trouble| failed(&trouble))?;
        if let Some((first, more)) = left.split_first() {
            return Err(Failure::Other {
                message: format!("{first}; {} more steps failed", more.len()),
                help: format!("correct that and run it again; {KEPT} still has what is needed"),
            });
        }
    }
    context.printer.show(&report);
    Ok(Exit::Done)
}

/// Clients of a route that the service answers would get nothing.
fn refuse_while_needed(root: &Path) -> Result<(), Failure> {
    let Some(place) = table_of(root) else { return Ok(()) };
    let table = Home::open(Path::new(&place)).map_err(Failure::from);
    let table =
        table.and_then(|home| Ok(read_table(&home)?)).map_err(|problem| Failure::Refused {
            message: format!("{place}: {problem}; which routes need the service is unknown"),
            help: "mend the table, or, if no client comes this way, --despite-routes".to_owned(),
        })?;
    let needed =
        table.routes.iter().filter(|it| matches!(it.stage, Stage::Canary | Stage::Service));
    let names: Vec<&str> = needed.map(|route| route.name.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(Failure::Refused {
        message: format!("answered by the service: {}; nothing was changed", names.join(", ")),
        help: format!(
            "take them back first: migrate --routes {place} rollback {}; or, if clients no longer come this way, --despite-routes",
            names.join(" ")
        ),
    })
}

/// Where the installed proxy has its table.
fn table_of(root: &Path) -> Option<String> {
    let unit = std::fs::read_to_string(unit_file(root, PROXY)).ok()?;
    let settings = unit.lines().find_map(|line| line.strip_prefix("EnvironmentFile=/"))?;
    let settings = std::fs::read_to_string(root.join(settings)).ok()?;
    table_in(&settings).map(|place| match place.strip_prefix('/') {
        Some(below) => root.join(below).display().to_string(),
        None => place.to_owned(),
    })
}

impl Report for UninstallReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let (units, files) = match self.result {
            "planned" => (paint(WARN, "would stop:"), paint(WARN, "would remove or put back:")),
            "done" => (paint(GOOD, "stopped:"), paint(GOOD, "removed or put back:")),
            _ => return writeln!(page, "nothing is installed below {}", self.root.display()),
        };
        writeln!(page, "{units} {}", self.units.join(", "))?;
        for file in &self.files {
            writeln!(page, "{files} {}", file.display())?;
        }
        for file in &self.edited {
            writeln!(page, "edited since, kept as: {}", file.display())?;
        }
        writeln!(page, "route table, evidence, databases, secrets, logs and users stay")
    }
}
