//! Compares JSON documents by structure, as the compare rules say.
//!
//! A number is its value: integers are compared exactly, however long they are, and also against floats; what has a
//! fraction or an exponent is read as the nearest double, as most readers of JSON do. `1` and `1.0` are one value
//! and yet two types to some readers: a known gap. The order of members means nothing.

mod literal;
mod document;
mod marks;
mod scalar;
mod time;
mod shape;
mod digest;
mod walk;

use routes::admin::DifferenceKind;

use super::findings::Findings;
use super::rules::Rules;
use super::text;

pub use document::Document;

/// Records how two unequal JSON texts differ. Where only one of them is JSON that is the difference; where neither is,
/// they are compared as plain text.
pub(super) fn compare_texts<'r>(
    old: &[u8],
    new: &[u8],
    rules: &'r Rules,
    findings: &mut Findings<'r>,
) {
    let (old, new) = match (Document::parse(old), Document::parse(new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(_), Err(_)) => return text::compare_texts(old, new, findings),
        (old, new) => {
            let show = |side: Result<Document, _>| match side {
                Ok(document) => document.kind().to_owned(),
                Err(problem) => format!("invalid JSON: {problem}"),
            };
            let (old, new) = (show(old), show(new));
            return findings.add_plain(DifferenceKind::Type, ("$", "$"), &old, &new);
        }
    };
    walk::Walk::new(&old, &new, rules, findings).run();
    document::compare_repeated((&old, &new), rules, findings);
}
