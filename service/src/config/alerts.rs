//! Who is told from outside: where alerts are posted, and where traces go.

use url::Url;

use super::Secret;
use super::source::{Problem, Source};

/// Reads and checks the address. A text that is none is not shown: a secret may be part of it.
pub(super) fn webhook(source: &Source, problems: &mut Vec<Problem>) -> Option<Secret> {
    const NAME: &str = "AITBC_ALERT_WEBHOOK_URL";
    let text = source.get(NAME)?;
    let is_address = Url::parse(text)
        .is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    if !is_address {
        problems.push(source.secret_problem(NAME, "is no http:// or https:// URL"));
    }
    is_address.then(|| Secret::new(text))
}

/// Reads and checks the address of the collector of traces. It may hold a password, so it is not shown.
pub(super) fn collector(source: &Source, problems: &mut Vec<Problem>) -> Option<traces::Address> {
    const NAME: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let read = source.get(NAME)?.parse();
    read.map_err(|error: traces::AddressError| {
        problems.push(source.secret_problem(NAME, &error.to_string()));
    })
    .ok()
}
