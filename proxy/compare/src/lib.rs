//! Compares two answers to the same request: pure, bounded, and the same whichever side is called old.
//!
//! Status first, then headers, then the body: decoded ([`decode`]), told apart by its media type ([`media`]) and
//! compared as JSON by structure ([`json`]), as text by line (`text`), or by length and hash (`opaque`).
//! What is found is a bounded list of [`Difference`]s.

pub mod decode;
pub mod media;
pub mod secret;
mod excerpt;
mod path;
pub mod difference;
mod head;
pub mod json;
mod text;
mod opaque;

use http::{HeaderMap, StatusCode};
use routes::compare::CompareRules;

pub use decode::DecodeError;
pub use difference::{Comparison, Difference, Rule, RuleHit};

use difference::Findings;
use media::BodyKind;

/// One answer, complete.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Status code.
    pub status: StatusCode,
    /// Headers as received; those that matter are `content-type`, `content-encoding` and the configured ones.
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

/// Compares two answers. `max_decoded` bounds each body after its content codings are removed, in bytes.
///
/// Answers with different statuses speak of different things: the status is then the only difference reported.
///
/// # Errors
/// A body is larger than `max_decoded` once decoded, or can't be decoded.
pub fn compare(
    old: &Answer<'_>,
    new: &Answer<'_>,
    rules: &CompareRules,
    max_decoded: usize,
) -> Result<Comparison, NotCompared> {
    let mut findings = Findings::default();
    let old_body = decoded(old, Side::Old, max_decoded)?;
    let new_body = decoded(new, Side::New, max_decoded)?;
    if old.status == new.status {
        head::compare_headers(old.headers, new.headers, &rules.headers, &mut findings);
        // Equal bytes need no reading, whatever they are.
        if old_body != new_body {
            let kinds = (BodyKind::of(old.headers), BodyKind::of(new.headers));
            compare_bodies((&old_body, &new_body), kinds, rules, &mut findings);
        }
    } else {
        head::record_statuses((old, &old_body), (new, &new_body), &mut findings);
    }
    Ok(findings.finish())
}

fn decoded<'a>(
    answer: &Answer<'a>,
    side: Side,
    max_decoded: usize,
) -> Result<std::borrow::Cow<'a, [u8]>, NotCompared> {
    decode::decode(answer.headers, answer.body, max_decoded)
        .map_err(|source| NotCompared { side, source })
}

fn compare_bodies(
    (old, new): (&[u8], &[u8]),
    (old_kind, new_kind): (BodyKind, BodyKind),
    rules: &CompareRules,
    findings: &mut Findings,
) {
    if old_kind != new_kind {
        let note = |kind: BodyKind, body: &[u8]| format!("{kind}, {} bytes", body.len());
        let (old, new) = (note(old_kind, old), note(new_kind, new));
        findings.add_plain(routes::admin::DifferenceKind::Type, "body", "body", &old, &new);
        return;
    }
    match old_kind {
        BodyKind::Json => json::compare_texts(old, new, rules, findings),
        BodyKind::Text => text::compare_texts(old, new, findings),
        BodyKind::Opaque => opaque::compare_bytes(old, new, findings),
    }
}

#[cfg(test)]
mod tests;
