//! The journal as the flip protocol uses it, and what is left of it after a crash at any byte.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use routes::journal::{Action, Entry, Journal, Move, Outcome, Phase, Record, append};
use routes::store::{TableFile, TableLock};
use routes::{Digest, Generation, Stage};

struct Fixture {
    _folder: tempfile::TempDir,
    path: PathBuf,
    lock: TableLock,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let table = TableFile::new(folder.path().join("routes.toml"));
        let lock = table.lock("test", Duration::ZERO).unwrap();
        Self { _folder: folder, path: table.journal_path(), lock }
    }

    fn append(&self, record: Record) -> Entry {
        append(&self.path, &self.lock, record).unwrap()
    }

    fn read(&self) -> Journal {
        Journal::read(&self.path).unwrap()
    }
}

fn text(number: u64) -> String {
    format!("format = 1\ngeneration = {number}\n# für \"alle\"\n")
}

fn generation(number: u64) -> Generation {
    Generation { number, digest: Digest::of(&text(number)) }
}

/// A flip from generation `number - 1` to `number`.
fn record(number: u64, phase: Phase) -> Record {
    let intent = phase == Phase::Intent;
    Record {
        who: "alice@host".into(),
        action: Action::Cutover,
        phase,
        before: Some(generation(number - 1)),
        after: generation(number),
        moves: vec![Move {
            route: "x".into(),
            from: Stage::Shadow,
            to: Stage::Canary,
            percent: Some(12.5),
        }],
        reason: Some("because".into()),
        text: intent.then(|| text(number)),
        text_before: None,
    }
}

fn outcomes(journal: &Journal, in_force: Option<u64>) -> Vec<(u64, Outcome, bool)> {
    let digest = in_force.map(|number| generation(number).digest);
    let history = journal.history(digest.as_ref());
    history
        .iter()
        .map(|change| (change.intent.after.number, change.outcome, change.in_force))
        .collect()
}

#[test]
fn a_journal_that_is_not_there_is_empty() {
    let journal = Journal::read(&PathBuf::from("/nonexistent/routes.toml.journal")).unwrap();
    assert!(journal.entries.is_empty() && journal.findings.is_empty());
    assert_eq!(journal.next_number(None), 1);
    assert_eq!(journal.next_number(Some(4)), 5);
    assert!(journal.last_in_force().is_none() && journal.history(None).is_empty());
}

#[test]
fn entries_read_back_as_written_in_an_unbroken_chain() {
    let fixture = Fixture::new();
    let written: Vec<Entry> = [Phase::Intent, Phase::Done, Phase::Intent, Phase::PutBack]
        .into_iter()
        .zip([1, 1, 2, 2])
        .map(|(phase, number)| fixture.append(record(number, phase)))
        .collect();
    let journal = fixture.read();
    assert_eq!(journal.entries, written);
    assert_eq!(journal.findings, Vec::<String>::new());
    let sequences: Vec<u64> = journal.entries.iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
    assert_eq!(journal.next_number(Some(1)), 3, "a number that was put back is not used again");
}

#[test]
fn history_joins_intents_with_their_endings() {
    let fixture = Fixture::new();
    fixture.append(record(1, Phase::Intent));
    fixture.append(record(1, Phase::Done));
    fixture.append(record(2, Phase::Intent));
    fixture.append(record(2, Phase::PutBack));
    fixture.append(record(3, Phase::Intent));
    let journal = fixture.read();
    assert_eq!(
        outcomes(&journal, Some(1)),
        [
            (1, Outcome::Done, true),
            (2, Outcome::PutBack, false),
            (3, Outcome::InterruptedBeforeWrite, false)
        ]
    );
    assert_eq!(
        outcomes(&journal, Some(3))[2],
        (3, Outcome::InterruptedAfterWrite, true),
        "the file tells how far an interrupted flip came"
    );
    fixture.append(record(4, Phase::Intent));
    let later = outcomes(&fixture.read(), Some(4));
    assert_eq!(
        later[2],
        (3, Outcome::InterruptedAfterWrite, false),
        "the next flip started from it"
    );
}

#[test]
fn an_edit_needs_no_intent() {
    let fixture = Fixture::new();
    let mut edit = record(5, Phase::Done);
    (edit.action, edit.before, edit.text) = (Action::Edit, None, Some(text(5)));
    fixture.append(edit);
    let journal = fixture.read();
    assert_eq!(outcomes(&journal, Some(5)), [(5, Outcome::Done, true)]);
    assert_eq!(journal.last_in_force(), Some((generation(5), text(5).as_str())));
}

#[test]
fn texts_are_found_by_number_and_by_digest_and_only_when_they_are_what_they_say() {
    let fixture = Fixture::new();
    let mut first = record(1, Phase::Intent);
    first.text_before = Some(text(0));
    fixture.append(first);
    fixture.append(record(1, Phase::Done));
    let mut wrong = record(2, Phase::Intent);
    wrong.text = Some("something else".into());
    fixture.append(wrong);
    fixture.append(record(2, Phase::Done));
    let journal = fixture.read();
    assert_eq!(journal.text_of("1"), Some((generation(1), text(1).as_str())));
    assert_eq!(journal.text_of("0"), Some((generation(0), text(0).as_str())));
    let prefix = &generation(1).digest.as_str()[..6].to_owned();
    assert_eq!(journal.text_of(prefix), Some((generation(1), text(1).as_str())));
    assert_eq!(journal.text_of("2"), None);
    assert_eq!(journal.text_of(""), None);
    let repair = journal.last_in_force().map(|(generation, _)| generation.number);
    assert_eq!(repair, Some(1), "the last one in force whose text is sound");
}

#[test]
fn a_damaged_file_is_repaired_with_what_was_surely_in_force() {
    let fixture = Fixture::new();
    fixture.append(record(1, Phase::Intent));
    fixture.append(record(1, Phase::Done));
    fixture.append(record(2, Phase::Intent));
    assert_eq!(fixture.read().last_in_force().map(|found| found.0.number), Some(1));
    fixture.append(record(2, Phase::Done));
    assert_eq!(fixture.read().last_in_force().map(|found| found.0.number), Some(2));
    fixture.append(record(3, Phase::Intent));
    fixture.append(record(3, Phase::PutBack));
    assert_eq!(fixture.read().last_in_force().map(|found| found.0.number), Some(2));
}

#[test]
fn a_crash_at_any_byte_loses_at_most_the_entry_that_was_being_written() {
    let fixture = Fixture::new();
    for number in 1..=2 {
        fixture.append(record(number, Phase::Intent));
    }
    let whole = fs::read(&fixture.path).unwrap();
    let entries = fixture.read().entries;
    for length in 0..=whole.len() {
        let kept = &whole[..length];
        fs::write(&fixture.path, kept).unwrap();
        let ended = kept.split(|byte| *byte == b'\n').count() - 1;
        let journal = fixture.read();
        let read = journal.entries.len();
        assert_eq!(journal.entries, entries[..read], "cut at {length}");
        assert!(read == ended || read == ended + 1, "cut at {length}");
        let torn = !kept.is_empty() && !kept.ends_with(b"\n") && read == ended;
        assert_eq!(
            journal.findings.len(),
            usize::from(torn),
            "cut at {length}: {:?}",
            journal.findings
        );

        let added = fixture.append(record(9, Phase::Intent));
        let after = fs::read(&fixture.path).unwrap();
        assert!(after.starts_with(kept), "what was there is never changed");
        let journal = fixture.read();
        assert_eq!(journal.entries.len(), read + 1, "cut at {length}");
        assert_eq!(journal.entries.last(), Some(&added));
        assert_eq!(added.sequence, u64::try_from(read).unwrap() + 1);
        assert_eq!(
            journal.findings.len(),
            usize::from(torn),
            "cut at {length}: {:?}",
            journal.findings
        );
    }
}

#[test]
fn a_change_made_to_the_past_shows() {
    let fixture = Fixture::new();
    for number in 1..=3 {
        fixture.append(record(number, Phase::Intent));
    }
    let whole = fs::read_to_string(&fixture.path).unwrap();
    fs::write(&fixture.path, whole.replacen("because", "no idea", 1)).unwrap();
    let findings = fixture.read().findings;
    assert_eq!(findings.len(), 1);
    assert!(findings[0].starts_with("line 2 does not follow"), "{findings:?}");
    let without_second: Vec<&str> = whole.split_inclusive('\n').step_by(2).collect();
    fs::write(&fixture.path, without_second.concat()).unwrap();
    let findings = fixture.read().findings;
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert_eq!(findings[1], "line 2 is entry 3, after entry 1");
}

#[test]
fn the_end_of_a_long_journal_is_found_from_behind() {
    let fixture = Fixture::new();
    for number in 1..=4 {
        let mut long = record(number, Phase::Intent);
        long.text = Some("x".repeat(150_000));
        fixture.append(long);
    }
    // Lines that are no entries must be looked past, however long they are.
    let mut bytes = fs::read(&fixture.path).unwrap();
    bytes.extend(b"?".repeat(200_000));
    fs::write(&fixture.path, &bytes).unwrap();
    let added = fixture.append(record(5, Phase::Done));
    let journal = fixture.read();
    assert_eq!((added.sequence, journal.entries.len()), (5, 5));
    assert_eq!(journal.findings.len(), 1, "{:?}", journal.findings);
}

#[test]
fn the_end_of_a_journal_is_its_last_whole_lines() {
    let fixture = Fixture::new();
    assert!(Journal::read_end(&fixture.path, 1000).unwrap().entries.is_empty());
    for number in 1..=20 {
        fixture.append(record(number, Phase::Intent));
        fixture.append(record(number, Phase::Done));
    }
    let whole = fixture.read();
    let length = fs::metadata(&fixture.path).unwrap().len();
    for bytes in (0..length + 10).step_by(97).chain([length - 1, length]) {
        let end = Journal::read_end(&fixture.path, bytes).unwrap();
        assert!(end.findings.is_empty(), "{:?}", end.findings);
        assert!(whole.entries.ends_with(&end.entries), "{bytes}");
        // One byte more than asked for is looked at.
        assert_eq!(end.entries.len() == whole.entries.len(), bytes + 1 >= length, "{bytes}");
    }
}
