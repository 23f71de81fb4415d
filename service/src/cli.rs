//! The command line of `agent-service`: settings come from environment and file, so there is little to say.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::build::BUILD_ID;
use crate::config::{Config, Source, settings};
use crate::http::error::chain;
use crate::{server, telemetry};

/// The agent API, on the monolith's database.
#[derive(Debug, Parser)]
#[command(
    name = "agent-service",
    version = BUILD_ID,
    long_version = stamp::VERSION,
    after_help = settings::help()
)]
struct Args {
    /// Settings in TOML, for what the environment does not set
    #[arg(long, value_name = "FILE", env = "AGENT_SERVICE_CONFIG")]
    config: Option<PathBuf>,

    /// Check settings, database, keys and certificates, and stop
    #[arg(long)]
    check: bool,
}

/// Reads the command line and runs the service.
pub fn main_impl() -> ExitCode {
    let args = Args::parse();
    let source = Source::read(std::env::vars_os(), args.config.as_deref());
    match start(&source, args.check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if standard error is gone.
            let _unheard = writeln!(std::io::stderr(), "agent-service: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn start(source: &Source, check: bool) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::read(source)?;
    telemetry::start(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if check {
        runtime.block_on(server::check(config))?;
        writeln!(std::io::stdout(), "agent-service {BUILD_ID}: settings and database are good")?;
        return Ok(());
    }
    Ok(runtime.block_on(server::run(config))?)
}
