//! The gate as a table for people: condition, wanted, found, and what to do about each that is not met.

use std::fmt::{self, Write as _};

use comfy_table::Cell;
use flip::gate::{Condition, Verdict};
use routes::admin::Verdict as Word;

use crate::grid::{bad, good, grid, lines, plain, warn};
use crate::style::{DIM, paint};

/// Writes the table, and below it what to do.
pub(crate) fn human(gate: &Verdict, page: &mut String) -> fmt::Result {
    let mut table = grid(&["CONDITION", "WANTED", "FOUND", "VERDICT"]);
    for condition in &gate.conditions {
        table.add_row(vec![
            plain(&condition.what),
            plain(&condition.wanted),
            coloured(condition, &condition.found),
            coloured(condition, word(condition.verdict)),
        ]);
    }
    page.push_str(&lines(&table));
    for condition in gate.conditions.iter().filter(|condition| !condition.met) {
        if let Some(advice) = &condition.what_to_do {
            writeln!(page, "  {} {}: {advice}", paint(DIM, "what to do about"), condition.what)?;
        }
    }
    Ok(())
}

fn coloured(condition: &Condition, text: &str) -> Cell {
    match condition.verdict {
        Word::Pass => good(text),
        Word::Inconclusive => warn(text),
        Word::Fail => bad(text),
    }
}

/// The word for a verdict.
const fn word(verdict: Word) -> &'static str {
    match verdict {
        Word::Pass => "pass",
        Word::Inconclusive => "inconclusive",
        Word::Fail => "fail",
    }
}
