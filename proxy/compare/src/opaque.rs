//! Compares bodies that nobody can read, by length and hash.

use routes::admin::DifferenceKind;
use xxhash_rust::xxh3::xxh3_128;

use super::difference::Findings;

/// Records how two unequal bodies differ.
pub(super) fn compare_bytes(old: &[u8], new: &[u8], findings: &mut Findings) {
    let kind = if old.len() == new.len() { DifferenceKind::Value } else { DifferenceKind::Length };
    let show = |body: &[u8]| format!("{} bytes, xxh3 {:032x}", body.len(), xxh3_128(body));
    findings.add_plain(kind, "body", "body", &show(old), &show(new));
}
