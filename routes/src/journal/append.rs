//! Adds one entry to a journal: one write, one fsync, and a torn last line is closed first, never lost.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use chrono::{SubsecRound as _, Utc};

use super::{Entry, NO_LINE, Record};
use crate::generation::sha256_hex;
use crate::store::{StoreError, TableLock, folder_of, sync_folder};

/// How much is read at a time when looking back from the end.
const STEP: u64 = 64 << 10;

/// Appends `record` to the journal at `path` and returns the entry that it became. Needs the lock: two writers at once
/// would break the chain.
///
/// # Errors
/// The journal can't be read or written. What was there is never changed.
pub fn append(path: &Path, _lock: &TableLock, record: Record) -> Result<Entry, StoreError> {
    let fresh = !path.exists();
    let open = OpenOptions::new().read(true).append(true).create(true).open(path);
    let mut file = open.map_err(StoreError::io("open the journal", path))?;
    let end = End::find(&mut file).map_err(StoreError::io("read the journal", path))?;
    let (entry, line) = end.next(record).map_err(StoreError::io("write the journal", path))?;
    let mut bytes = if end.torn { b"\n".to_vec() } else { Vec::new() };
    bytes.extend(line);
    bytes.push(b'\n');
    file.write_all(&bytes)
        .and_then(|()| file.sync_all())
        .map_err(StoreError::io("write the journal", path))?;
    if fresh {
        sync_folder(folder_of(path))?;
    }
    Ok(entry)
}

/// What the next entry follows.
#[derive(Debug, Clone)]
pub struct End {
    /// Of the last line that is an entry; 0 for none.
    sequence: u64,
    /// SHA-256 of the last line, entry or not.
    previous: String,
    /// The last line has no line end: its writer died.
    torn: bool,
}

impl End {
    /// The end of a journal that is no file: the `sequence` of its last entry (0 for none) and its last line, entry or not.
    pub fn after(sequence: u64, last: Option<&[u8]>) -> Self {
        Self {
            sequence,
            previous: last.map_or_else(|| NO_LINE.to_owned(), sha256_hex),
            torn: false,
        }
    }

    /// The entry that a record becomes here and now, and its line without a line end.
    ///
    /// # Errors
    /// It can't be written as JSON.
    pub fn next(&self, record: Record) -> io::Result<(Entry, Vec<u8>)> {
        let entry = entry(record, self);
        let line = serde_json::to_vec(&entry)?;
        Ok((entry, line))
    }

    /// Looks back from the end of the file only as far as the last entry, however long the journal is.
    fn find(file: &mut File) -> io::Result<Self> {
        let mut start = file.seek(SeekFrom::End(0))?;
        let mut tail: Vec<u8> = Vec::new();
        loop {
            let step = start.min(STEP.max(tail.len() as u64));
            start -= step;
            tail.splice(0..0, read_part(file, start, step)?);
            if let Some(end) = Self::of(&tail, start == 0) {
                return Ok(end);
            }
        }
    }

    /// Judges by the end of a journal. `None`: the part is too short to tell. Unless it is `whole`, its first line may be cut.
    fn of(part: &[u8], whole: bool) -> Option<Self> {
        let torn = part.last().is_some_and(|byte| *byte != b'\n');
        let mut lines: Vec<&[u8]> = part.split(|byte| *byte == b'\n').collect();
        if !torn {
            lines.pop();
        }
        let cut = usize::from(!whole);
        let lines = lines.get(cut..).unwrap_or_default();
        let entries =
            lines.iter().rev().filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
        let sequence = entries.map(|entry| entry.sequence).next();
        if sequence.is_none() && !whole {
            return None;
        }
        let previous = lines.last().map_or_else(|| NO_LINE.to_owned(), |line| sha256_hex(line));
        Some(Self { sequence: sequence.unwrap_or(0), previous, torn })
    }
}

fn read_part(file: &mut File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut part = Vec::new();
    file.take(length).read_to_end(&mut part)?;
    Ok(part)
}

fn entry(record: Record, end: &End) -> Entry {
    Entry {
        sequence: end.sequence.saturating_add(1),
        at: Utc::now().trunc_subsecs(3),
        who: record.who,
        action: record.action,
        phase: record.phase,
        before: record.before,
        after: record.after,
        moves: record.moves,
        reason: record.reason,
        text: record.text,
        text_before: record.text_before,
        previous: end.previous.clone(),
    }
}
