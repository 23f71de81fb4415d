//! Another command, run for its result.

use clap::Parser as _;
use serde_json::Value;

use crate::cli::Cli;
use crate::commands;
use crate::context::Context;
use crate::exit_code::Exit;
use crate::output::{Format, Printer};

/// What it came to.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) exit: Exit,
    /// The document that it prints with `--output json`; of a failure, its report.
    pub(super) report: Value,
}

impl Measured {
    /// The one line of a failure.
    pub(super) fn failure(&self) -> String {
        self.text("/error/message").unwrap_or("it says nothing of why").replace('\n', " ")
    }

    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.report.pointer(pointer)?.as_str()
    }

    pub(super) fn list(&self, pointer: &str) -> &[Value] {
        self.report.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// Runs a command that only looks, with everything that this one was given.
pub(super) async fn measure(words: &[&str], context: &Context) -> Measured {
    let (printer, written) = Printer::to_memory(Format::Json);
    let context = Context {
        home: context.home.clone(),
        printer: printer.clone(),
        environment: context.environment.clone(),
        admin_token_file: context.admin_token_file.clone(),
        yes: false,
        dry_run: true,
    };
    let line = ["migrate"].iter().chain(words);
    let went = match Cli::try_parse_from(line) {
        // A command that is run by a command: the future would hold itself.
        Ok(cli) => Box::pin(commands::run(cli.command, &context)).await,
        Err(problem) => Err(crate::failure::Failure::Usage {
            message: problem.to_string(),
            help: "this is a defect of the program: please report it".to_owned(),
        }),
    };
    let exit = went.unwrap_or_else(|failure| {
        failure.report(&printer);
        failure.exit()
    });
    Measured { exit, report: serde_json::from_str(&written.out()).unwrap_or(Value::Null) }
}
