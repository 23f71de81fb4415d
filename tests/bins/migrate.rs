//! `migrate`, built by the test package so that tests run what was just compiled.

fn main() -> std::process::ExitCode {
    migrate_cli::main_impl()
}
