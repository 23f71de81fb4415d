//! What a run shows.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::checks::{Check, Outcome};
use super::leftovers::Leftover;
use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, STRONG, WARN, paint};

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(super) struct Verified {
    /// `good`, `bad` or `stopped`.
    pub(super) result: &'static str,
    pub(super) service: String,
    pub(super) proxy: String,
    pub(super) monolith: Option<String>,
    /// How the names begin of what this run has made.
    pub(super) mark: String,
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) not_looked_at: usize,
    pub(super) checks: Vec<Check>,
    /// Rows that the API leaves, as far as `--database` was given.
    pub(super) leftovers: Vec<Leftover>,
}

/// What `--dry-run` shows.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    /// `planned`.
    pub(super) result: &'static str,
    /// In order.
    pub(super) requests: Vec<String>,
}

impl Report for Planned {
    fn human(&self, page: &mut String) -> fmt::Result {
        writeln!(page, "{}", paint(STRONG, "would be asked:"))?;
        self.requests.iter().try_for_each(|request| writeln!(page, "  {request}"))
    }
}

impl Report for Verified {
    fn human(&self, page: &mut String) -> fmt::Result {
        let mut group = "";
        for check in &self.checks {
            if check.group != group {
                group = &check.group;
                writeln!(page, "{}", paint(STRONG, group))?;
            }
            line(page, check)?;
        }
        let word = match self.result {
            "good" => paint(GOOD, "good:"),
            "stopped" => paint(WARN, "stopped:"),
            _ => paint(BAD, "bad:"),
        };
        let (passed, failed, rest) = (self.passed, self.failed, self.not_looked_at);
        writeln!(page, "{word} {passed} passed, {failed} failed, {rest} not looked at")
    }
}

fn line(page: &mut String, check: &Check) -> fmt::Result {
    let what = &check.what;
    match &check.outcome {
        Outcome::Passed { found } => {
            writeln!(page, "  {} {what} {}", paint(GOOD, "✓"), paint(DIM, found))
        }
        Outcome::NotLookedAt { found } => {
            writeln!(page, "  {} {what}: {}", paint(WARN, "–"), paint(DIM, found))
        }
        Outcome::Failed { found, help } => {
            writeln!(page, "  {} {what}", paint(BAD, "✗"))?;
            for line in found.lines() {
                writeln!(page, "      {line}")?;
            }
            writeln!(page, "      {} {help}", paint(DIM, "what to do:"))
        }
    }
}
