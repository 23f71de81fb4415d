//! Crashes on demand, so that a test can end the real process after any step of a flip; debug builds only.

use std::fmt;

/// What has just happened in a flip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The lock is held.
    Locked,
    /// The gate let it pass.
    Passed,
    /// The intent is in the journal.
    Intended,
    /// The new generation is in the file.
    Written,
    /// Every proxy has answered or run out of time.
    Waited,
    /// The text before is in the file again.
    Restored,
    /// The end is in the journal.
    Ended,
}

impl Step {
    /// The word for `MIGRATE_FAILPOINT` and `-v`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Passed => "passed",
            Self::Intended => "intended",
            Self::Written => "written",
            Self::Waited => "waited",
            Self::Restored => "restored",
            Self::Ended => "ended",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Ends the process like `kill -9` would when this is the step that was asked for.
#[cfg(debug_assertions)]
pub fn crash_after(step: Step, asked: Option<&str>) {
    if asked == Some(step.as_str()) {
        std::process::abort();
    }
}

/// Release builds never crash on demand.
#[cfg(not(debug_assertions))]
pub fn crash_after(_step: Step, _asked: Option<&str>) {}
