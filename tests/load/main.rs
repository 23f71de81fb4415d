//! `make bench`: the proxy beside a bare pingora, nginx and HAProxy, and the service beside the Python stand-in, in runs of
//! interleaved rounds.
//!
//! One binary plays every part that is ours (`run` starts the others as child processes), so that what is compared was
//! compiled with the same flags. Everything listens on loopback, is bounded in time, and is stopped at the end.

mod backend;
mod bare_pingora;
mod process;
mod subjects;
mod wrk;
mod paced;
mod pair;
mod shadow;
mod memory;
mod services;
mod report;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::backend::Manner;
use crate::report::{PacedFigures, Saturation};
use crate::subjects::{Bench, Subject};

/// Compares the proxy with bare pingora, nginx and HAProxy on this machine.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Start everything, measure in interleaved rounds, print the tables.
    Run(RunArgs),
    /// The backend that everything proxies to: the same JSON for every request.
    Backend {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
        /// How to answer.
        #[arg(long, value_enum, default_value_t = Manner::Fast)]
        manner: Manner,
        /// Take only CPU that nobody else wants, as if on a machine of its own.
        #[arg(long)]
        idle: bool,
    },
    /// Show that the shadow can't be felt: mirroring off and on, whatever the new backend does, beside nginx.
    Shadow(shadow::ShadowArgs),
    /// Show that memory is bounded: full load with a new backend that hangs.
    Memory(memory::MemoryArgs),
    /// The agent service beside the Python stand-in for the monolith.
    Services(services::ServicesArgs),
    /// The smallest pingora proxy there can be: the yardstick.
    BarePingora {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
        /// Where to send everything.
        #[arg(long)]
        upstream: SocketAddr,
    },
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    /// Rounds; in each, every subject is measured once.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load for each subject in each round.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Keep-alive connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// The proxy's binary; default: beside this one.
    #[arg(long)]
    proxy: Option<PathBuf>,
    /// The route table that the proxy runs with; targets and ports are replaced.
    #[arg(long, default_value = "routes.toml")]
    routes: PathBuf,
}

/// What can stop a benchmark, in words for the terminal.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let outcome = match Cli::parse().part {
        Part::Backend { listen, manner, idle } => backend::serve(listen, manner, idle),
        Part::Shadow(args) => shadow::run(&args),
        Part::Memory(args) => memory::run(&args),
        Part::Services(args) => services::run(&args),
        Part::BarePingora { listen, upstream } => bare_pingora::serve(listen, upstream),
        Part::Run(args) => run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report::failure(failure.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn run(args: &RunArgs) -> Result<(), Failure> {
    let bench = Bench::start(args.proxy.clone(), &args.routes)?;
    report::heading(args.rounds, args.seconds, args.connections);

    let mut saturation = Saturation::default();
    for round in 1..=args.rounds {
        report::progress("saturation", round, args.rounds);
        for subject in Subject::ALL {
            let before = bench.cpu_seconds(subject)?;
            let load = wrk::run(&bench.url(subject), args.connections, args.seconds)?;
            let cpu = bench.cpu_seconds(subject)? - before;
            saturation.add(subject, &load, cpu);
        }
    }
    report::saturation(&saturation);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let length = Duration::from_secs(args.seconds.max(2));
    let url = bench.url(Subject::Proxy);
    let most = runtime.block_on(paced::run(&url, paced::SATURATING, 16, length))?.rate;
    for (share, part) in [("a quarter", 4.0), ("half", 2.0)] {
        let mut paced = PacedFigures::default();
        for round in 1..=args.rounds {
            report::progress(share, round, args.rounds);
            for subject in [Subject::Proxy, Subject::ProxyMirroring] {
                let url = bench.url(subject);
                paced.add(subject, runtime.block_on(paced::run(&url, most / part, 16, length))?);
            }
        }
        report::paced(share, most / part, &paced);
    }
    report::shared_cores(most);
    Ok(())
}
