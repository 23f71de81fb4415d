//! `/api/noise`: what the old backend shows against itself, and the rules that would silence it.

use serde::{Deserialize, Serialize};

use super::difference::DifferenceKind;

/// `GET /api/noise[?route=NAME]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoiseReport {
    /// By route, in order of the table.
    pub routes: Vec<RouteNoise>,
}

/// Noise of one route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteNoise {
    /// Name of the route.
    pub route: String,
    /// Every path that changed between two answers of the old backend, most volatile first.
    pub volatile: Vec<Volatility>,
    /// Rules that would silence what is noise. Proposals only: nothing is applied by itself.
    pub proposals: Vec<Proposal>,
    /// Rules in force that match nothing any more, or nearly everything.
    pub doubtful_rules: Vec<RuleUse>,
}

/// How often a path of an operation changes from one answer of the old backend to its next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Volatility {
    /// Operation.
    pub operation: String,
    /// Generalised JSON path, or header name.
    pub path: String,
    /// What sort of difference the old backend shows there against itself.
    pub kind: DifferenceKind,
    /// Control requests of the operation.
    pub controls: u64,
    /// Those where the path differed.
    pub changed: u64,
    /// Lower bound of the 95 % Wilson interval of `changed / controls`.
    pub lower: f64,
    /// Its upper bound.
    pub upper: f64,
    /// What the values look like.
    pub likely: Likely,
}

/// What a volatile value likely is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likely {
    /// A point in time.
    Time,
    /// An identifier made anew.
    Identifier,
    /// A number that only grows.
    Counter,
    /// The same elements in another order.
    Order,
    /// A number that differs in its last digits.
    FloatJitter,
    /// Something else.
    Unknown,
}

/// A rule that would silence noise. It never hides an added, removed or retyped field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Which `compare.*` setting.
    pub kind: ProposalKind,
    /// JSON path (RFC 9535) as it would be written; empty for `tolerance`.
    pub path: String,
    /// The value besides the path: key field of `unordered` (may be empty), number of `tolerance`; empty otherwise.
    pub value: String,
    /// Where it comes from: operation, counts and interval, in one line.
    pub origin: String,
    /// Mismatches so far that the rule would have silenced.
    pub would_silence: u64,
}

/// Which `compare.*` setting a proposal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalKind {
    /// `compare.timestamp`.
    Timestamp,
    /// `compare.identifier`.
    Identifier,
    /// `compare.number`.
    Number,
    /// `compare.unordered`.
    Unordered,
    /// `compare.tolerance`.
    Tolerance,
}

impl ProposalKind {
    /// The key under `compare`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timestamp => "timestamp",
            Self::Identifier => "identifier",
            Self::Number => "number",
            Self::Unordered => "unordered",
            Self::Tolerance => "tolerance",
        }
    }
}

/// How much a rule in force does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleUse {
    /// As in the table: `compare.ignore "$.id"`.
    pub rule: String,
    /// Exchanges that were compared with it.
    pub compared: u64,
    /// Exchanges where it silenced something.
    pub used: u64,
    /// Places that it silenced, over all places of those answers, 0..=1.
    pub breadth: f64,
    /// What is doubtful, in words: dead, or over-broad, and what to do.
    pub advice: String,
}
