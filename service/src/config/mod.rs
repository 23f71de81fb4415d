//! Everything that can be set: read once at start, from the environment and an optional file, and checked.

pub mod source;
pub mod settings;
pub mod database;
pub mod keys;
pub mod units;
pub mod orchestration;
pub mod origins;
pub mod communication;
pub mod alerts;
pub mod openai;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use communication::CommunicationSettings;
pub use keys::{ApiKeys, Secret};
pub use openai::ExecutorChoice;
pub use origins::Origins;
pub use source::{Problem, Source};
pub use units::UnitSettings;

use crate::build::BuildId;
use crate::compatibility::Compatibility;
use crate::logic::orchestration::Rules;
use crate::store::open::{Location, Place};
use crate::store::rehearsal::Limits;

/// The checked configuration of one process.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who may call.
    pub mode: Mode,
    /// The address to listen on.
    pub host: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// The database shared with the monolith.
    pub database: Location,
    /// The keys that open the endpoints of administrators.
    pub admin_keys: ApiKeys,
    /// The keys that open the endpoints of clients.
    pub client_keys: ApiKeys,
    /// The web pages whose scripts may ask.
    pub origins: Origins,
    /// Whose manner answers follow.
    pub compatibility: Compatibility,
    /// The build that this process says it is.
    pub build_id: BuildId,
    /// What is logged: a level, or a filter of `tracing`.
    pub log_level: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// The key that signs receipts.
    pub receipt_key: ReceiptKey,
    /// The time for one request.
    pub request_timeout: Duration,
    /// The time for what is under way to end once the process is told to stop.
    pub drain_timeout: Duration,
    /// The connections held open at once.
    pub max_connections: usize,
    /// How long a client may take nothing of what waits for it.
    pub slow_client_timeout: Duration,
    /// The executions worked on at once.
    pub execution_workers: usize,
    /// How long a worker that has fallen silent keeps its executions.
    pub execution_lease: Duration,
    /// The database is a clone of the shared one that nobody else writes: mirrored reads are real there.
    pub database_is_clone: bool,
    /// The time for one training.
    pub learning_timeout: Duration,
    /// How plans of several agents are watched.
    pub orchestration: Rules,
    /// How long the price of a token counts.
    pub price_lifetime: Duration,
    /// How agents write to each other.
    pub communication: CommunicationSettings,
    /// Who runs deployed instances.
    pub units: UnitSettings,
    /// Where alerts are posted; none: they are logged. A secret may be part of it.
    pub alert_webhook: Option<Secret>,
    /// The collector of traces that is told of each request.
    pub traces: Option<traces::Address>,
    /// A file of certificates of authorities that are trusted besides the system's.
    pub tls_ca_file: Option<PathBuf>,
    /// A snapshot of the tables that nothing shared may differ from.
    pub schema_snapshot: Option<PathBuf>,
    /// What runs steps.
    pub executor: ExecutorChoice,
}

/// `APP_ENV`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Any key is taken, and names its user; only on loopback.
    Dev,
    /// Keys must be listed.
    Production,
}

/// `LOG_FORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Where the key that signs receipts comes from.
#[derive(Debug, Clone)]
pub enum ReceiptKey {
    /// `RECEIPT_SIGNING_KEY_HEX`: the 32 bytes themselves.
    Given(Secret),
    /// A file that is made, readable by its owner alone, when it is not there.
    File(PathBuf),
}

/// The configuration does not hold; every problem is listed.
#[derive(Debug, thiserror::Error)]
#[error("the configuration does not hold{}", listed(.0))]
pub struct ConfigError(pub Vec<Problem>);

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    format!("\n  - {}", lines.join("\n  - "))
}

impl Config {
    /// Reads and checks every setting. All problems are reported at once.
    pub fn read(source: &Source) -> Result<Self, ConfigError> {
        let mut problems = source.unknown();
        let config = Self::collect(source, &mut problems);
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError(problems)),
        }
    }

    fn collect(source: &Source, problems: &mut Vec<Problem>) -> Option<Self> {
        let mode = source.parse("APP_ENV", "dev", mode, problems);
        let host = source.parse("APP_HOST", "127.0.0.1", host, problems);
        if let (Some(Mode::Dev), Some(host)) = (mode, &host)
            && !is_loopback(host)
        {
            problems.push(source.problem(
                "APP_HOST",
                "is not loopback, and with APP_ENV=dev every key is taken; listen on 127.0.0.1, \
                 or set APP_ENV=production and ADMIN_API_KEYS",
            ));
        }
        let mut database = source.required("DATABASE_URL", database::location, problems);
        let keys = keys::read(source, mode, problems);
        let receipt_key = receipt_key(source, database.as_ref(), problems);
        let seconds = |text: &str| whole(text, 1, 86_400).map(Duration::from_secs);
        let port = source.parse("APP_PORT", "8012", port, problems);
        let origins = source.parse("ALLOW_ORIGINS", origins::DEFAULT, Origins::parse, problems);
        let compatibility =
            source.parse("COMPATIBILITY", "monolith", Compatibility::parse, problems);
        let build_id = source.parse("BUILD_LABEL", "", BuildId::labelled, problems);
        let log_level = source.parse("LOG_LEVEL", "INFO", log_level, problems);
        let log_format = source.parse("LOG_FORMAT", "json", log_format, problems);
        let request_timeout = source.parse("REQUEST_TIMEOUT_SECONDS", "30", seconds, problems);
        let drain_timeout = source.parse("DRAIN_TIMEOUT_SECONDS", "10", seconds, problems);
        let max_connections = source.parse("MAX_CONNECTIONS", "1024", count, problems);
        let slow_client_timeout =
            source.parse("SLOW_CLIENT_TIMEOUT_SECONDS", "30", seconds, problems);
        let execution_workers = source.parse("EXECUTION_WORKERS", "8", count, problems);
        let execution_lease = source.parse("EXECUTION_LEASE_SECONDS", "10", lease, problems);
        let database_is_clone = source.parse("DATABASE_IS_CLONE", "false", yes_or_no, problems);
        let learning_timeout = source.parse("LEARNING_TIMEOUT_SECONDS", "600", seconds, problems);
        let orchestration = orchestration::read(source, problems);
        let price_lifetime =
            source.parse("PORTFOLIO_PRICE_MAX_AGE_SECONDS", "3600", price_lifetime, problems);
        let communication = communication::read(source, problems);
        let units = units::read(source, problems);
        let alert_webhook = alerts::webhook(source, problems);
        let traces = alerts::collector(source, problems);
        let tls_ca_file = source.get("TLS_CA_FILE").map(PathBuf::from);
        let schema_snapshot = source.get("SCHEMA_SNAPSHOT").map(PathBuf::from);
        let executor = openai::read(source, problems);
        let rehearsal = rehearsal(source, problems);
        if let (Some(database), Some(limits)) = (&mut database, rehearsal) {
            database.rehearsal = limits;
        }
        Some(Self {
            port: port?,
            origins: origins?,
            compatibility: compatibility?,
            build_id: build_id?,
            log_level: log_level?,
            log_format: log_format?,
            request_timeout: request_timeout?,
            drain_timeout: drain_timeout?,
            max_connections: max_connections?,
            slow_client_timeout: slow_client_timeout?,
            execution_workers: execution_workers?,
            execution_lease: execution_lease?,
            database_is_clone: database_is_clone?,
            learning_timeout: learning_timeout?,
            orchestration: orchestration?,
            price_lifetime: price_lifetime?,
            communication: communication?,
            units: units?,
            alert_webhook,
            traces,
            tls_ca_file,
            schema_snapshot,
            executor: executor?,
            mode: mode?,
            host: host?,
            database: database?,
            admin_keys: keys.admin,
            client_keys: keys.client,
            receipt_key: receipt_key?,
        })
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "dev" => Ok(Mode::Dev),
        "production" => Ok(Mode::Production),
        _ => Err("is neither dev nor production".to_owned()),
    }
}

fn host(text: &str) -> Result<String, String> {
    let plausible = !text.is_empty()
        && (text.parse::<IpAddr>().is_ok()
            || text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-'));
    if plausible { Ok(text.to_owned()) } else { Err("is no address or host name".to_owned()) }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_why| "is no port; give a number from 0 to 65535".to_owned())
}

fn count(text: &str) -> Result<usize, String> {
    let number = whole(text, 1, 65_536)?;
    usize::try_from(number).map_err(|_why| "is too large".to_owned())
}

/// A lease must outlive the busy time-out, or a worker that waits for a lock loses its run.
fn lease(text: &str) -> Result<Duration, String> {
    whole(text, 6, 3600).map(Duration::from_secs)
}

/// A month at most.
fn price_lifetime(text: &str) -> Result<Duration, String> {
    whole(text, 1, 31 * 86_400).map(Duration::from_secs)
}

/// Whoever asks for a rehearsal counts on nobody waiting longer for it than it waits for others.
fn rehearsal(source: &Source, problems: &mut Vec<Problem>) -> Option<Limits> {
    const TRANSACTION: &str = "REHEARSAL_TRANSACTION_TIMEOUT_MS";
    let millis = |text: &str| whole(text, 1, 1000).map(Duration::from_millis);
    let lock = source.parse("REHEARSAL_LOCK_TIMEOUT_MS", "50", millis, problems)?;
    let transaction = source.parse(TRANSACTION, "25", millis, problems)?;
    if transaction > lock {
        problems.push(source.problem(TRANSACTION, "is more than REHEARSAL_LOCK_TIMEOUT_MS"));
    }
    Some(Limits { lock, transaction })
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_why| "is neither true nor false".to_owned())
}

fn whole(text: &str, least: u64, most: u64) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("is no whole number from {least} to {most}"))
}

/// Python's level names and `tracing` filters alike.
fn log_level(text: &str) -> Result<String, String> {
    let filter = match text.to_ascii_uppercase().as_str() {
        "WARNING" => "warn".to_owned(),
        "CRITICAL" => "error".to_owned(),
        _ => text.to_owned(),
    };
    match filter.parse::<tracing_subscriber::EnvFilter>() {
        Ok(_) if !filter.is_empty() => Ok(filter),
        _ => Err("is no level; use DEBUG, INFO, WARNING or ERROR".to_owned()),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err("is neither json nor text".to_owned()),
    }
}

fn receipt_key(
    source: &Source,
    database: Option<&Location>,
    problems: &mut Vec<Problem>,
) -> Option<ReceiptKey> {
    if let Some(hex) = source.get("RECEIPT_SIGNING_KEY_HEX") {
        let whole = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        if !whole {
            let text = "is no Ed25519 key; give 64 hexadecimal digits";
            problems.push(source.secret_problem("RECEIPT_SIGNING_KEY_HEX", text));
            return None;
        }
        return Some(ReceiptKey::Given(Secret::new(hex)));
    }
    if let Some(path) = source.get("RECEIPT_KEY_FILE") {
        return Some(ReceiptKey::File(PathBuf::from(path)));
    }
    // Processes that share the database find the same key beside it.
    let Place::File { path, .. } = &database?.place else {
        let text = "and RECEIPT_KEY_FILE are not set; a server has no folder to keep the key in, and every process \
                    that shares the database has to have the same";
        problems.push(source.secret_problem("RECEIPT_SIGNING_KEY_HEX", text));
        return None;
    };
    let mut name = path.clone().into_os_string();
    name.push(".receipt-key");
    Some(ReceiptKey::File(PathBuf::from(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Config, String> {
        Config::read(&Source::of(settings)).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_suit_a_developer() {
        let config = read(&[("DATABASE_URL", "sqlite:////tmp/c.db")]).unwrap();
        assert_eq!(
            (config.mode, config.host.as_str(), config.port),
            (Mode::Dev, "127.0.0.1", 8012)
        );
        assert!(
            matches!(config.receipt_key, ReceiptKey::File(p) if p.ends_with("c.db.receipt-key"))
        );
    }

    #[test]
    fn every_problem_names_its_variable_and_value() {
        insta::assert_snapshot!(
            read(&[
                ("APP_ENV", "staging"),
                ("APP_PORT", "http"),
                ("COMPATIBILITY", "neither"),
                ("LOG_FORMAT", "xml"),
                ("DATABASE_IS_CLONE", "maybe"),
                ("EXECUTION_LEASE_SECONDS", "2"),
                ("RECEIPT_SIGNING_KEY_HEX", "abc"),
            ])
            .unwrap_err(), @r#"
        the configuration does not hold
          - APP_ENV="staging" is neither dev nor production
          - DATABASE_URL is not set
          - RECEIPT_SIGNING_KEY_HEX is no Ed25519 key; give 64 hexadecimal digits
          - APP_PORT="http" is no port; give a number from 0 to 65535
          - COMPATIBILITY="neither" is neither monolith nor off
          - LOG_FORMAT="xml" is neither json nor text
          - EXECUTION_LEASE_SECONDS="2" is no whole number from 6 to 3600
          - DATABASE_IS_CLONE="maybe" is neither true nor false
        "#
        );
    }

    #[test]
    fn dev_listens_on_loopback_only() {
        let db = ("DATABASE_URL", "sqlite:////tmp/c.db");
        assert!(read(&[db, ("APP_HOST", "0.0.0.0")]).unwrap_err().contains("APP_HOST=\"0.0.0.0\""));
        assert!(read(&[db, ("APP_HOST", "::1")]).is_ok());
        let keys = ("ADMIN_API_KEYS", "sixteen-characters-at-least");
        assert!(read(&[db, keys, ("APP_HOST", "0.0.0.0"), ("APP_ENV", "production")]).is_ok());
    }
}
