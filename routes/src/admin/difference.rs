//! Differences: their kinds, grades, known causes and examples.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// All differences of one kind at one generalised path of one operation, for one pair of statuses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DifferenceGroup {
    /// Stable short hash of operation, statuses, kind and path.
    pub fingerprint: String,
    /// What sort of difference.
    pub kind: DifferenceKind,
    /// How bad it is for a client.
    pub grade: Grade,
    /// The known gap between two kinds of backend that explains it, if one does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gap: Option<Gap>,
    /// Generalised JSON path (`$[*].tags`), header name, `status`, `body`, or table and column (`ai_agent_workflows.name`) for
    /// a difference between rows.
    pub path: String,
    /// How often as a mismatch.
    pub count: u64,
    /// How often besides where a control request showed it as noise.
    pub inconclusive: u64,
    /// First seen.
    pub first_seen: DateTime<Utc>,
    /// Last seen.
    pub last_seen: DateTime<Utc>,
    /// Bounded, masked examples, newest first.
    pub examples: Vec<DifferenceExample>,
}

/// Kinds of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// Status codes differ.
    Status,
    /// A compared header differs.
    Header,
    /// The old answer has it, the new one does not.
    Missing,
    /// The new answer has it, the old one does not.
    Extra,
    /// Both have it, with different JSON types.
    Type,
    /// Both have it, with different values.
    Value,
    /// The same elements in another order.
    Order,
    /// Arrays (or undecoded bodies) of different length.
    Length,
    /// An identifier that the two sides gave to one thing does not pair with the one it paired with before.
    Pairing,
    /// A row of the database that one side wrote and the other did not, or not the same.
    Row,
}

/// How bad a difference is for a client, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// A client can break: another status, something removed, another type.
    Breaking,
    /// Another value of the same type.
    Value,
    /// Something more than before.
    Additive,
    /// The same to any sensible client: order of keys, spelling of a number, escapes.
    Cosmetic,
}

/// Known gaps between a Python and a Rust backend (or any two).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// `1` and `1.0`.
    IntegerFloat,
    /// A decimal as a number and as text.
    DecimalText,
    /// An integer past 2^53, exact on one side only.
    LargeInteger,
    /// `NaN` or `Infinity` and something that JSON has.
    NotANumber,
    /// `Z` and `+00:00` and none.
    TimeZone,
    /// `.000000` written and left out.
    Microseconds,
    /// `null` and missing.
    NullMissing,
    /// `\u00e9` and `é` (only where bytes are compared).
    Escapes,
    /// The same members in another order (only where bytes are compared).
    KeyOrder,
    /// Error bodies of different frameworks.
    ErrorBody,
    /// A redirect to or from the path with a slash at its end.
    TrailingSlash,
    /// `HEAD` or `OPTIONS` answered by one side only.
    HeadOptions,
    /// 404 and 405.
    NotFoundMethod,
}

impl Gap {
    /// Every gap.
    pub const ALL: [Self; 13] = [
        Self::IntegerFloat,
        Self::DecimalText,
        Self::LargeInteger,
        Self::NotANumber,
        Self::TimeZone,
        Self::Microseconds,
        Self::NullMissing,
        Self::Escapes,
        Self::KeyOrder,
        Self::ErrorBody,
        Self::TrailingSlash,
        Self::HeadOptions,
        Self::NotFoundMethod,
    ];

    /// The word of `compare.allow`, reports and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IntegerFloat => "integer-float",
            Self::DecimalText => "decimal-text",
            Self::LargeInteger => "large-integer",
            Self::NotANumber => "not-a-number",
            Self::TimeZone => "time-zone",
            Self::Microseconds => "microseconds",
            Self::NullMissing => "null-missing",
            Self::Escapes => "escapes",
            Self::KeyOrder => "key-order",
            Self::ErrorBody => "error-body",
            Self::TrailingSlash => "trailing-slash",
            Self::HeadOptions => "head-options",
            Self::NotFoundMethod => "not-found-method",
        }
    }
}

/// One exchange that showed a difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DifferenceExample {
    /// When.
    pub seen_at: DateTime<Utc>,
    /// `GET /path?query` with secrets masked.
    pub request: String,
    /// Request id of the primary's exchange.
    pub request_id: String,
    /// Status of the old backend's answer.
    pub old_status: u16,
    /// Status of the new backend's answer.
    pub new_status: u16,
    /// Exact JSON path of the difference (`$[3].tags`).
    pub at: String,
    /// What the old backend's answer has there, cut to 512 characters.
    pub old: String,
    /// What the new backend's answer has there, cut to 512 characters.
    pub new: String,
    /// The old backend's whole answer as text, masked and cut; absent where it is not text or was not kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub old_body: Option<String>,
    /// The new backend's, likewise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub new_body: Option<String>,
}
