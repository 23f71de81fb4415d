//! The list of settings: the names that environment and file know, each with its meaning.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable. In the file the same in lower case.
    pub name: &'static str,
    /// The default, as `--help` shows it.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
}

const fn setting(name: &'static str, default: &'static str, about: &'static str) -> Setting {
    Setting { name, default, about }
}

/// Every setting. The first eleven are the monolith's own, so that one `.env` serves both.
pub const SETTINGS: &[Setting] = &[
    setting("APP_ENV", "dev", "dev: any key is taken, loopback only; production: listed keys only"),
    setting("APP_HOST", "127.0.0.1", "address to listen on"),
    setting("APP_PORT", "8012", "port to listen on; 0 takes a free one"),
    setting(
        "DATABASE_URL",
        "(required)",
        "sqlite:////abs/path.db, sqlite:///relative.db, sqlite://path, postgresql://user@host/database",
    ),
    setting("ADMIN_API_KEYS", "(none)", "JSON list or comma-separated; required in production"),
    setting("CLIENT_API_KEYS", "(none)", "the same, for the endpoints of clients"),
    setting("MINER_API_KEYS", "(none)", "checked for its form; this service has no miner endpoint"),
    setting(
        "ALLOW_ORIGINS",
        "(the monolith's)",
        "web pages whose scripts may ask: JSON list or comma-separated; * for all",
    ),
    setting("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING, ERROR, or a tracing filter"),
    setting("LOG_FORMAT", "json", "json or text"),
    setting("RECEIPT_SIGNING_KEY_HEX", "(none)", "Ed25519 key that signs receipts, 64 hex digits"),
    setting(
        "RECEIPT_KEY_FILE",
        "<database>.receipt-key",
        "file with that key, made 0600 when missing",
    ),
    setting("COMPATIBILITY", "monolith", "whose manner answers follow: monolith, or off"),
    setting(
        "BUILD_LABEL",
        "(none)",
        "added to the build id, so that other settings start evidence anew as another build does",
    ),
    setting("REQUEST_TIMEOUT_SECONDS", "30", "time for one request"),
    setting("DRAIN_TIMEOUT_SECONDS", "10", "time for what is under way once told to stop"),
    setting("MAX_CONNECTIONS", "1024", "connections held open at once"),
    setting(
        "SLOW_CLIENT_TIMEOUT_SECONDS",
        "30",
        "how long a client may take nothing of what waits for it, then it is cut off",
    ),
    setting("EXECUTION_WORKERS", "8", "executions worked on at once"),
    setting("EXECUTION_LEASE_SECONDS", "10", "how long a silent worker keeps its executions"),
    setting("EXECUTOR", "simulated", "what runs steps: simulated, or openai (inference steps)"),
    setting("OPENAI_BASE_URL", "https://api.openai.com/v1", "server of chat completions"),
    setting("OPENAI_API_KEY", "(none)", "its key; never sent without TLS but to loopback"),
    setting("OPENAI_MODEL", "(none)", "model of steps that name none; required with openai"),
    setting("OPENAI_STREAM", "true", "whether answers are asked for piece by piece"),
    setting("OPENAI_TIMEOUT_SECONDS", "60", "time for one call"),
    setting("OPENAI_RETRIES", "3", "repetitions after 429, 5xx and failed connections"),
    setting("OPENAI_MAX_OUTPUT_TOKENS", "1024", "most tokens of one answer"),
    setting(
        "OPENAI_TOKEN_LIMIT_FIELD",
        "auto",
        "what that is called in requests: max_tokens, max_completion_tokens, or auto",
    ),
    setting("OPENAI_INPUT_PRICE", "0", "price of a million tokens sent, a decimal number"),
    setting("OPENAI_OUTPUT_PRICE", "0", "price of a million tokens received"),
    setting("LEARNING_TIMEOUT_SECONDS", "600", "time for one training"),
    setting("ORCHESTRATION_MAX_PLANS", "10", "plans that one owner may have under way"),
    setting(
        "ORCHESTRATION_ASSIGNMENT_TIMEOUT_SECONDS",
        "300",
        "time for an agent to begin what it was assigned",
    ),
    setting("ORCHESTRATION_MONITORING_SECONDS", "30", "time between two looks at plans"),
    setting("ORCHESTRATION_RETRY_LIMIT", "3", "how often a sub-task may be retried"),
    setting("PORTFOLIO_PRICE_MAX_AGE_SECONDS", "3600", "how long the price of a token counts"),
    setting(
        "COMMUNICATION_KEY_HEX",
        "(from the receipt key)",
        "key from which the one for contents of messages is derived, 64 hex digits",
    ),
    setting(
        "REPUTATION_SOURCE",
        "trust-scores",
        "who knows reputations of agents: trust-scores, fixed:POINTS, or none",
    ),
    setting("EVENT_STREAMS_MAX", "256", "event streams open at once"),
    setting("EVENT_STREAM_SECONDS", "300", "how long an event stream lasts"),
    setting(
        "UNIT_MANAGER",
        "systemd",
        "who runs deployed instances: systemd, directory:/path (files only), or none",
    ),
    setting("UNIT_DIRECTORY", "/etc/systemd/system", "where systemd's unit files are written"),
    setting(
        "UNIT_TEMPLATE",
        "(built in)",
        "file with the text of units; {instance_id} and {port} are filled in",
    ),
    setting("UNIT_START_TIMEOUT_SECONDS", "20", "how long a started unit may take to be active"),
    setting(
        "AITBC_ALERT_WEBHOOK_URL",
        "(none)",
        "where alerts are posted as JSON; without it they are logged",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "(none)",
        "collector of OpenTelemetry traces (OTLP over HTTP) that is told of each request",
    ),
    setting(
        "TLS_CA_FILE",
        "(none)",
        "PEM file of authorities that are trusted besides the system's",
    ),
    setting(
        "SCHEMA_SNAPSHOT",
        "(none)",
        "what `migrate schema snapshot` wrote; /health/schema tells where the shared tables differ from it",
    ),
    setting("REHEARSAL_LOCK_TIMEOUT_MS", "50", "how long a rehearsed write waits for a lock"),
    setting(
        "REHEARSAL_TRANSACTION_TIMEOUT_MS",
        "25",
        "how long a rehearsed write may keep others waiting; no more than the former",
    ),
    setting(
        "DATABASE_IS_CLONE",
        "false",
        "true: the database is this service's own clone, so what mirrored reads write lasts",
    ),
];

/// Whether a value must never be shown.
pub fn is_secret(name: &str) -> bool {
    name.ends_with("_API_KEYS")
        || name.ends_with("_API_KEY")
        || matches!(
            name,
            "RECEIPT_SIGNING_KEY_HEX" | "COMMUNICATION_KEY_HEX" | "AITBC_ALERT_WEBHOOK_URL"
        )
}

/// The settings as a table for `--help`.
pub fn help() -> String {
    let mut text =
        "Settings (environment, or the same names in lower case in the file):\n".to_owned();
    for Setting { name, default, about } in SETTINGS {
        text.push_str("  ");
        text.push_str(name);
        text.push_str("\n          ");
        text.push_str(about);
        text.push_str(" [default: ");
        text.push_str(default);
        text.push_str("]\n");
    }
    text
}
