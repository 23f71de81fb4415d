//! What the operator is told about a clone.

use std::fmt::{self, Write as _};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::stale::Staleness;
use super::{Copied, Method};
use crate::commands::db::place::Place;
use crate::output::Report;
use crate::style::{DIM, GOOD, STRONG, WARN, paint};

/// What came of the command.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was only planned.
    Planned { replaces: bool },
    /// The clone is there.
    Done { copied: Copied, seconds: f64 },
}

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(super) struct CloneReport {
    from: String,
    to: String,
    /// `planned` or `done`.
    result: &'static str,
    /// Whether there is something that is to be replaced (`planned`).
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<Method>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restarts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    staleness: Option<Staleness>,
}

impl CloneReport {
    pub(super) fn new(from: &Place, to: &Place, outcome: Outcome) -> Self {
        let report = Self {
            from: from.to_string(),
            to: to.to_string(),
            result: "planned",
            replaces: None,
            method: None,
            bytes: None,
            seconds: None,
            restarts: None,
            snapshot_at: None,
            staleness: None,
        };
        match outcome {
            Outcome::Planned { replaces } => Self { replaces: Some(replaces), ..report },
            Outcome::Done { copied, seconds } => Self {
                result: "done",
                method: Some(copied.method),
                bytes: Some(copied.bytes),
                seconds: Some(seconds),
                restarts: Some(copied.restarts),
                snapshot_at: Some(copied.snapshot_at),
                staleness: Some(copied.staleness),
                ..report
            },
        }
    }
}

impl Report for CloneReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        let Self { from, to, .. } = self;
        let (Some(staleness), Some(snapshot_at)) = (&self.staleness, self.snapshot_at) else {
            let how = if self.replaces == Some(true) { "would replace" } else { "would make" };
            return writeln!(page, "{how} {} from {from}", paint(STRONG, to));
        };
        let size = self.bytes.unwrap_or(0).div_ceil(1024);
        let seconds = self.seconds.unwrap_or(0.0);
        writeln!(
            page,
            "{} {} from {from}, {size} KiB in {seconds:.1} s",
            paint(GOOD, "cloned:"),
            paint(STRONG, to)
        )?;
        writeln!(page, "  snapshot of {}", snapshot_at.format("%Y-%m-%d %H:%M:%S%.3f UTC"))?;
        if let Some(restarts) = self.restarts.filter(|restarts| *restarts > 0) {
            writeln!(page, "  begun again {restarts} times because of writes in between")?;
        }
        staleness.human(page)
    }
}

impl Staleness {
    fn human(&self, page: &mut String) -> fmt::Result {
        let behind = self.behind_seconds;
        match (self.source_changed, self.differing.is_empty()) {
            (Some(false), true) => {
                writeln!(
                    page,
                    "  {} in the {behind:.1} s since",
                    paint(GOOD, "nothing was written to the source")
                )?;
            }
            (_, true) => {
                let what = "the source was written to";
                let what = if self.source_changed == Some(true) {
                    what
                } else {
                    "the source may have been written to"
                };
                writeln!(
                    page,
                    "  {} in the {behind:.1} s since; no table has another number of rows",
                    paint(WARN, what)
                )?;
            }
            (_, false) => {
                writeln!(
                    page,
                    "  {} in the {behind:.1} s since:",
                    paint(WARN, "the source has moved on")
                )?;
                for table in &self.differing {
                    writeln!(
                        page,
                        "    {}: {} rows, the clone has {}",
                        table.table, table.source, table.clone
                    )?;
                }
            }
        }
        if !self.not_counted.is_empty() {
            let large = self.not_counted.join(", ");
            writeln!(page, "  {}", paint(DIM, format_args!("too large to count: {large}")))?;
        }
        Ok(())
    }
}
