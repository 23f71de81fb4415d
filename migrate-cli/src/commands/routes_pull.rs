//! `migrate routes pull`: the table of the database as a file, with its journal: to edit it, or as the way back.

use std::fmt::{self, Write as _};
use std::io;
use std::path::PathBuf;

use flip::protocol::LOCK_PATIENCE;
use home::{Home, HomeError};
use routes::RouteTable;
use routes::edit;
use routes::generation::Generation;
use routes::journal::Journal;
use routes::store::{StoreError, TableFile, write_whole};
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::Report;
use crate::style::{DIM, GOOD, paint};

use super::routes_push::database;

/// Generations that a file is compared with to see whether it has changes of its own.
const COMPARED: usize = 100;

const AFTER: &str = "\
A proxy or `migrate` that is started with the file goes on from there without the database; changes of the two are then two \
tables.

Examples:
  migrate routes pull edited.toml      then edit it, and: migrate routes push edited.toml
  migrate routes pull backup.toml      the file, and backup.toml.journal with every generation

Exit codes: 0 done; 3 the file has changes that the journal does not know (--force)";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The file to write; its journal goes to FILE.journal
    file: PathBuf,

    /// Write over a file that is something else, or that has changes of its own
    #[arg(long)]
    force: bool,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
struct Pulled {
    table: String,
    file: String,
    /// `pulled` or `planned`.
    result: &'static str,
    generation: Generation,
    /// Entries of the journal.
    entries: usize,
    /// What is wrong with it.
    findings: Vec<String>,
}

/// Writes the file and tells what it is.
pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let database = database(context)?;
    let text = context.home.read()?;
    let bytes = database.journal_bytes()?;
    let journal = Journal::parse(&bytes);
    let table = RouteTable::parse(context.home.path(), &text)?;
    let file = TableFile::new(&args.file);
    if !args.force {
        check_file(&file, &journal)?;
        check_journal(&file, &bytes)?;
    }
    if !context.dry_run {
        let who = &context.environment.who;
        let holder = format!("{who}: routes pull, pid {}", std::process::id());
        // Nobody flips it in the file meanwhile.
        let _held = Home::File(file.clone()).lock(&holder, LOCK_PATIENCE)?;
        // The journal first: whoever follows the file finds in it what came into force.
        write_whole(&file.journal_path(), &bytes).map_err(HomeError::from)?;
        write_whole(file.path(), text.as_bytes()).map_err(HomeError::from)?;
    }
    context.printer.show(&Pulled {
        table: context.home.full_name(),
        file: args.file.display().to_string(),
        result: if context.dry_run { "planned" } else { "pulled" },
        generation: table.generation,
        entries: journal.entries.len(),
        findings: journal.findings,
    });
    Ok(Exit::Done)
}

/// A file that is there must be a generation of this table, but for its number.
fn check_file(file: &TableFile, journal: &Journal) -> Result<(), Failure> {
    let there = match file.read() {
        Ok(there) => there,
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(());
        }
        Err(error) => return Err(HomeError::from(error).into()),
    };
    let texts = journal.entries.iter().rev().filter_map(|entry| {
        let text = entry.text.as_deref()?;
        Some((entry.after.number, text))
    });
    let is_known = texts
        .take(COMPARED)
        .any(|(number, text)| edit::renumber(&there, number).is_ok_and(|there| there == text));
    if is_known { Ok(()) } else { Err(refused(file, "is no generation of this table")) }
}

/// A journal that is there must be how this one began.
fn check_journal(file: &TableFile, bytes: &[u8]) -> Result<(), Failure> {
    let there = Journal::bytes(&file.journal_path()).map_err(HomeError::from)?;
    if bytes.starts_with(&there) {
        return Ok(());
    }
    Err(refused(file, "has a journal of its own"))
}

fn refused(file: &TableFile, why: &str) -> Failure {
    Failure::Refused {
        message: format!("{} is there already and {why}", file.path().display()),
        help: "name another file, or write over it with --force".to_owned(),
    }
}

impl Report for Pulled {
    fn human(&self, page: &mut String) -> fmt::Result {
        for finding in &self.findings {
            writeln!(page, "the journal: {finding}")?;
        }
        if self.result == "planned" {
            let what = format!("would write generation {} to {}", self.generation, self.file);
            return writeln!(page, "{}", paint(DIM, what));
        }
        writeln!(
            page,
            "{} {} is generation {} of {}, and {}.journal has its {} entries",
            paint(GOOD, "done:"),
            self.file,
            self.generation,
            self.table,
            self.file,
            self.entries
        )
    }
}
