//! `compare.*`: what two answers may disagree in without it being a difference.

use serde_json_path::JsonPath;

/// The compare rules of one route, defaults applied.
#[derive(Debug, Clone, Default)]
pub struct CompareRules {
    /// `compare.ignore`: places that are not compared at all.
    pub ignore: Vec<JsonPath>,
    /// `compare.timestamp`: equal when both sides parse as a time.
    pub timestamp: Vec<JsonPath>,
    /// `compare.unordered`: arrays compared as sets keyed by a field (`""`: by the whole element).
    pub unordered: Vec<(JsonPath, String)>,
    /// `compare.tolerance`: largest relative difference of two numbers that count as equal. Default 0.
    pub tolerance: f64,
    /// `compare.headers`: response headers compared besides `content-type`, lower case. Default none.
    pub headers: Vec<String>,
}
