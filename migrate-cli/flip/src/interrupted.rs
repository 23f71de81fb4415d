//! Flips that a crash left without an end, found and finished in the journal by the next flip.

use home::{Held, HomeError};
use routes::Digest;
use routes::journal::{Change, Journal, Outcome, Phase, Record};

/// One interrupted flip, in words.
pub fn describe(change: &Change) -> String {
    let intent = &change.intent;
    let which = match change.outcome {
        Outcome::InterruptedAfterWrite => "the generation after it is in force",
        _ => "the generation before it stayed in force",
    };
    let moves: Vec<String> = intent.moves.iter().map(crate::plan::describe).collect();
    format!(
        "a flip of {} at {} to generation {} ({}) was interrupted: {which}",
        intent.who,
        intent.at.format("%Y-%m-%d %H:%M:%S"),
        intent.after.number,
        moves.join(", "),
    )
}

/// The interrupted flips of a journal, judged by the digest of what is in the file.
pub fn find(journal: &Journal, in_file: Option<&Digest>) -> Vec<Change> {
    let mut changes = journal.history(in_file);
    changes.retain(|change| {
        matches!(change.outcome, Outcome::InterruptedAfterWrite | Outcome::InterruptedBeforeWrite)
    });
    changes
}

/// Journals how each interrupted flip ended. Only under the lock: a flip that is still going on has no end either.
pub fn finish(
    held: &Held,
    who: &str,
    journal: &Journal,
    in_file: Option<&Digest>,
) -> Result<Vec<Change>, HomeError> {
    let interrupted = find(journal, in_file);
    for change in &interrupted {
        let intent = &change.intent;
        let phase = match change.outcome {
            Outcome::InterruptedAfterWrite => Phase::Done,
            _ => Phase::PutBack,
        };
        let record = Record {
            who: who.to_owned(),
            action: intent.action,
            phase,
            before: intent.before.clone(),
            after: intent.after.clone(),
            moves: intent.moves.clone(),
            reason: Some("finished after an interruption".to_owned()),
            text: None,
            text_before: None,
        };
        held.note(record)?;
    }
    Ok(interrupted)
}
