//! Collects what two answers disagree in, bounded however much that is.

use std::collections::HashMap;

use routes::admin::{DifferenceKind, Gap, Grade};

use super::excerpt::{Shown, cut};
use super::path::Path;
use super::secret::MASK;

/// Most kinds of difference that one exchange is told apart into; what comes on top is only counted.
const MAX_DIFFERENCES: usize = 100;

/// Everything of one kind at one general path, with the first place as the example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What sort of difference.
    pub kind: DifferenceKind,
    /// General path (`$[*].tags`), header name, `status`, or `body`.
    pub path: String,
    /// Exact path of the example (`$[3].tags`).
    pub at: String,
    /// Places where this exchange shows it, at least 1.
    pub places: u64,
    /// Old side of the example, masked, at most 512 characters; empty where it has nothing.
    pub old: String,
    /// New side of the example, likewise.
    pub new: String,
    /// How bad it is for a client.
    pub grade: Grade,
    /// The known gap that explains it, if one does.
    pub gap: Option<Gap>,
}

/// The result of comparing two answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What differs, in the order in which it was found.
    pub differences: Vec<Difference>,
    /// What differs as well, but where the old backend differs from itself; see the control request.
    pub noise: Vec<Difference>,
    /// What each rule silenced, for those that silenced anything.
    pub rule_hits: Vec<RuleHit>,
    /// Places beyond the first hundred kinds of difference, not told apart.
    pub more: u64,
}

impl Comparison {
    /// Whether nothing differs, noise included.
    pub fn is_match(&self) -> bool {
        self.differences.is_empty() && self.noise.is_empty()
    }
}

/// What one rule silenced in one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleHit {
    /// Which one.
    pub rule: Rule,
    /// Places that differ but count as equal because of it.
    pub places: u64,
}

/// One of the [`CompareRules`](routes::compare::CompareRules), by its place among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// `compare.ignore`.
    Ignore(usize),
    /// `compare.timestamp`.
    Timestamp(usize),
    /// `compare.identifier`.
    Identifier(usize),
    /// `compare.number`.
    Number(usize),
    /// `compare.unordered`.
    Unordered(usize),
    /// `compare.tolerance`.
    Tolerance,
    /// `compare.allow`.
    Allow(Gap),
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    result: Comparison,
    /// Position in the result by kind and hash of the general path.
    known: HashMap<(DifferenceKind, u64), usize>,
}

impl Findings {
    pub(super) fn add(
        &mut self,
        kind: DifferenceKind,
        path: &Path<'_>,
        old: Shown<'_>,
        new: Shown<'_>,
    ) {
        let key = (kind, path.general_hash());
        if let Some(known) = self.known.get(&key) {
            if let Some(difference) = self.result.differences.get_mut(*known) {
                difference.places += 1;
            }
            return;
        }
        if self.is_full() {
            return;
        }
        self.known.insert(key, self.result.differences.len());
        let show = |shown: Shown<'_>| match shown {
            Shown::Absent => String::new(),
            _ if path.is_secret() => MASK.to_owned(),
            open => open.excerpt(),
        };
        self.result.differences.push(Difference {
            kind,
            path: path.general(),
            at: path.exact(),
            places: 1,
            old: show(old),
            new: show(new),
            grade: grade(kind),
            gap: None,
        });
    }

    /// A difference in members that a document repeats. They stand apart from the members that count, by `$..name`.
    pub(super) fn add_repeated(
        &mut self,
        kind: DifferenceKind,
        path: &Path<'_>,
        old: Shown<'_>,
        new: Shown<'_>,
    ) {
        let show = |shown: Shown<'_>| match shown {
            Shown::Absent => String::new(),
            _ if path.is_secret() => MASK.to_owned(),
            open => format!("repeated member, hidden value {}", open.excerpt()),
        };
        let place = path.exact().replacen('$', "$.", 1);
        self.add_plain(kind, &place, &place, &show(old), &show(new));
    }

    /// A difference outside of a JSON document. Its texts must hold no secret.
    pub(super) fn add_plain(
        &mut self,
        kind: DifferenceKind,
        path: &str,
        at: &str,
        old: &str,
        new: &str,
    ) {
        let known = self.result.differences.iter_mut();
        if let Some(known) =
            known.into_iter().find(|known| known.kind == kind && known.path == path)
        {
            known.places += 1;
        } else if !self.is_full() {
            self.result.differences.push(Difference {
                kind,
                path: path.to_owned(),
                at: at.to_owned(),
                places: 1,
                old: cut(old),
                new: cut(new),
                grade: grade(kind),
                gap: None,
            });
        }
    }

    fn is_full(&mut self) -> bool {
        let is_full = self.result.differences.len() >= MAX_DIFFERENCES;
        self.result.more += u64::from(is_full);
        is_full
    }

    pub(super) fn finish(self) -> Comparison {
        self.result
    }
}

/// The grade of a difference that no known gap explains.
const fn grade(kind: DifferenceKind) -> Grade {
    match kind {
        DifferenceKind::Status | DifferenceKind::Missing | DifferenceKind::Type => Grade::Breaking,
        DifferenceKind::Extra => Grade::Additive,
        _ => Grade::Value,
    }
}
