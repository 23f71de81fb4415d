//! What a route says about comparing, and what may not be shown of it.

use routes::compare::CompareRules;
use serde_json_path::JsonPath;

/// Headers that say how to read a body, and where a redirect goes.
const ALWAYS_READ: [&str; 3] = ["content-type", "content-encoding", "location"];

/// Compare rules and masks of one route, kept for as long as the table is.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub(super) compare: CompareRules,
    pub(super) masks: Vec<JsonPath>,
}

impl Rules {
    /// `masks` are places in JSON bodies whose values are compared but never shown.
    pub fn new(compare: CompareRules, masks: Vec<JsonPath>) -> Self {
        Self { compare, masks }
    }

    /// Names of the headers of an answer that comparing reads, lower case; all others may be left out of an
    /// [`Answer`](super::Answer). A name may come twice.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        let configured = self.compare.headers.iter().map(String::as_str);
        ALWAYS_READ.into_iter().chain(configured)
    }
}

impl From<CompareRules> for Rules {
    /// Without masks.
    fn from(compare: CompareRules) -> Self {
        Self::new(compare, Vec::new())
    }
}
