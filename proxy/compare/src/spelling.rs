//! When two bodies that are compared as bytes or text are one JSON document, spelled in two ways.

use routes::admin::{DifferenceKind, Gap, Grade};
use serde_json::Value;

use super::findings::Sort;
use super::json::Document;

/// The sort of difference between two texts that are unequal: that of `kind`, or a cosmetic one if both are the same JSON
/// array, object or string.
pub(super) fn sort(kind: DifferenceKind, old: &[u8], new: &[u8]) -> Sort {
    let sort = Sort::from(kind);
    let is_structure = |text: &[u8]| {
        text.trim_ascii_start().first().is_some_and(|first| matches!(first, b'{' | b'[' | b'"'))
    };
    if !is_structure(old) || !is_structure(new) {
        return sort;
    }
    let (Ok(old_document), Ok(new_document)) = (Document::parse(old), Document::parse(new)) else {
        return sort;
    };
    if !old_document.is_same(&new_document) {
        return sort;
    }
    let sort = sort.graded(Grade::Cosmetic);
    let is_same_order = same_order(&old_document.root, &new_document.root);
    let is_escaped = old.contains(&b'\\') || new.contains(&b'\\');
    match (is_same_order, is_escaped) {
        (false, _) => sort.gap(Gap::KeyOrder),
        (true, true) => sort.gap(Gap::Escapes),
        // Blanks, or another spelling of the same double.
        (true, false) => sort,
    }
}

/// Whether two equal values have their members in the same order.
fn same_order(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Array(old), Value::Array(new)) => {
            old.iter().zip(new).all(|(old, new)| same_order(old, new))
        }
        (Value::Object(old), Value::Object(new)) => old
            .iter()
            .zip(new)
            .all(|((old_name, old), (new_name, new))| old_name == new_name && same_order(old, new)),
        _ => true,
    }
}
