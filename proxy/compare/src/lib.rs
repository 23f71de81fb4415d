//! Compares two answers to the same request: pure, bounded, and the same whichever side is called old.
//!
//! Status first, then headers, then the body: decoded ([`decode`]), told apart by its media type ([`media`]) and
//! compared as JSON by structure ([`json`]), as text by line (`text`), or by length and hash (`opaque`).
//! What is found is a bounded list of [`Difference`]s, each with a grade and, where one explains it, a known gap between
//! two kinds of backend. [`Comparison::settle`] then takes out what the old backend shows against itself.

mod rules;
pub mod decode;
pub mod media;
pub mod secret;
mod mask;
pub mod excerpt;
mod path;
pub mod difference;
mod findings;
mod status;
mod headers;
pub mod json;
mod text;
mod opaque;
mod spelling;
mod settle;

use std::borrow::Cow;

use http::{HeaderMap, Method, StatusCode};
use routes::admin::DifferenceKind;

pub use decode::DecodeError;
pub use difference::{Comparison, Difference, Rule, RuleHit};
pub use rules::Rules;

use findings::Findings;
use media::BodyKind;

/// What both backends were asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Of the request.
    pub method: &'a Method,
    /// Path as the client sent it; a query is read over.
    pub path: &'a str,
    /// Host, with the port if it is not the usual one, that the client asked; `None` if unknown.
    pub host: Option<&'a str>,
}

/// One answer, complete.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Status code.
    pub status: StatusCode,
    /// Headers as received; those that matter are named by [`Rules::headers`].
    pub headers: &'a HeaderMap,
    /// The body as received, content codings not yet removed; empty for an answer to `HEAD`.
    pub body: &'a [u8],
}

/// Which of the two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The old backend's.
    Old,
    /// The new backend's.
    New,
}

/// Why two answers were not compared at all; nothing is ever half-compared.
#[derive(Debug, thiserror::Error)]
#[error("the {side:?} answer's body could not be decoded")]
pub struct NotCompared {
    /// The answer that could not be read.
    pub side: Side,
    /// What is wrong with it.
    #[source]
    pub source: DecodeError,
}

/// Compares two answers to a question. `max_decoded` bounds each body after its content codings are removed, in bytes.
///
/// Answers with different statuses speak of different things: the status is then the only difference reported.
///
/// # Errors
/// A body is larger than `max_decoded` once decoded, or can't be decoded.
pub fn compare(
    question: &Question<'_>,
    old: &Answer<'_>,
    new: &Answer<'_>,
    rules: &Rules,
    max_decoded: usize,
) -> Result<Comparison, NotCompared> {
    let mut findings = Findings::new(&rules.compare.allow);
    let old_body = decoded(question, old, Side::Old, max_decoded)?;
    let new_body = decoded(question, new, Side::New, max_decoded)?;
    if old.status == new.status {
        findings.are_errors = old.status.is_client_error() || old.status.is_server_error();
        headers::compare(question, old, new, rules, &mut findings);
        // Equal bytes need no reading, whatever they are.
        if old_body != new_body {
            let kinds = (BodyKind::of(old.headers), BodyKind::of(new.headers));
            compare_bodies((&old_body, &new_body), kinds, rules, &mut findings);
        }
    } else {
        status::record(question, (old, &old_body), (new, &new_body), rules, &mut findings);
    }
    Ok(findings.finish())
}

fn decoded<'a>(
    question: &Question<'_>,
    answer: &Answer<'a>,
    side: Side,
    max_decoded: usize,
) -> Result<Cow<'a, [u8]>, NotCompared> {
    // An answer to `HEAD` has no body, whatever follows its head.
    if question.method == Method::HEAD {
        return Ok(Cow::Borrowed(&[]));
    }
    decode::decode(answer.headers, answer.body, max_decoded)
        .map_err(|source| NotCompared { side, source })
}

fn compare_bodies<'r>(
    (old, new): (&[u8], &[u8]),
    (old_kind, new_kind): (BodyKind, BodyKind),
    rules: &'r Rules,
    findings: &mut Findings<'r>,
) {
    let note = |kind: BodyKind, body: &[u8]| format!("{kind}, {} bytes", body.len());
    let kind = match (old, new) {
        ([], _) => DifferenceKind::Extra,
        (_, []) => DifferenceKind::Missing,
        _ if old_kind != new_kind => DifferenceKind::Type,
        _ => {
            return match old_kind {
                BodyKind::Json => json::compare_texts(old, new, rules, findings),
                BodyKind::Text => text::compare_texts(old, new, findings),
                BodyKind::Opaque => opaque::compare_bytes(old, new, findings),
            };
        }
    };
    let show = |kind, body: &[u8]| if body.is_empty() { String::new() } else { note(kind, body) };
    let (old, new) = (show(old_kind, old), show(new_kind, new));
    findings.add_plain(kind, ("body", "body"), &old, &new);
}

// What tests share with the fuzzer, which is another crate, calls this one by its name.
#[cfg(test)]
extern crate self as compare;
#[cfg(test)]
mod tests;
