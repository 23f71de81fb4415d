//! Flags and environment, read once.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::handover::{self, Launch, Stage};
use crate::headers::trusted::Network;

/// Shape of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

/// The proxy in front of the old and the new backend of a migration.
#[derive(Debug, Parser)]
#[command(name = "strangler-proxy", version, long_version = stamp::VERSION)]
pub(crate) struct Config {
    /// The route table: a file, a file with `[table]` that names a database, or `postgres://USER@HOST/NAME[?table=NAME]`. A
    /// change takes effect at once
    #[arg(
        long,
        value_name = "FILE|URL",
        env = "STRANGLER_ROUTES",
        hide_env_values = true,
        default_value = "routes.toml"
    )]
    pub(crate) routes: PathBuf,

    /// Where a copy of a table in a database is kept, to start from while that is down; default: beside the file that names
    /// the database
    #[arg(long, value_name = "FILE", env = "STRANGLER_ROUTES_COPY")]
    pub(crate) routes_copy: Option<PathBuf>,

    /// Address for clients instead of the table's `listen.http`; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", env = "STRANGLER_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,

    /// Address of the admin interface instead of the table's `listen.admin`
    #[arg(long, value_name = "ADDRESS", env = "STRANGLER_ADMIN")]
    pub(crate) admin: Option<SocketAddr>,

    /// Token for the admin interface; needed where it is not on loopback
    #[arg(long, value_name = "TOKEN", env = "STRANGLER_ADMIN_TOKEN", hide_env_values = true)]
    pub(crate) admin_token: Option<String>,

    /// File that holds the token for the admin interface
    #[arg(
        long,
        value_name = "FILE",
        env = "STRANGLER_ADMIN_TOKEN_FILE",
        conflicts_with = "admin_token"
    )]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// Networks whose `X-Forwarded-*` headers are believed: proxies in front of this one
    #[arg(long, value_name = "CIDR,…", env = "STRANGLER_TRUSTED_PROXIES", value_delimiter = ',')]
    pub(crate) trusted_proxies: Vec<Network>,

    /// Speak HTTP/2 without TLS as well, to clients that begin with it
    #[arg(long, env = "STRANGLER_H2C")]
    pub(crate) h2c: bool,

    /// Threads for requests; default: one for each core
    #[arg(long, value_name = "N", env = "STRANGLER_THREADS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,

    /// Shape of the log, which goes to standard error
    #[arg(long, value_name = "FORMAT", env = "STRANGLER_LOG_FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// What to log; `info,access=off` leaves out the line for each request
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info,pingora=warn")]
    pub(crate) log: String,

    /// Collector of OpenTelemetry traces (OTLP over HTTP) that is told of each request; the other `OTEL_…` variables count as well
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true)]
    pub(crate) traces: Option<traces::Endpoint>,

    /// Check the route table, say what is wrong with it, and exit
    #[arg(long)]
    pub(crate) check: bool,

    /// Set by a running proxy for the one that is to take over from it
    #[arg(long, hide = true, env = handover::VARIABLE)]
    pub(crate) take_over: Option<Stage>,

    /// How this process was started.
    #[arg(skip)]
    pub(crate) launch: Launch,

    /// Standard input is a terminal, which may be closed.
    #[arg(skip)]
    pub(crate) is_in_terminal: bool,
}

/// Arguments that make no configuration, or a request for help.
#[derive(Debug)]
pub(crate) struct Usage(clap::Error);

impl Usage {
    /// Prints it where it belongs. Help is no failure.
    pub(crate) fn report(self) -> ExitCode {
        let _closed_output = self.0.print();
        match self.0.exit_code() {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::from(2),
        }
    }
}

impl Config {
    /// From the process's arguments and environment.
    pub(crate) fn from_process() -> Result<Self, Usage> {
        let mut config = Self::try_parse().map_err(Usage)?;
        config.launch = Launch::new(std::env::args_os(), std::env::current_exe().ok());
        config.is_in_terminal = std::io::stdin().is_terminal();
        Ok(config)
    }

    /// Threads for requests.
    pub(crate) fn threads(&self) -> usize {
        match self.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Config::command().debug_assert();
    }

    #[test]
    fn lists_and_addresses_are_parsed() {
        let config = Config::try_parse_from([
            "strangler-proxy",
            "--trusted-proxies=10.0.0.0/8,::1",
            "--listen=127.0.0.1:0",
            "--threads=3",
        ])
        .unwrap();
        assert_eq!(config.trusted_proxies.len(), 2);
        assert_eq!(config.listen, Some("127.0.0.1:0".parse().unwrap()));
        assert_eq!(config.threads(), 3);
    }

    #[test]
    fn an_empty_address_of_a_collector_is_none() {
        let config = Config::try_parse_from(["strangler-proxy", "--traces="]).unwrap();
        assert_eq!(config.traces.as_ref().and_then(traces::Endpoint::address), None);
    }

    #[test]
    fn nonsense_names_itself() {
        for argument in ["--trusted-proxies=10.0.0.0/40", "--listen=8080", "--threads=0"] {
            let error = Config::try_parse_from(["strangler-proxy", argument]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(argument.split_once('=').unwrap().0), "{error}");
        }
    }
}
