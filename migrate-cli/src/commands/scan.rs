//! `migrate scan`: what crosses the border between the files that leave the monolith and the rest.

mod page;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use scan::border::judge;
use scan::{Border, Facts, Sides};
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::monolith::{config, files};

/// Stack of a thread that reads: trees may nest deeply.
const STACK: usize = 32 << 20;

const AFTER: &str = "\
Reads the Python source below DIR; no Python is run. It lists who imports the extracted files and what each importer uses, what the
extracted files import from the rest, circles of imports across the border, imports that lead nowhere, dynamic imports that
nobody can follow, and files that could not be read. docs/scan.md says what each form of import is recognised as, and the limits.

The border comes from --extract and --shared, or else from migration.toml:

  format = 1
  [scan]
  extracted = [\"src/app/services/agent_*.py\"]   # the files that leave
  shared = [\"src/app/domain/**\"]                # files that both sides may import; may be left out

Exit code 0 where the border is clean, 3 where it is not.

Examples:
  migrate scan ./coordinator --extract 'src/app/services/agent_*.py' --shared 'src/app/domain/**'
  migrate scan ./coordinator --output json";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The folder of the monolith's Python source
    dir: PathBuf,
    /// Files that leave the monolith, as a glob over paths below DIR
    #[arg(long, value_name = "GLOB", conflicts_with = "config", num_args = 1..)]
    extract: Vec<String>,
    /// Files that both sides may import
    #[arg(long, value_name = "GLOB", requires = "extract", num_args = 1..)]
    shared: Vec<String>,
    /// The file that says which files leave
    #[arg(long, value_name = "FILE", default_value = "migration.toml")]
    config: PathBuf,
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
    border: Border,
    /// Files that were not looked at.
    notes: Vec<String>,
}

/// Scans, and changes nothing.
pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let wanted = if args.extract.is_empty() {
        config::Border::read(&args.config)?
    } else {
        config::Border { extracted: args.extract.clone(), shared: args.shared.clone() }
    };
    let report = {
        let _progress = context.printer.progress("reading the source");
        scan(&args.dir, &wanted)?
    };
    context.printer.show(&report);
    Ok(if report.border.clean { Exit::Done } else { Exit::Refused })
}

fn scan(folder: &Path, wanted: &config::Border) -> Result<ScanReport, Failure> {
    let files::Found { files, mut notes } = files::python(folder);
    let (paths, facts) = read(folder, &files, &mut notes)?;
    if paths.is_empty() {
        return Err(Failure::Usage {
            message: format!("{} has no Python files", folder.display()),
            help: "give the folder of the monolith's Python source".to_owned(),
        });
    }
    for patterns in [&wanted.extracted, &wanted.shared] {
        if let [pattern, ..] = &config::unmatched(patterns, &paths)?[..] {
            return Err(Failure::Usage {
                message: format!("no Python file below {} fits `{pattern}`", folder.display()),
                help: "globs are matched with paths below that folder; `**` crosses folders"
                    .to_owned(),
            });
        }
    }
    let of = |patterns: &[String]| -> Result<_, Failure> {
        let globs = config::globs(patterns)?;
        let matching = paths.iter().enumerate().filter(|(_, path)| globs.is_match(path));
        Ok(matching.map(|(file, _)| file).collect())
    };
    let sides = Sides { extracted: of(&wanted.extracted)?, shared: of(&wanted.shared)? };
    let border = judge(&paths, &facts, &sides);
    let extracted = sides.extracted.iter().filter_map(|file| paths.get(*file).cloned());
    Ok(ScanReport {
        folder: folder.display().to_string(),
        files: paths.len(),
        lines: facts.iter().map(|facts| facts.lines).sum(),
        extracted: extracted.collect(),
        border,
        notes,
    })
}

/// Paths below the folder with slashes, and what each file says; on as many threads as there are cores.
fn read(
    folder: &Path,
    files: &[PathBuf],
    notes: &mut Vec<String>,
) -> Result<(Vec<String>, Vec<Facts>), Failure> {
    let threads = rayon::ThreadPoolBuilder::new().stack_size(STACK).build();
    let threads = threads.map_err(|problem| Failure::Other {
        message: format!("the threads that read could not be started: {problem}"),
        help: "try again".to_owned(),
    })?;
    let read = |file: &PathBuf| {
        let parts = file.strip_prefix(folder).unwrap_or(file).components();
        let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
        let path = parts.join("/");
        match std::fs::read(file) {
            Ok(bytes) => Ok((path, Facts::of(&String::from_utf8_lossy(&bytes)))),
            Err(problem) => Err(format!("{path}: {problem}")),
        }
    };
    let all: Vec<_> = threads.install(|| files.par_iter().map(read).collect());
    let mut known = (Vec::new(), Vec::new());
    for one in all {
        match one {
            Ok((path, facts)) => {
                known.0.push(path);
                known.1.push(facts);
            }
            Err(note) => notes.push(note),
        }
    }
    Ok(known)
}
