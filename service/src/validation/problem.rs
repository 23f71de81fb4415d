//! One thing that is wrong with a request, and the place where it stands.

use serde_json::{Value, json};

/// One entry of the list `details` in a 422 answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: `body.name`, `query.limit`, `body.dependencies.a.0`.
    pub field: String,
    /// What, for people.
    pub message: String,
    /// What, for programs.
    pub code: &'static str,
}

impl Problem {
    /// The form in which clients see it.
    pub fn to_json(&self) -> Value {
        json!({"field": self.field, "message": self.message, "code": self.code})
    }
}

/// Where in a request the check stands; grows by one part for each level.
#[derive(Debug, Clone)]
pub struct Place(String);

impl Place {
    /// The root of the body, the query or the path.
    pub fn root(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// One level deeper.
    #[must_use]
    pub fn within(&self, part: &str) -> Self {
        Self(format!("{}.{part}", self.0))
    }

    /// A problem here.
    pub fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem { field: self.0.clone(), message: message.into(), code }
    }
}
