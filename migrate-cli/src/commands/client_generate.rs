//! `migrate client generate`: a Python client of a service from its OpenAPI document, with the functions that importers used.

mod page;

use std::path::{Path, PathBuf};

use scan::border::Place;
use scan::used;
use serde::Serialize;

use crate::client::document::{Api, LeftOut};
use crate::client::functions::{self, Functions};
use crate::client::module::{self, Standing};
use crate::client::read;
use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::monolith::config;
use crate::monolith::read::{Border, Source};
use crate::whole_file;

const AFTER: &str = "\
One file of Python 3.10 or newer that needs httpx and nothing else: `Client` and `AsyncClient` with a method for each operation, types for
what they send and get, `ApiError`. Base URL and key are arguments, or come from the environment; the file says from which variables.

With DIR, a function is written for each function of the extracted files that a file which stays calls. It is known to be an operation
where the handler of a route gives back what it gives back; what is not known is named with its place, and then nothing is written.
`[client]` of migration.toml says the rest (docs/client.md). `migrate cleanup DIR --use-client FILE` takes the functions into use.

The same document and the same monolith give the same file. A file that somebody has edited is never overwritten without --replace.

Examples:
  migrate client generate --openapi http://127.0.0.1:8012/openapi.json --out agents.py --only '/v1/agents/**'
  migrate client generate ./coordinator --openapi openapi.json --out ./coordinator/app/clients/agents.py --dry-run

Exit codes: 0 written, or was so already; 3 refused, nothing was written";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The folder of the monolith's Python source, for the functions that its files use
    dir: Option<PathBuf>,
    #[command(flatten)]
    border: Border,

    /// The OpenAPI document (3.1, JSON): a file, or the URL of a service that runs
    #[arg(long, value_name = "URL|FILE")]
    openapi: String,

    /// The file to write
    #[arg(long, value_name = "FILE.py")]
    out: PathBuf,

    /// Operations at these paths only, as a glob: `*` stays within a part, `**` does not
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    only: Vec<String>,

    /// Overwrite a file that somebody has edited, or that is something else
    #[arg(long)]
    replace: bool,
}

/// How it came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Came {
    Written,
    Planned,
    NothingToDo,
    Refused,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct GenerateReport {
    result: Came,
    file: String,
    /// Title and version of the document.
    document: String,
    operations: usize,
    types: usize,
    /// The functions that importers used.
    functions: Vec<Written>,
    /// Operations that the client does without.
    left_out: Vec<LeftOut>,
    /// Names that are left to be replaced by hand.
    by_hand: Vec<String>,
    /// Entries of migration.toml that fit no name, or several.
    unfit: Vec<String>,
    /// What stands against it.
    against: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct Written {
    /// `FILE:NAME`.
    stands_for: String,
    name: String,
    operation: String,
}

/// Writes it, or shows what would be written.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let api = api(args).await?;
    let (functions, unfit) = match &args.dir {
        Some(dir) => {
            let _progress = context.printer.progress("reading the source");
            functions(dir, &args.border, &api).await?
        }
        None => (Functions::default(), Vec::new()),
    };
    let text = module::write(&api, &functions.all, &command(args));
    let text = text.map_err(|problem| failed(&args.out, &problem))?;
    let mut report = report(args, &api, functions, unfit);
    report.result = come(args, context, &text, &report)?;
    context.printer.show(&report);
    Ok(if report.result == Came::Refused { Exit::Refused } else { Exit::Done })
}

fn come(
    args: &Args,
    context: &Context,
    text: &str,
    report: &GenerateReport,
) -> Result<Came, Failure> {
    if !report.against.is_empty() {
        return Ok(Came::Refused);
    }
    let there = match std::fs::read(&args.out) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => None,
        Err(problem) => return Err(failed(&args.out, &problem)),
    };
    if there.as_deref() == Some(text) {
        return Ok(Came::NothingToDo);
    }
    let why = match there.as_deref().map(module::standing) {
        Some(Standing::Edited) => Some("was edited since it was written"),
        Some(Standing::Foreign) => Some("is no client that was generated"),
        Some(Standing::Generated) | None => None,
    };
    if let Some(why) = why.filter(|_| !args.replace) {
        return Err(Failure::Refused {
            message: format!("{} {why}", args.out.display()),
            help: "name another file with --out, or overwrite it with --replace".to_owned(),
        });
    }
    if context.dry_run {
        return Ok(Came::Planned);
    }
    confirm::ask(context, format_args!("write {}?", report.file))?;
    let folder = whole_file::folder_of(&args.out);
    std::fs::create_dir_all(folder).map_err(|problem| failed(&args.out, &problem))?;
    let written = whole_file::write(&args.out, |out| out.write_all(text.as_bytes()));
    written.map_err(|problem| failed(&args.out, &problem))?;
    Ok(Came::Written)
}

async fn api(args: &Args) -> Result<Api, Failure> {
    let only = config::globs(&args.only)?;
    let text = read::read(&args.openapi).await?;
    let is_wanted = |path: &str| args.only.is_empty() || only.is_match(path);
    let api = Api::of(&text, &is_wanted).map_err(|problem| Failure::Other {
        message: format!("{} can't be used: {problem}", read::shown(&args.openapi)),
        help: problem.help().to_owned(),
    })?;
    if api.operations.is_empty() {
        return Err(Failure::Usage {
            message: "the document has no operation that a client could have".to_owned(),
            help: "look at its paths, and at the globs of --only".to_owned(),
        });
    }
    Ok(api)
}

async fn functions(
    dir: &Path,
    border: &Border,
    api: &Api,
) -> Result<(Functions, Vec<String>), Failure> {
    let (wanted, replaced) = (border.read()?, border.replaced()?);
    let source = Source::read(dir).await?;
    let sides = source.sides(&wanted)?;
    let text = |path: &str| std::fs::read_to_string(dir.join(path)).ok();
    let uses = used::of(&source.paths, &source.facts, &sides, &text);
    let names: Vec<(&str, &str)> =
        uses.names.iter().map(|it| (it.file.as_str(), it.name.as_str())).collect();
    Ok((functions::of(&uses, api, &replaced), replaced.unfit(&names)))
}

/// The command as it may be typed again, without what belongs to one machine or lets somebody in.
fn command(args: &Args) -> String {
    let document = read::shown(&args.openapi);
    let document = document
        .rsplit_once('/')
        .filter(|_| document == args.openapi && !document.starts_with("http"));
    let document = document.map_or_else(|| read::shown(&args.openapi), |(_, file)| file.to_owned());
    let mut words = vec![format!("migrate client generate --openapi {document}")];
    words.extend(args.only.iter().map(|glob| format!("--only '{glob}'")));
    words.join(" ")
}

fn report(args: &Args, api: &Api, functions: Functions, unfit: Vec<String>) -> GenerateReport {
    let written = functions.all.into_iter().map(|it| Written {
        stands_for: it.stands_for,
        name: it.name,
        operation: it.operation,
    });
    GenerateReport {
        result: Came::Planned,
        file: args.out.display().to_string(),
        document: format!("{} {}", api.title, api.version),
        operations: api.operations.len(),
        types: api.records.len(),
        functions: written.collect(),
        left_out: api.left_out.clone(),
        by_hand: functions.by_hand,
        unfit,
        against: functions.against,
    }
}

fn failed(file: &Path, problem: &dyn std::fmt::Display) -> Failure {
    Failure::Other {
        message: format!("{} can't be written: {problem}", file.display()),
        help: "name a file in a folder that you may write to".to_owned(),
    }
}
