//! Compares status and headers.

use http::{HeaderMap, header};
use routes::admin::DifferenceKind;

use super::difference::Findings;
use super::excerpt::Shown;
use super::media::{self, BodyKind};
use super::secret::{MASK, is_secret_name};
use super::{Answer, json};

/// Records two statuses that differ, each with the beginning of a JSON body: an error's text is what one looks for.
pub(super) fn record_statuses(
    old: (&Answer<'_>, &[u8]),
    new: (&Answer<'_>, &[u8]),
    findings: &mut Findings,
) {
    let (old, new) = (status_line(old), status_line(new));
    findings.add_plain(DifferenceKind::Status, "status", "status", &old, &new);
}

fn status_line((answer, body): (&Answer<'_>, &[u8])) -> String {
    let status = answer.status.as_str();
    match json::Document::parse(body) {
        Ok(document) if BodyKind::of(answer.headers) == BodyKind::Json => {
            format!("{status} {}", Shown::Json(&document.root).excerpt())
        }
        _ => status.to_owned(),
    }
}

/// Compares `content-type` and the configured headers (lower case).
pub(super) fn compare_headers(
    old: &HeaderMap,
    new: &HeaderMap,
    configured: &[String],
    findings: &mut Findings,
) {
    let content_type = header::CONTENT_TYPE.as_str();
    compare_header(content_type, old, new, findings);
    for name in configured.iter().filter(|name| *name != content_type) {
        compare_header(name, old, new, findings);
    }
}

fn compare_header(name: &str, old: &HeaderMap, new: &HeaderMap, findings: &mut Findings) {
    let (old, new) = (joined(name, old), joined(name, new));
    if old == new {
        return;
    }
    let show = |value: Option<String>| match value {
        None => String::new(),
        Some(_) if is_secret_name(name) => MASK.to_owned(),
        Some(value) => value,
    };
    findings.add_plain(DifferenceKind::Header, name, name, &show(old), &show(new));
}

/// All values of a header as one; a list in one line and the same list in several mean the same.
fn joined(name: &str, headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Vec<_> =
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned()).collect();
    if values.is_empty() {
        return None;
    }
    let joined = values.join(", ");
    Some(if name == header::CONTENT_TYPE.as_str() { media::normalised(&joined) } else { joined })
}
