//! `migrate`: what the operator types to look at a migration, move it forward, and take it back.
//!
//! What was typed (`cli`) becomes values (`context`) that one file per subcommand works with (`commands`). Changes of the
//! table go through the crate `flip`, gate first; only `output` writes to the terminal.

mod config;
mod cli;
mod context;
mod commands;
mod deployment;
mod fronts;
mod checks;
mod asking;
mod installation;
mod whole_file;
mod signals;
mod recording;
mod source;
mod monolith;
mod client;
mod demo;
mod confirm;
mod diff;
mod grid;
mod style;
mod failure;
pub mod exit_code;
mod output;
#[cfg(test)]
mod testing;

use std::process::ExitCode;

use clap::Parser as _;

use cli::Cli;
use config::Environment;
use context::Context;
use exit_code::Exit;
use output::{Color, Format, Printer};

/// Runs the program with the process's arguments and environment.
pub fn main_impl() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(stop) => return explain(&stop).into(),
    };
    let printer = Printer::to_process(cli.global.output, cli.global.color, cli.global.verbose);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let exit = match runtime {
        Ok(runtime) => runtime.block_on(run(cli, &printer, Environment::read())),
        Err(problem) => {
            printer.note(format_args!("error: the runtime could not be started: {problem}"));
            Exit::Failed
        }
    };
    if printer.finish() { exit.into() } else { Exit::Failed.into() }
}

/// Runs one command and reports why it stopped, if it did.
async fn run(cli: Cli, printer: &Printer, environment: Environment) -> Exit {
    let done = match Context::new(&cli.global, printer.clone(), environment) {
        Ok(context) => commands::run(cli.command, &context).await,
        Err(failure) => Err(failure),
    };
    match done {
        Ok(exit) => exit,
        Err(failure) => {
            failure.report(printer);
            failure.exit()
        }
    }
}

/// Prints help, the version, or what is wrong with the command line.
fn explain(stop: &clap::Error) -> Exit {
    let printer = Printer::to_process(Format::Human, Color::Auto, false);
    let page = stop.render();
    let page = page.ansi().to_string();
    if stop.use_stderr() {
        printer.note(page.trim_end());
        Exit::Usage
    } else {
        printer.line(page.trim_end());
        Exit::Done
    }
}
