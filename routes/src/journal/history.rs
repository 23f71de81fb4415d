//! What a journal says about the past: how each change ended, and the text of every generation.

use serde::{Deserialize, Serialize};

use super::{Action, Entry, Journal, Phase};
use crate::generation::{Digest, Generation};

/// Shortest part of a digest that names a generation.
const MIN_PREFIX: usize = 4;

/// How a change ended: the intent joined with its ending, or judged by what is in the file now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Written and followed.
    Done,
    /// Undone because a proxy did not follow.
    PutBack,
    /// The writer died; the file holds the generation after, or a later change started from it.
    InterruptedAfterWrite,
    /// The writer died; as far as can be told the file never held the generation after.
    InterruptedBeforeWrite,
}

/// One change as `migrate history` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The entry that began it (the only one for an edit).
    pub intent: Entry,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the generation that it made is in the file now.
    pub in_force: bool,
}

impl Journal {
    /// Every change, the oldest first. `in_force`: the digest of the file as it is now; `None` where it can't be read.
    pub fn history(&self, in_force: Option<&Digest>) -> Vec<Change> {
        let mut changes: Vec<(&Entry, Option<Phase>)> = Vec::new();
        for entry in &self.entries {
            let open = changes.iter_mut().rev().find(|(intent, ending)| {
                ending.is_none() && entry.phase != Phase::Intent && ends(entry, intent)
            });
            match open {
                Some((_, ending)) => *ending = Some(entry.phase),
                None if entry.phase == Phase::Intent => changes.push((entry, None)),
                // An edit has no intent; neither has an ending whose intent was lost.
                None => changes.push((entry, Some(entry.phase))),
            }
        }
        let mut history: Vec<Change> = changes
            .into_iter()
            .map(|(intent, ending)| Change {
                intent: intent.clone(),
                outcome: self.outcome(intent, ending, in_force),
                in_force: false,
            })
            .collect();
        let made_it = |change: &&mut Change| {
            change.outcome != Outcome::PutBack
                && change.intent.action != Action::Acknowledge
                && Some(&change.intent.after.digest) == in_force
        };
        if let Some(last) = history.iter_mut().rev().find(made_it) {
            last.in_force = true;
        }
        history
    }

    fn outcome(&self, intent: &Entry, ending: Option<Phase>, in_force: Option<&Digest>) -> Outcome {
        match ending {
            Some(Phase::Done) => Outcome::Done,
            Some(Phase::PutBack) => Outcome::PutBack,
            Some(Phase::Intent) | None => {
                let after = &intent.after;
                let later = self.entries.iter().filter(|entry| entry.sequence > intent.sequence);
                let started_from =
                    later.into_iter().any(|entry| entry.before.as_ref() == Some(after));
                if in_force == Some(&after.digest) || started_from {
                    Outcome::InterruptedAfterWrite
                } else {
                    Outcome::InterruptedBeforeWrite
                }
            }
        }
    }

    /// The text of a generation, by its number or by the first digits (four at least) of its digest. Of several with one
    /// number (hand edits leave the number alone) the last.
    pub fn text_of(&self, wanted: &str) -> Option<(Generation, &str)> {
        let number: Option<u64> = wanted.parse().ok();
        let by_number = number.and_then(|number| self.find_text(|known| known.number == number));
        by_number.or_else(|| {
            let digits = wanted.len() >= MIN_PREFIX;
            self.find_text(|known| digits && known.digest.as_str().starts_with(wanted))
        })
    }

    /// The last generation that is known to have been in force, with its text: what a damaged file is repaired with.
    pub fn last_in_force(&self) -> Option<(Generation, &str)> {
        self.history(None).iter().rev().find_map(|change| {
            let held = match change.outcome {
                Outcome::Done | Outcome::InterruptedAfterWrite => Some(&change.intent.after),
                // Its generation may never have been written; the one before surely was.
                Outcome::PutBack | Outcome::InterruptedBeforeWrite => change.intent.before.as_ref(),
            }?;
            self.find_text(|known| known == held)
        })
    }

    /// The number for the next generation: one more than any that was ever used, so that a number never means two tables
    /// that `migrate` made. `current`: the number in the file, where it can be read.
    pub fn next_number(&self, current: Option<u64>) -> u64 {
        let known = self.entries.iter().flat_map(|entry| entry.before.iter().chain([&entry.after]));
        let greatest = known.map(|generation| generation.number).chain(current).max();
        greatest.unwrap_or(0).saturating_add(1)
    }

    /// The last text whose generation fits. A text that is not what its digest says is never given out.
    fn find_text(&self, fits: impl Fn(&Generation) -> bool) -> Option<(Generation, &str)> {
        self.entries.iter().rev().find_map(|entry| {
            let after = Some(&entry.after).zip(entry.text.as_deref());
            let before = entry.before.as_ref().zip(entry.text_before.as_deref());
            let mut texts = after.into_iter().chain(before);
            texts
                .find(|(generation, text)| {
                    fits(generation) && Digest::of(text) == generation.digest
                })
                .map(|(generation, text)| (generation.clone(), text))
        })
    }
}

/// Whether `ending` is how `intent` ended. A put-back may be written from either side.
fn ends(ending: &Entry, intent: &Entry) -> bool {
    let same = ending.after == intent.after && ending.action == intent.action;
    let put_back = ending.phase == Phase::PutBack && ending.before.as_ref() == Some(&intent.after);
    same || put_back
}
