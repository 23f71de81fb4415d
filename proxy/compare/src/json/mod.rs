//! Compares JSON documents by structure, as the compare rules say.
//!
//! A number is its value: `1`, `1.0` and `1e0` are equal, and integers are compared exactly over the whole range of
//! 64 bits, also against floats. Numbers outside of it are read as the nearest double, as most readers of
//! JSON do, so two integers past 2^64 that fall on one double count as equal. The order of members means nothing.

mod document;
mod marks;
mod scalar;
mod digest;
mod walk;

use routes::admin::DifferenceKind;
use routes::compare::CompareRules;

use super::difference::Findings;
use super::text;
use marks::Marks;

pub use document::Document;

/// Records how two unequal JSON texts differ. Where only one of them is JSON that is the difference; where neither is,
/// they are compared as plain text.
pub(super) fn compare_texts(old: &[u8], new: &[u8], rules: &CompareRules, findings: &mut Findings) {
    let (old, new) = match (Document::parse(old), Document::parse(new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(_), Err(_)) => return text::compare_texts(old, new, findings),
        (old, new) => {
            let show = |side: Result<Document, _>| match side {
                Ok(document) => document.kind().to_owned(),
                Err(problem) => format!("invalid JSON: {problem}"),
            };
            let (old, new) = (show(old), show(new));
            return findings.add_plain(DifferenceKind::Type, "$", "$", &old, &new);
        }
    };
    let (old_marks, new_marks) = (Marks::new(&old.root, rules), Marks::new(&new.root, rules));
    walk::Walk::new(old_marks, new_marks, rules, findings).run(&old.root, &new.root);
    document::compare_repeated(&old, &new, findings);
}
