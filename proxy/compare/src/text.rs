//! Compares texts line by line.

use std::cmp::Ordering;
use std::collections::HashMap;

use routes::admin::DifferenceKind;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::findings::{Findings, Sort};
use super::opaque;
use super::spelling;

/// Lines between the common beginning and end that are aligned; aligning takes time by the square of this, so longer
/// stretches are one difference.
const MAX_ALIGNED: usize = 400;

/// Records how two unequal texts differ; bytes that are no UTF-8 are compared as such.
pub(super) fn compare_texts(old: &[u8], new: &[u8], findings: &mut Findings<'_>) {
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
        let (old, new) = (lines(old, old_range), lines(new, new_range));
        let sort = match (old, new) {
            ([], _) => DifferenceKind::Extra.into(),
            (_, []) => DifferenceKind::Missing.into(),
            _ => changed_lines(old, new),
        };
        let at = format!("body line {line}");
        findings.add_plain(sort, ("body lines", &at), &shown(old), &shown(new));
    }
}

type Lines = std::ops::Range<usize>;

fn lines<'t, 's>(text: &'s [&'t str], range: Lines) -> &'s [&'t str] {
    text.get(range).unwrap_or_default()
}

/// Each line may be a JSON document of its own, or all of them one.
fn changed_lines(old: &[&str], new: &[&str]) -> Sort {
    spelling::sort(DifferenceKind::Value, old.join("\n").as_bytes(), new.join("\n").as_bytes())
}

/// Stretches of lines that differ.
fn changed(old: &[&str], new: &[&str]) -> Vec<(Lines, Lines)> {
    if old.len() > MAX_ALIGNED || new.len() > MAX_ALIGNED {
        return vec![(0..old.len(), 0..new.len())];
    }
    // Aligning prefers one side where several alignments are as short; ordering the sides first keeps the outcome
    // the same whichever is called old.
    let is_swapped = old.cmp(new) == Ordering::Greater;
    let (first, second) = if is_swapped { (new, old) } else { (old, new) };
    // Numbers instead of lines: a line is then read once, however often it is compared.
    let mut known = HashMap::new();
    let mut number = |line| {
        let next = known.len();
        *known.entry(line).or_insert(next)
    };
    let first: Vec<usize> = first.iter().map(&mut number).collect();
    let second: Vec<usize> = second.iter().map(&mut number).collect();
    capture_diff_slices(Algorithm::Myers, &first, &second)
        .into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| {
            let (first, second) = (op.old_range(), op.new_range());
            if is_swapped { (second, first) } else { (first, second) }
        })
        .collect()
}

/// The first few lines of a stretch; an excerpt is cut to less anyway.
fn shown(lines: &[&str]) -> String {
    lines.iter().take(16).copied().collect::<Vec<_>>().join("\n")
}
