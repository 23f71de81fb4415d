//! `/api/journal`: the last flips, without the texts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::generation::Generation;
use crate::journal::{Action, Change, Move, Outcome};

/// `GET /api/journal[?limit=N]` (50 by default, 200 at most).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalReport {
    /// Newest first.
    pub changes: Vec<JournalChange>,
}

/// One change: its intent joined with how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalChange {
    /// Number of the entry that began it.
    pub sequence: u64,
    /// When it began.
    pub at: DateTime<Utc>,
    /// `user@host`, `proxy@host` or `dashboard@host`.
    pub who: String,
    /// What was done.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the generation that it made is in force now.
    pub in_force: bool,
    /// The generation before; `null` where there was none or the file was damaged.
    pub before: Option<Generation>,
    /// The generation after.
    pub after: Generation,
    /// The routes that moved.
    pub moves: Vec<Move>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

impl From<Change> for JournalChange {
    fn from(change: Change) -> Self {
        let Change { intent, outcome, in_force } = change;
        Self {
            sequence: intent.sequence,
            at: intent.at,
            who: intent.who,
            action: intent.action,
            outcome,
            in_force,
            before: intent.before,
            after: intent.after,
            moves: intent.moves,
            reason: intent.reason,
        }
    }
}
