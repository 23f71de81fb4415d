//! `migrate scan`: what crosses the border between the files that leave the monolith and the rest.

mod page;
mod html;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use scan::change::{self, Changes};
use scan::{Survey, survey};
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::monolith::config::Border;
use crate::monolith::read::{self, Source};

const AFTER: &str = "\
Reads the Python source below DIR; no Python is run. It lists who imports the extracted files and what each importer uses, what the
extracted files import from the rest, circles of imports across the border, imports that lead nowhere, dynamic imports that
nobody can follow, files that could not be read, which routes the extracted files serve at which full paths and who calls these over
HTTP, and which tables each side reads and writes. docs/scan.md says how each of these is told, and the limits.

The border comes from --extract and --shared, or else from migration.toml:

  format = 1
  [scan]
  extracted = [\"src/app/services/agent_*.py\"]   # the files that leave
  shared = [\"src/app/domain/**\"]                # files that both sides may import; may be left out

Exit code 0 where the border is clean, 3 where it is not.

Examples:
  migrate scan ./coordinator --extract 'src/app/services/agent_*.py' --shared 'src/app/domain/**'
  migrate scan ./coordinator --html border.html
  migrate scan ./coordinator --since v1.4         with the globs of migration.toml
  migrate scan ./coordinator --output json";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    #[command(flatten)]
    monolith: read::Monolith,

    /// Also say what has changed since a commit, a branch or a tag; the work tree stays as it is
    #[arg(long, value_name = "REV")]
    since: Option<String>,

    /// Also write a page with a graph that can be explored: one file, which loads nothing
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct ScanReport {
    folder: String,
    files: usize,
    lines: usize,
    /// The extracted files.
    extracted: Vec<String>,
    #[serde(flatten)]
    survey: Survey,
    /// What has changed since a revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Since>,
    /// Files that were not looked at.
    notes: Vec<String>,
}

/// What has changed.
#[derive(Debug, Serialize)]
struct Since {
    revision: String,
    commit: String,
    #[serde(flatten)]
    changes: Changes,
}

/// Scans, and changes nothing.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let wanted = args.monolith.border()?;
    let report = {
        let _progress = context.printer.progress("reading the source");
        let source = Source::read(&args.monolith.dir).await?;
        let sides = source.sides(&wanted)?;
        let survey = survey::of(&source.paths, &source.facts, &source.others, &sides);
        let since = match &args.since {
            Some(revision) => Some(since(&args.monolith.dir, revision, &wanted, &survey).await?),
            None => None,
        };
        let extracted = sides.extracted.iter().filter_map(|file| source.paths.get(*file).cloned());
        ScanReport {
            folder: source.folder.display().to_string(),
            files: source.paths.len(),
            lines: source.facts.iter().map(|facts| facts.lines).sum(),
            extracted: extracted.collect(),
            survey,
            since,
            notes: source.notes,
        }
    };
    if let Some(file) = &args.html {
        html::write(file, &report)?;
    }
    context.printer.show(&report);
    Ok(if report.survey.border.clean { Exit::Done } else { Exit::Refused })
}

async fn since(
    folder: &Path,
    revision: &str,
    wanted: &Border,
    now: &Survey,
) -> Result<Since, Failure> {
    let (commit, source) = Source::at(folder, revision).await?;
    let sides = source.sides_then(wanted)?;
    let then = survey::of(&source.paths, &source.facts, &source.others, &sides);
    Ok(Since { revision: revision.to_owned(), commit, changes: change::between(&then, now) })
}
