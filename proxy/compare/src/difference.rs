//! What comparing two answers shows.

use routes::admin::{DifferenceKind, Gap, Grade};

/// Everything of one kind at one general path, with one place as the example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What sort of difference.
    pub kind: DifferenceKind,
    /// General path (`$[*].tags`), header name, `status`, `body` or `body lines`.
    pub path: String,
    /// Exact path of the example (`$[3].tags`).
    pub at: String,
    /// Places where this exchange shows it, at least 1.
    pub places: u64,
    /// Old side of the example, masked, at most 512 characters; empty where it has nothing.
    pub old: String,
    /// New side of the example, likewise.
    pub new: String,
    /// How bad it is for a client; of several places the worst.
    pub grade: Grade,
    /// The known gap that explains the places of this grade, if one explains all of them.
    pub gap: Option<Gap>,
}

/// The result of comparing two answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What differs, in the order in which it was found; kind and path together are unique.
    pub differences: Vec<Difference>,
    /// What differs as well, but where the old backend differs from itself; see [`settle`](Self::settle).
    pub noise: Vec<Difference>,
    /// What each rule silenced, for those that silenced anything.
    pub rule_hits: Vec<RuleHit>,
    /// Places beyond the first hundred kinds of difference, not told apart.
    pub more: u64,
    /// Places that were compared: values that hold no others, on either side. 0 where the bodies were equal bytes or no JSON.
    pub places: u64,
    /// Values visited and digested: what comparing JSON costs, in proportion to the bodies whatever they hold.
    pub steps: u64,
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
