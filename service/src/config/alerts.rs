//! Where alerts are posted.

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
