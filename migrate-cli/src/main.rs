//! Starts and nothing else: everything lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    migrate_cli::main_impl()
}
