//! Compares bodies that nobody can read, by length and hash.

use routes::admin::DifferenceKind;
use xxhash_rust::xxh3::xxh3_128;

use super::findings::Findings;
use super::spelling;

/// Records how two unequal bodies differ.
pub(super) fn compare_bytes(old: &[u8], new: &[u8], findings: &mut Findings<'_>) {
    let kind = if old.len() == new.len() { DifferenceKind::Value } else { DifferenceKind::Length };
    let show = |body: &[u8]| format!("{} bytes, xxh3 {:032x}", body.len(), xxh3_128(body));
    findings.add_plain(spelling::sort(kind, old, new), ("body", "body"), &show(old), &show(new));
}
