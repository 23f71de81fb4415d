//! What `migrate cleanup` shows to people.

use std::fmt::{self, Write as _};

use super::{Came, CleanupReport};
use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, PLACE, STRONG, paint};

impl Report for CleanupReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        for one in &self.moved {
            writeln!(page, "{} → {}", paint(PLACE, &one.from), one.to)?;
        }
        for one in &self.added {
            writeln!(page, "{} {}", paint(GOOD, "+"), paint(PLACE, one))?;
        }
        for one in &self.edited {
            writeln!(page, "{}", paint(STRONG, &one.file))?;
            for rewired in &one.rewired {
                let line = paint(DIM, format!("{:>5}", rewired.line));
                writeln!(page, "{line} {} {}", paint(BAD, "-"), rewired.from)?;
                for to in rewired.to.lines() {
                    writeln!(page, "      {} {}", paint(GOOD, "+"), to.trim_start())?;
                }
            }
            for removed in &one.removed {
                let line = paint(DIM, format!("{:>5}", removed.line));
                writeln!(page, "{line} {} {}", paint(BAD, "-"), removed.what)?;
            }
        }
        for one in &self.against {
            let place = format!("{}:{}", one.file, one.line);
            writeln!(page, "{} {} {}", paint(BAD, "against:"), paint(PLACE, place), one.what)?;
        }
        let commit = self.commit.as_deref().unwrap_or_default();
        match self.result {
            Came::Done => {
                writeln!(page, "{} commit {commit}; back with --undo", paint(GOOD, "done:"))
            }
            Came::Undone => writeln!(page, "{} commit {commit}", paint(GOOD, "put back:")),
            Came::Patched => {
                writeln!(page, "{} nothing else was changed", paint(GOOD, "patch written:"))
            }
            Came::Planned if commit.is_empty() => {
                writeln!(page, "{}", paint(DIM, "nothing was changed"))
            }
            Came::Planned => writeln!(
                page,
                "{}",
                paint(DIM, format!("would take back {commit}; nothing was changed"))
            ),
            Came::NothingToDo => {
                writeln!(page, "{}", paint(DIM, "nothing to do; nothing was changed"))
            }
            Came::Refused => writeln!(page, "{} nothing was changed", paint(BAD, "refused:")),
        }
    }
}
