//! `migrate init`: writes `migration.toml`, which says where the border runs.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use scan::{Sides, survey};
use serde::Serialize;

use crate::confirm;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::monolith::config;
use crate::monolith::read::Source;
use crate::output::Report;
use crate::style::{DIM, GOOD, PLACE, paint};
use crate::whole_file;

const AFTER: &str = "\
--extract takes globs as `migrate scan` does. --named guesses: every file that has the word in its name, tests left out. The files that
the extracted ones import from the rest are written as comments below `shared`: take the mark away from those that both sides may import.
A file that exists is never overwritten.

Examples:
  migrate init ./coordinator --extract 'src/app/services/agent_*.py' 'src/app/routers/agent_*.py'
  migrate init ./coordinator --named agent --dry-run

Exit codes: 0 written; 2 no file fits, or the file exists";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["extract", "named"])))]
pub(crate) struct Args {
    /// The folder of the monolith's Python source
    dir: PathBuf,
    /// Files that leave the monolith, as a glob over paths below DIR
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    extract: Vec<String>,
    /// A word in the names of the files that leave
    #[arg(long, value_name = "WORD")]
    named: Option<String>,
    /// Files that both sides may import
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    shared: Vec<String>,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "migration.toml")]
    to: PathBuf,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct Written {
    /// `written`, or `planned` with `--dry-run`.
    result: &'static str,
    file: String,
    extracted: Vec<String>,
    /// Files that the extracted ones import and that are not shared.
    needed: BTreeSet<String>,
    text: String,
}

/// Writes the file, or shows it.
pub(crate) async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let exists = || Failure::Usage {
        message: format!("{} is there already", args.to.display()),
        help: "edit it by hand, name another one with --to, or move it away".to_owned(),
    };
    if args.to.exists() {
        return Err(exists());
    }
    let guess = {
        let _progress = context.printer.progress("reading the source");
        look(args).await?
    };
    let mut report = Written {
        result: "planned",
        file: args.to.display().to_string(),
        text: text(&guess, &args.shared),
        extracted: guess.files,
        needed: guess.needed,
    };
    if !context.dry_run {
        if args.named.is_some() && context.printer.asks() {
            let mut page = String::new();
            report.human(&mut page).map_err(|problem| failed(&args.to, &problem))?;
            context.printer.note(page.trim_end());
        }
        confirm::ask(context, format_args!("write {}?", report.file))?;
        let written = whole_file::write_new(&args.to, |out| out.write_all(report.text.as_bytes()));
        written.map_err(|problem| match problem.kind() {
            std::io::ErrorKind::AlreadyExists => exists(),
            _ => failed(&args.to, &problem),
        })?;
        report.result = "written";
    }
    context.printer.show(&report);
    Ok(Exit::Done)
}

fn failed(file: &Path, problem: &dyn fmt::Display) -> Failure {
    Failure::Other {
        message: format!("{} can't be written: {problem}", file.display()),
        help: "name a file in a folder that exists and that you may write to".to_owned(),
    }
}

/// What leaves.
struct Guess {
    /// As globs.
    patterns: Vec<String>,
    /// The files that fit.
    files: Vec<String>,
    /// What these need of the rest.
    needed: BTreeSet<String>,
}

async fn look(args: &Args) -> Result<Guess, Failure> {
    let source = Source::read(&args.dir).await?;
    let patterns = match &args.named {
        Some(word) => named(&source.paths, word)?,
        None => args.extract.clone(),
    };
    let wanted = config::Border { extracted: patterns.clone(), shared: args.shared.clone() };
    let sides: Sides = source.sides(&wanted)?;
    let survey = survey::of(&source.paths, &source.facts, &[], &sides);
    let files = sides.extracted.iter().filter_map(|file| source.paths.get(*file).cloned());
    let needed = survey.border.needs.into_iter().map(|crossing| crossing.to);
    Ok(Guess { patterns, files: files.collect(), needed: needed.collect() })
}

/// The files whose names have the word.
fn named(paths: &[String], word: &str) -> Result<Vec<String>, Failure> {
    let has_word = |path: &&String| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.contains(word) && !survey::is_test(path)
    };
    let found: Vec<String> =
        paths.iter().filter(has_word).map(|path| globset::escape(path)).collect();
    if found.is_empty() || word.is_empty() {
        return Err(Failure::Usage {
            message: format!("no Python file has `{word}` in its name"),
            help: "say which files leave with --extract GLOB".to_owned(),
        });
    }
    Ok(found)
}

fn text(guess: &Guess, shared: &[String]) -> String {
    let lines = |mark: &str, all: &mut dyn Iterator<Item = &str>| {
        let mut lines = String::new();
        for one in all {
            let quoted = toml::Value::String(one.to_owned());
            lines.extend(["    ", mark, &quoted.to_string(), ",\n"]);
        }
        lines
    };
    let extracted = lines("", &mut guess.patterns.iter().map(String::as_str));
    let shared = lines("", &mut shared.iter().map(String::as_str));
    let needed: Vec<String> = guess.needed.iter().map(|path| globset::escape(path)).collect();
    let needed = lines("# ", &mut needed.iter().map(String::as_str));
    let remark = if needed.is_empty() { "" } else { "    # needed by the extracted files:\n" };
    format!(
        "# Where the border runs between what leaves the monolith and the rest. Globs over paths below the scanned folder:\n\
         # `*` stays within a folder, `**` does not. `migrate scan` reads this file.\n\
         format = {}\n\n[scan]\n# The files that leave the monolith.\nextracted = [\n{extracted}]\n\
         # Files that both sides may import.\nshared = [\n{shared}{remark}{needed}]\n",
        config::FORMAT,
    )
}

impl Report for Written {
    fn human(&self, page: &mut String) -> fmt::Result {
        write!(page, "{}", self.text)?;
        let files = self.extracted.len();
        let (files, file) = (format_args!("{files} files leave"), paint(PLACE, &self.file));
        match self.result {
            "written" => writeln!(
                page,
                "\n{} {file}; {files}; next: migrate scan DIR",
                paint(GOOD, "written:")
            ),
            _ => writeln!(page, "\n{} {file}; {files}", paint(DIM, "would be written:")),
        }
    }
}
