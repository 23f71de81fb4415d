//! The append-only record of every flip: when, who, why, before, after.
//!
//! One JSON line per entry. A flip is an *intent* (with the whole text of what is about to be written) and later an
//! *ending*, which repeats `before` and `after` of its intent. A crash between the two leaves an intent without an
//! ending; [`Journal::history`] tells from the file in force how far it came.

mod append;
mod read;
mod history;
mod guarded;

use serde::{Deserialize, Serialize};

use crate::generation::Generation;
use crate::stage::Stage;

pub use append::{End, append};
pub use history::{Change, Outcome};
pub use read::{Journal, MAX_BYTES};

/// `previous` of the first entry: there is no line to hash.
const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What kind of change an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// An operator moved a route forward.
    Cutover,
    /// An operator took a route, or the table, back.
    Rollback,
    /// The proxy took a route back by itself.
    Guard,
    /// The file changed outside `migrate`; recorded by the proxy that loaded it.
    Edit,
    /// An operator has seen that the guard took routes back; nothing else changed. `before` is `after`, and each move
    /// names a route and where it stands.
    Acknowledge,
}

/// How far a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// About to be written.
    Intent,
    /// In force, and followed by every proxy that was waited for.
    Done,
    /// The generation before was put back because a proxy did not follow.
    PutBack,
}

/// One route's move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// Name of the route.
    pub route: String,
    /// Stage before.
    pub from: Stage,
    /// Stage after.
    pub to: Stage,
    /// Canary percent after, at stage canary.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub percent: Option<f64>,
}

/// One line of the journal (JSON). Each line carries the SHA-256 of the line before: a change made to the past shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1.
    pub sequence: u64,
    /// When, UTC.
    pub at: chrono::DateTime<chrono::Utc>,
    /// Who: `user@host` or `proxy@host`.
    pub who: String,
    /// What.
    pub action: Action,
    /// How far.
    pub phase: Phase,
    /// The generation before; absent for the first entry of an `edit` or where the file was damaged.
    pub before: Option<Generation>,
    /// The generation after.
    pub after: Generation,
    /// The moves.
    pub moves: Vec<Move>,
    /// Why, as the operator said; `--force` is told here as well.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The whole text of `after`; with intents and edits only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// The text of `before` where no earlier entry has it (a hand-edited table that is flipped).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text_before: Option<String>,
    /// SHA-256 (hex) of the line before; 64 zeros for the first.
    pub previous: String,
}

/// What is to be recorded; sequence, time and hash are added.
#[derive(Debug, Clone)]
pub struct Record {
    /// See [`Entry`].
    pub who: String,
    /// See [`Entry`].
    pub action: Action,
    /// See [`Entry`].
    pub phase: Phase,
    /// See [`Entry`].
    pub before: Option<Generation>,
    /// See [`Entry`].
    pub after: Generation,
    /// See [`Entry`].
    pub moves: Vec<Move>,
    /// See [`Entry`].
    pub reason: Option<String>,
    /// See [`Entry`].
    pub text: Option<String>,
    /// See [`Entry`].
    pub text_before: Option<String>,
}

impl Record {
    /// The ending of the change that this intent begins.
    #[must_use]
    pub fn ending(&self, phase: Phase) -> Self {
        Self { phase, reason: None, text: None, text_before: None, ..self.clone() }
    }
}
