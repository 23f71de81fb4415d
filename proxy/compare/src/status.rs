//! Compares two statuses, and knows the ways in which frameworks answer the same question with different ones.

use http::{Method, StatusCode, header};
use routes::admin::{DifferenceKind as Kind, Gap};

use super::excerpt::View;
use super::findings::{Findings, Sort};
use super::headers::destination;
use super::json::Document;
use super::media::BodyKind;
use super::rules::Rules;
use super::{Answer, Question};

/// Records two statuses that differ, each with the beginning of a JSON body: an error's text is what one looks for.
pub(super) fn record(
    question: &Question<'_>,
    (old, old_body): (&Answer<'_>, &[u8]),
    (new, new_body): (&Answer<'_>, &[u8]),
    rules: &Rules,
    findings: &mut Findings<'_>,
) {
    let mut sort = Sort::from(Kind::Status);
    if let Some(gap) = gap(question, old, new) {
        sort = sort.gap(gap);
    }
    let (old, new) = (line(old, old_body, rules), line(new, new_body, rules));
    findings.add_plain(sort, ("status", "status"), &old, &new);
}

fn line(answer: &Answer<'_>, body: &[u8], rules: &Rules) -> String {
    let status = answer.status.as_str();
    if BodyKind::of(answer.headers) == BodyKind::Json
        && let Ok(document) = Document::parse(body)
    {
        let body = View::new(&document, &rules.masks).excerpt(&document.root);
        return format!("{status} {body}");
    }
    status.to_owned()
}

/// The known gap between two different statuses.
fn gap(question: &Question<'_>, old: &Answer<'_>, new: &Answer<'_>) -> Option<Gap> {
    let unknown = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
    let is_refused = |answer: &Answer<'_>| {
        unknown.contains(&answer.status) || answer.status == StatusCode::NOT_IMPLEMENTED
    };
    let is_slash = |answer: &Answer<'_>| is_slash_redirect(question, answer);
    if is_slash(old) != is_slash(new) {
        Some(Gap::TrailingSlash)
    } else if unknown.contains(&old.status) && unknown.contains(&new.status) {
        Some(Gap::NotFoundMethod)
    } else if matches!(*question.method, Method::HEAD | Method::OPTIONS)
        && is_refused(old) != is_refused(new)
    {
        Some(Gap::HeadOptions)
    } else {
        None
    }
}

/// Whether an answer sends the client to the same path with or without a slash at its end. A route may give each
/// backend a path of its own, so the last segment alone tells whether it is the same.
fn is_slash_redirect(question: &Question<'_>, answer: &Answer<'_>) -> bool {
    if ![301, 307, 308].contains(&answer.status.as_u16()) {
        return false;
    }
    let location = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(target) = location.map(|location| destination(question, location)) else {
        return false;
    };
    let path = |target: &str| target.split(['?', '#']).next().unwrap_or_default().to_owned();
    let (asked, target) = (path(question.path), path(&target));
    let last = |path: &str| path.trim_end_matches('/').rsplit('/').next().map(str::to_owned);
    target.starts_with('/')
        && asked.ends_with('/') != target.ends_with('/')
        && last(&asked) == last(&target)
}
