//! What was checked and how it came out, in the order in which it was done.

pub(crate) mod junit;
pub(crate) mod page;

use std::fmt::{self, Display};
use std::time::Instant;

use serde::Serialize;

use crate::output::Progress;

/// How a check came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// As it should be.
    Passed {
        /// What was found.
        found: String,
    },
    /// Otherwise.
    Failed {
        /// What was found.
        found: String,
        /// What to do.
        help: String,
    },
    /// It could not be looked at, or need not.
    NotLookedAt {
        /// Why.
        found: String,
    },
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) found: String,
    pub(crate) help: String,
}

impl Wrong {
    pub(crate) fn new(found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { found: found.into(), help: help.into() }
    }
}

/// One thing that was checked.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    /// What it belongs to: a way in, or a concern.
    pub(crate) group: String,
    /// What should be so.
    pub(crate) what: String,
    /// How it came out.
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    /// In milliseconds.
    pub(crate) took_ms: u64,
}

/// How many came out how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) not_looked_at: usize,
}

impl Tally {
    /// Of these.
    pub(crate) fn of(checks: &[Check]) -> Self {
        let count =
            |is: fn(&Outcome) -> bool| checks.iter().filter(|check| is(&check.outcome)).count();
        Self {
            passed: count(|outcome| matches!(outcome, Outcome::Passed { .. })),
            failed: count(|outcome| matches!(outcome, Outcome::Failed { .. })),
            not_looked_at: count(|outcome| matches!(outcome, Outcome::NotLookedAt { .. })),
        }
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, not_looked_at } = self;
        write!(f, "{passed} passed, {failed} failed, {not_looked_at} not looked at")
    }
}

/// Every check so far.
pub(crate) struct Checks {
    group: String,
    progress: Progress,
    all: Vec<Check>,
}

impl Checks {
    /// None so far.
    pub(crate) fn new(progress: Progress) -> Self {
        Self { group: String::new(), progress, all: Vec::new() }
    }

    /// What is checked from here on belongs to this.
    pub(crate) fn group(&mut self, name: impl Into<String>) {
        self.group = name.into();
    }

    /// Checks one thing; what was found where it is as it should be.
    pub(crate) async fn check<T>(
        &mut self,
        what: impl Display,
        ask: impl Future<Output = Result<(T, String), Wrong>>,
    ) -> Option<T> {
        self.progress.say(format_args!("{}: {what}", self.group));
        let began = Instant::now();
        let (value, outcome) = match ask.await {
            Ok((value, found)) => (Some(value), Outcome::Passed { found }),
            Err(Wrong { found, help }) => (None, Outcome::Failed { found, help }),
        };
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.push(what, outcome, took_ms);
        value
    }

    /// The same of something that needs no waiting.
    pub(crate) fn settle(&mut self, what: impl Display, found: Result<String, Wrong>) {
        let outcome = match found {
            Ok(found) => Outcome::Passed { found },
            Err(Wrong { found, help }) => Outcome::Failed { found, help },
        };
        self.push(what, outcome, 0);
    }

    /// Says that something is not looked at.
    pub(crate) fn skip(&mut self, what: impl Display, why: impl Into<String>) {
        self.push(what, Outcome::NotLookedAt { found: why.into() }, 0);
    }

    fn push(&mut self, what: impl Display, outcome: Outcome, took_ms: u64) {
        let (group, what) = (self.group.clone(), what.to_string());
        self.all.push(Check { group, what, outcome, took_ms });
    }

    /// All of them; the progress line goes.
    pub(crate) fn end(self) -> Vec<Check> {
        self.all
    }
}
