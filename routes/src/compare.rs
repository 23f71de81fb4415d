//! `compare.*`: what two answers may disagree in without it being a difference.

use serde_json_path::JsonPath;

use crate::admin::Gap;

/// The compare rules of one route, defaults applied.
///
/// But for `ignore`, no rule hides an added, removed or retyped field.
#[derive(Debug, Clone, Default)]
pub struct CompareRules {
    /// `compare.ignore`: places that are not compared at all.
    pub ignore: Vec<JsonPath>,
    /// `compare.timestamp`: equal when both sides parse as a time.
    pub timestamp: Vec<JsonPath>,
    /// `compare.identifier`: equal when both sides are identifiers of one shape (length, alphabet and punctuation).
    pub identifier: Vec<JsonPath>,
    /// `compare.number`: equal when both sides are numbers.
    pub number: Vec<JsonPath>,
    /// `compare.unordered`: arrays compared as sets keyed by a field (`""`: by the whole element).
    pub unordered: Vec<(JsonPath, String)>,
    /// `compare.tolerance`: largest relative difference of two numbers that count as equal. Default 0.
    pub tolerance: f64,
    /// `compare.headers`: response headers compared besides `content-type`, lower case. Default none.
    pub headers: Vec<String>,
    /// `compare.allow`: known gaps that count as equal. Default none.
    pub allow: Vec<Gap>,
}
