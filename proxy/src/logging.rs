//! Where log lines go, and the report of a failed start.

use std::io::Write as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{Config, LogFormat};

/// Starts the log. Lines of pingora, which speaks `log`, come along.
pub(crate) fn start(config: &Config) {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(&config.log);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process keeps the first log.
    let _started = match config.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}

/// Writes why the program could not start, once and in full.
pub(crate) fn report(report: &miette::Report) {
    let _closed_output = writeln!(std::io::stderr(), "{report:?}");
}
