//! Checks as a page for people: what was found, and what to do.

use std::fmt::{self, Write as _};

use super::{Check, Outcome};
use crate::style::{BAD, DIM, GOOD, STRONG, WARN, paint};

/// Writes them, group by group.
pub(crate) fn human(checks: &[Check], page: &mut String) -> fmt::Result {
    let mut group = "";
    for check in checks {
        if check.group != group {
            group = &check.group;
            writeln!(page, "{}", paint(STRONG, group))?;
        }
        line(page, check)?;
    }
    Ok(())
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
