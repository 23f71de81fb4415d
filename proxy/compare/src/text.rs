//! Compares texts line by line.

use std::cmp::Ordering;

use routes::admin::DifferenceKind;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::difference::Findings;
use super::opaque;

/// Lines between the common beginning and end that are aligned; aligning takes time by the square of this, so longer
/// stretches are one difference.
const MAX_ALIGNED: usize = 400;

/// Records how two unequal texts differ; bytes that are no UTF-8 are compared as such.
pub(super) fn compare_texts(old: &[u8], new: &[u8], findings: &mut Findings) {
    let (Ok(old), Ok(new)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else {
        return opaque::compare_bytes(old, new, findings);
    };
    let old: Vec<&str> = old.split('\n').collect();
    let new: Vec<&str> = new.split('\n').collect();
    let before = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let ends = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let after = ends.min(old.len().min(new.len()) - before);
    let old = old.get(before..old.len() - after).unwrap_or_default();
    let new = new.get(before..new.len() - after).unwrap_or_default();
    for (old_range, new_range) in changed(old, new) {
        let line = before + old_range.start + 1;
        let kind = match (old_range.is_empty(), new_range.is_empty()) {
            (true, _) => DifferenceKind::Extra,
            (_, true) => DifferenceKind::Missing,
            _ => DifferenceKind::Value,
        };
        let show = |lines: &[&str], range| shown(lines.get::<std::ops::Range<usize>>(range));
        let (old, new) = (show(old, old_range), show(new, new_range));
        findings.add_plain(kind, "body lines", &format!("body line {line}"), &old, &new);
    }
}

type Lines = std::ops::Range<usize>;

/// Stretches of lines that differ.
fn changed(old: &[&str], new: &[&str]) -> Vec<(Lines, Lines)> {
    if old.len() > MAX_ALIGNED || new.len() > MAX_ALIGNED {
        return vec![(0..old.len(), 0..new.len())];
    }
    // Aligning prefers one side where several alignments are as short; ordering the sides first keeps the outcome
    // the same whichever is called old.
    let is_swapped = old.cmp(new) == Ordering::Greater;
    let (first, second) = if is_swapped { (new, old) } else { (old, new) };
    capture_diff_slices(Algorithm::Myers, first, second)
        .into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| {
            let (first, second) = (op.old_range(), op.new_range());
            if is_swapped { (second, first) } else { (first, second) }
        })
        .collect()
}

/// The first few lines of a stretch; an excerpt is cut to less anyway.
fn shown(lines: Option<&[&str]>) -> String {
    lines.unwrap_or_default().iter().take(16).copied().collect::<Vec<_>>().join("\n")
}
