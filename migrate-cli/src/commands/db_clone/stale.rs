//! How far a source has moved on since it was copied.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Most rows of one table that are counted, so that looking costs the source next to nothing.
pub(super) const MAX_COUNTED: u64 = 100_000;

/// What was looked at after the copy.
#[derive(Debug, Serialize)]
pub(super) struct Staleness {
    /// When the source was looked at again.
    pub(super) checked_at: DateTime<Utc>,
    /// From the snapshot to that look, seconds.
    pub(super) behind_seconds: f64,
    /// Whether anything was written to the source meanwhile; absent where the database can't tell.
    pub(super) source_changed: Option<bool>,
    /// Tables that were counted on both sides.
    pub(super) tables: usize,
    /// Tables with another number of rows, by name.
    pub(super) differing: Vec<TableCount>,
    /// Tables with more rows than are counted.
    pub(super) not_counted: Vec<String>,
}

/// Rows of one table on both sides.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct TableCount {
    pub(super) table: String,
    pub(super) source: u64,
    pub(super) clone: u64,
}

impl Staleness {
    /// From the counts of each table on both sides; more than [`MAX_COUNTED`] means that the count was given up.
    pub(super) fn new(
        snapshot_at: DateTime<Utc>,
        source_changed: Option<bool>,
        counts: Vec<TableCount>,
    ) -> Self {
        let checked_at = Utc::now();
        let is_counted = |count: &TableCount| count.source.max(count.clone) <= MAX_COUNTED;
        let (counted, large): (Vec<_>, Vec<_>) = counts.into_iter().partition(is_counted);
        Self {
            checked_at,
            behind_seconds: (checked_at - snapshot_at).as_seconds_f64().max(0.0),
            source_changed,
            tables: counted.len(),
            differing: counted.into_iter().filter(|count| count.source != count.clone).collect(),
            not_counted: large.into_iter().map(|count| count.table).collect(),
        }
    }
}
