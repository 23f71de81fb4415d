//! Collects what two answers disagree in, bounded however much that is.

use std::collections::HashMap;

use routes::admin::{DifferenceKind as Kind, Gap, Grade};
use xxhash_rust::xxh3::xxh3_64;

use super::difference::{Comparison, Difference, Rule, RuleHit};
use super::excerpt;
use super::path::Path;
use super::secret::MASK;

/// Most kinds of difference that one exchange is told apart into; what comes on top is only counted.
const MAX_DIFFERENCES: usize = 100;

/// What sort of difference was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sort {
    pub(super) kind: Kind,
    pub(super) grade: Grade,
    /// The known gaps that explain it together.
    gaps: [Option<Gap>; 2],
}

impl From<Kind> for Sort {
    fn from(kind: Kind) -> Self {
        let grade = match kind {
            Kind::Status | Kind::Missing | Kind::Type => Grade::Breaking,
            Kind::Extra => Grade::Additive,
            _ => Grade::Value,
        };
        Self { kind, grade, gaps: [None; 2] }
    }
}

impl Sort {
    pub(super) const fn graded(mut self, grade: Grade) -> Self {
        self.grade = grade;
        self
    }

    pub(super) const fn explained(mut self, gaps: [Option<Gap>; 2]) -> Self {
        self.gaps = gaps;
        self
    }

    pub(super) const fn gap(self, gap: Gap) -> Self {
        self.explained([Some(gap), None])
    }
}

/// A place as it is reported.
struct Example {
    path: String,
    at: String,
    old: String,
    new: String,
}

#[derive(Debug)]
pub(super) struct Findings<'r> {
    result: Comparison,
    /// Position in the result by kind and hash of the general path.
    known: HashMap<(Kind, u64), usize>,
    allowed: &'r [Gap],
    /// Both answers are errors, so that another shape of the body is a known gap.
    pub(super) are_errors: bool,
}

impl<'r> Findings<'r> {
    pub(super) fn new(allowed: &'r [Gap]) -> Self {
        let (result, known) = (Comparison::default(), HashMap::new());
        Self { result, known, allowed, are_errors: false }
    }

    /// A difference at a place of two JSON documents. `show` gives both sides' excerpts, without the secrets that only
    /// the path tells; an absent side is empty.
    pub(super) fn add(
        &mut self,
        sort: impl Into<Sort>,
        path: &Path<'_>,
        show: impl FnOnce() -> (String, String),
    ) {
        self.record(sort.into(), path.general_hash(), || {
            let (mut old, mut new) = show();
            for side in [&mut old, &mut new] {
                if path.is_secret() && !side.is_empty() {
                    MASK.clone_into(side);
                }
            }
            Example { path: path.general(), at: path.exact(), old, new }
        });
    }

    /// A difference elsewhere. The texts are cut, and masked as text.
    pub(super) fn add_plain(
        &mut self,
        sort: impl Into<Sort>,
        (path, at): (&str, &str),
        old: &str,
        new: &str,
    ) {
        self.record(sort.into(), xxh3_64(path.as_bytes()), || Example {
            path: path.to_owned(),
            at: at.to_owned(),
            old: excerpt::text(old),
            new: excerpt::text(new),
        });
    }

    /// A difference that a rule silenced.
    pub(super) fn silenced(&mut self, rule: Rule) {
        match self.result.rule_hits.iter_mut().find(|hit| hit.rule == rule) {
            Some(hit) => hit.places += 1,
            None => self.result.rule_hits.push(RuleHit { rule, places: 1 }),
        }
    }

    /// A place that was compared, whatever came of it.
    pub(super) fn compared(&mut self) {
        self.result.places += 1;
    }

    pub(super) fn took(&mut self, steps: u64) {
        self.result.steps += steps;
    }

    fn record(&mut self, mut sort: Sort, path: u64, render: impl FnOnce() -> Example) {
        if self.are_errors && matches!(sort.kind, Kind::Missing | Kind::Extra | Kind::Type) {
            sort = sort.gap(Gap::ErrorBody);
        }
        let mut gaps = sort.gaps.into_iter().flatten();
        let gap = gaps.find(|gap| !self.allowed.contains(gap));
        if gap.is_none() && sort.gaps != [None; 2] {
            return sort.gaps.into_iter().flatten().for_each(|gap| self.silenced(Rule::Allow(gap)));
        }
        let key = (sort.kind, path);
        let known = self.known.get(&key).and_then(|at| self.result.differences.get_mut(*at));
        if let Some(known) = known {
            known.places += 1;
            if sort.grade < known.grade {
                let Example { at, old, new, .. } = render();
                let places = known.places;
                let path = std::mem::take(&mut known.path);
                let (kind, grade) = (sort.kind, sort.grade);
                *known = Difference { kind, path, at, places, old, new, grade, gap };
            } else if sort.grade == known.grade && gap != known.gap {
                known.gap = None;
            }
        } else if self.result.differences.len() >= MAX_DIFFERENCES {
            self.result.more += 1;
        } else {
            self.known.insert(key, self.result.differences.len());
            let Example { path, at, old, new } = render();
            let (kind, grade) = (sort.kind, sort.grade);
            let found = Difference { kind, path, at, places: 1, old, new, grade, gap };
            self.result.differences.push(found);
        }
    }

    pub(super) fn finish(self) -> Comparison {
        self.result
    }
}
