//! `migrate verify receipt`: does what the agent service signed about an execution hold?

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use service::logic::proof::Unproven;
use service::logic::proof::document::{self, StepVerdict, Verdict};
use service::logic::signing;

use crate::context::Context;
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::output::{Format, Report};
use crate::style::{BAD, DIM, GOOD, WARN, paint};

/// The most bytes of a file: more than a document of a thousand steps has.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

const AFTER: &str = "\
The file is what GET /api/v1/agents/executions/ID/proof answers. Without --public-key the key that the file itself names is
used: that shows that nothing was changed after it was signed, but not who signed it. The service shows its key at
GET /api/v1/agents/receipts/public-key.

A document can be genuine and say that the execution is not verified: a step failed its checks, or what the service has stored is
no longer what was proven.

Exit codes: 0 it holds and the execution is verified, 1 the file can't be read, 2 the key is none, 3 otherwise.

Examples:
  migrate verify receipt proof.json --public-key 8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c
  migrate verify receipt proof.json --output json";

/// What `migrate verify receipt` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(crate) struct Args {
    /// The proof document
    file: PathBuf,

    /// The service's public key: 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
}

/// Why a genuine document is not enough.
const UNVERIFIED: &str = "the service itself says that a step failed its checks, or that what is stored is not what was proven";

/// The JSON shape, for documents that hold and those that do not.
#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    valid: bool,
    /// Whose word is taken for the key: `given`, or the `file` itself.
    key: &'static str,
    problem: Option<String>,
    verdict: Option<Verdict>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let given = args.public_key.as_deref().map(key_of).transpose()?;
    let text = read(&args.file)?;
    let (key, outcome) = check(&text, given.as_ref());
    let problem = match &outcome {
        Ok(verdict) if verdict.verified => None,
        Ok(_) => Some(UNVERIFIED.to_owned()),
        Err(why) => Some(why.to_string()),
    };
    let checked = Checked {
        file: args.file.display().to_string(),
        valid: outcome.is_ok(),
        key,
        problem,
        verdict: outcome.ok(),
    };
    if checked.valid {
        context.printer.show(&checked);
        if key == "file" {
            context.printer.warn("the file names its own key; --public-key says whose it must be");
        }
    }
    match &checked.problem {
        None => Ok(Exit::Done),
        Some(problem) => refuse(&checked, problem, context),
    }
}

fn refuse(checked: &Checked, problem: &str, context: &Context) -> Result<Exit, Failure> {
    let (words, help) = if checked.valid {
        ("is not verified", "ask the service which steps: POST …/integration/integrations/zk/ID")
    } else {
        (
            "does not hold",
            "get it again from the service, and check the key: GET …/receipts/public-key",
        )
    };
    if context.printer.format() == Format::Json {
        if !checked.valid {
            context.printer.json(checked);
        }
        context.printer.note(format_args!("{} {problem}", paint(BAD, format!("{words}:"))));
        return Ok(Exit::Refused);
    }
    let message = format!("{} {words}: {problem}", checked.file);
    Err(Failure::Refused { message, help: help.to_owned() })
}

type Key = ed25519_dalek::VerifyingKey;

fn key_of(digits: &str) -> Result<Key, Failure> {
    signing::key_from_hex(digits).ok_or_else(|| Failure::Usage {
        message: "--public-key is no Ed25519 key".to_owned(),
        help: "give the 64 digits of `public_key_hex` in GET …/receipts/public-key".to_owned(),
    })
}

/// The outcome, and whose key it was checked with.
fn check(text: &str, given: Option<&Key>) -> (&'static str, Result<Verdict, Unproven>) {
    let whose = if given.is_some() { "given" } else { "file" };
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(_why) => return (whose, Err(Unproven::Malformed("document"))),
    };
    let key = given.copied().map_or_else(|| document::named_key(&document), Ok);
    (whose, key.and_then(|key| document::verify(&document, &key)))
}

fn read(file: &Path) -> Result<String, Failure> {
    let failed = |problem: &dyn fmt::Display| Failure::Other {
        message: format!("{} can't be read: {problem}", file.display()),
        help: "name a file with the answer of GET …/executions/ID/proof".to_owned(),
    };
    let opened = File::open(file).map_err(|problem| failed(&problem))?;
    let mut text = String::new();
    let read = opened.take(MOST_BYTES + 1).read_to_string(&mut text);
    let read = read.map_err(|problem| failed(&problem))?;
    if u64::try_from(read).is_ok_and(|read| read <= MOST_BYTES) {
        Ok(text)
    } else {
        Err(failed(&format_args!("it is larger than {MOST_BYTES} bytes")))
    }
}

impl Report for Checked {
    fn human(&self, page: &mut String) -> fmt::Result {
        let Some(verdict) = &self.verdict else { return Ok(()) };
        let genuine =
            if verdict.verified { paint(GOOD, "holds:") } else { paint(WARN, "genuine:") };
        writeln!(page, "{genuine} {}", self.file)?;
        writeln!(page, "  execution  {} ({})", verdict.execution_id, verdict.status)?;
        writeln!(page, "  signed by  {}", verdict.coordinator_id)?;
        if verdict.steps.is_empty() {
            writeln!(page, "  {}", paint(DIM, "no step asked for a proof"))?;
        }
        verdict.steps.iter().try_for_each(|step| step_line(page, step))
    }
}

fn step_line(page: &mut String, step: &StepVerdict) -> fmt::Result {
    let passed = if step.verified { paint(GOOD, "passed") } else { paint(WARN, "failed") };
    write!(
        page,
        "  step {}: {passed} at level {}, run by {}",
        step.step_id, step.level, step.executor
    )?;
    match step.proven.as_slice() {
        [] if step.shown => writeln!(page, "; its values are shown and are those committed to"),
        [] => writeln!(page, "; its values are not shown"),
        proven => writeln!(page, "; within limits without being shown: {}", proven.join(", ")),
    }
}
