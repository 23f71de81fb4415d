//! Compares `content-type`, where a redirect goes, and the configured headers, each by what it means.

use http::{HeaderMap, header};
use routes::admin::{DifferenceKind as Kind, Gap, Grade};
use url::Url;

use super::excerpt;
use super::findings::{Findings, Sort};
use super::media::{self, BodyKind};
use super::rules::Rules;
use super::secret::{MASK, is_secret_header};
use super::{Answer, Question};

/// Headers that hold a set of words: neither order nor case means anything.
const SETS: [&str; 6] = [
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-expose-headers",
    "allow",
    "cache-control",
    "vary",
];

/// Records the headers in which two answers of one status differ.
pub(super) fn compare(
    question: &Question<'_>,
    old: &Answer<'_>,
    new: &Answer<'_>,
    rules: &Rules,
    findings: &mut Findings<'_>,
) {
    let content_type = header::CONTENT_TYPE.as_str();
    let location = Some(header::LOCATION.as_str()).filter(|_| old.status.is_redirection());
    let is_default = |name: &&String| *name != content_type && Some(name.as_str()) != location;
    let configured = rules.compare.headers.iter().filter(is_default).map(String::as_str);
    for name in [content_type].into_iter().chain(location).chain(configured) {
        let (old_value, new_value) =
            (meaning(name, old.headers, question), meaning(name, new.headers, question));
        if old_value == new_value {
            continue;
        }
        let mut sort = Sort::from(Kind::Header);
        if new_value.is_none() {
            sort = sort.graded(Grade::Breaking);
        } else if old_value.is_none() {
            sort = sort.graded(Grade::Additive);
        }
        // Another framework's error has another media type.
        let kinds = [BodyKind::of(old.headers), BodyKind::of(new.headers)];
        if name == content_type && findings.are_errors && kinds[0] != kinds[1] {
            sort = sort.gap(Gap::ErrorBody);
        }
        let show = |value: Option<String>| match value {
            None => String::new(),
            // Cookies were masked by their meaning.
            Some(value) if name == "set-cookie" => value,
            Some(_) if is_secret_header(name) => MASK.to_owned(),
            Some(value) => excerpt::header(&value),
        };
        findings.add_plain(sort, (name, name), &show(old_value), &show(new_value));
    }
}

/// A header so that what means the same is the same text. A list in one line and the same list in several are one.
fn meaning(name: &str, headers: &HeaderMap, question: &Question<'_>) -> Option<String> {
    let values = headers.get_all(name).iter();
    let mut values: Vec<_> =
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned()).collect();
    if values.is_empty() {
        return None;
    }
    if name == header::SET_COOKIE.as_str() {
        values = values.iter().map(|value| cookie(value)).collect();
        values.sort();
    }
    let joined = values.join(", ");
    Some(match name {
        _ if name == header::CONTENT_TYPE.as_str() => media::normalised(&joined),
        _ if name == header::LOCATION.as_str() => destination(question, &joined),
        _ if SETS.contains(&name) => {
            let mut words: Vec<_> =
                joined.split(',').map(|word| word.trim().to_ascii_lowercase()).collect();
            words.sort();
            words.dedup();
            words.join(", ")
        }
        _ => joined,
    })
}

/// A cookie by name and attributes. Its value is a secret and made anew for each answer, as is the date at which it
/// expires: only whether there is one is compared.
fn cookie(value: &str) -> String {
    let mut parts = value.split(';').map(str::trim);
    let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).unwrap_or_default();
    let mut attributes: Vec<String> = parts
        .filter(|attribute| !attribute.is_empty())
        .map(|attribute| {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "expires" => "; expires".to_owned(),
                name @ ("path" | "max-age") => format!("; {name}={}", value.trim()),
                name if value.is_empty() => format!("; {name}"),
                name => format!("; {name}={}", value.trim().to_ascii_lowercase()),
            }
        })
        .collect();
    attributes.sort();
    let value = if value.is_empty() { "" } else { MASK };
    format!("{}={value}{}", name.trim(), attributes.concat())
}

/// Where a `location` leads: resolved against what was asked, without the origin where that is the host that was asked.
pub(super) fn destination(question: &Question<'_>, location: &str) -> String {
    // Not a name that can be registered, so no real one is taken for it.
    let host = question.host.unwrap_or("host.invalid");
    let Ok(asked) = Url::parse(&format!("http://{host}{}", question.path)) else {
        return location.to_owned();
    };
    let Ok(target) = asked.join(location) else { return location.to_owned() };
    // A proxy in front may speak TLS, so the scheme is not known here.
    let same_host = Url::parse(&format!("{}://{host}", target.scheme())).is_ok_and(|same| {
        same.host() == target.host()
            && same.port_or_known_default() == target.port_or_known_default()
    });
    if same_host && matches!(target.scheme(), "http" | "https") {
        target[url::Position::BeforePath..].to_owned()
    } else {
        target.into()
    }
}
