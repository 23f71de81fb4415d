//! What a run shows.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::leftovers::Leftover;
use crate::checks::{Check, Tally, page};
use crate::output::Report;
use crate::style::{BAD, GOOD, STRONG, WARN, paint};

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
    #[serde(flatten)]
    pub(super) tally: Tally,
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
    fn human(&self, out: &mut String) -> fmt::Result {
        page::human(&self.checks, out)?;
        let word = match self.result {
            "good" => paint(GOOD, "good:"),
            "stopped" => paint(WARN, "stopped:"),
            _ => paint(BAD, "bad:"),
        };
        writeln!(out, "{word} {}", self.tally)
    }
}
