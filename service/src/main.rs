//! Starts and nothing else: everything lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::main_impl()
}
