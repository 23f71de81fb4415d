//! Reads a journal and checks it: every line an entry, numbered in order, each with the hash of the line before.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::{Entry, NO_LINE};
use crate::generation::sha256_hex;
use crate::store::{StoreError, read_at_most};

/// Longest journal that is read into memory, bytes: some ten thousand flips of a large table.
pub const MAX_BYTES: u64 = 256 << 20;

/// A journal that was read: the entries, and what is wrong with the file (a torn last line, a broken chain).
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// In order.
    pub entries: Vec<Entry>,
    /// Findings, in words, each with its line; empty for a healthy file.
    pub findings: Vec<String>,
}

impl Journal {
    /// Reads the journal at `path`; a file that is not there is an empty journal. Lines that are no entries are told in
    /// the findings and passed over: one torn line must not cost the rest.
    ///
    /// # Errors
    /// The file can't be read, or is longer than 256 MiB.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::parse(&Self::bytes(path)?))
    }

    /// The bytes of the journal at `path`; none where there is no such file.
    ///
    /// # Errors
    /// The file can't be read, or is longer than 256 MiB.
    pub fn bytes(path: &Path) -> Result<Vec<u8>, StoreError> {
        match read_at_most(path, MAX_BYTES) {
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Vec::new())
            }
            read => read,
        }
    }

    /// Reads the entries in the last `bytes` of the journal at `path`: for a look at the latest flips that costs the same
    /// however long the journal is. The chain is not checked, so there are no findings.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn read_end(path: &Path, bytes: u64) -> Result<Self, StoreError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(StoreError::io("open", path)(error)),
        };
        let end = read_end(&mut file, bytes).map_err(StoreError::io("read", path))?;
        Ok(Self { findings: Vec::new(), ..Self::parse(&end) })
    }

    /// Reads the bytes of a journal.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut journal = Self::default();
        let mut previous = NO_LINE.to_owned();
        let mut sequence = 0;
        for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            let ended = line.ends_with(b"\n");
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            match serde_json::from_slice::<Entry>(line) {
                Ok(entry) => {
                    journal.check(&entry, number, sequence, &previous);
                    sequence = entry.sequence;
                    journal.entries.push(entry);
                }
                Err(_) if !ended => {
                    journal.findings.push(format!(
                        "line {number} is torn: its writer died before it was whole"
                    ));
                }
                Err(error) => {
                    journal
                        .findings
                        .push(format!("line {number} is no entry and was passed over: {error}"));
                }
            }
            previous = sha256_hex(line);
        }
        journal
    }

    fn check(&mut self, entry: &Entry, number: usize, sequence: u64, previous: &str) {
        if entry.previous != previous {
            self.findings.push(format!(
                "line {number} does not follow the line before it: one of the two was changed, or lines are missing between them"
            ));
        }
        if Some(entry.sequence) != sequence.checked_add(1) {
            self.findings
                .push(format!("line {number} is entry {}, after entry {sequence}", entry.sequence));
        }
    }
}

/// The whole lines among the last bytes of a file.
fn read_end(file: &mut File, bytes: u64) -> io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    // One byte more tells whether the first line is whole.
    let from = length.saturating_sub(bytes.saturating_add(1));
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.take(length - from).read_to_end(&mut end)?;
    if from > 0 {
        let cut = end.iter().position(|byte| *byte == b'\n').map_or(end.len(), |place| place + 1);
        end.drain(..cut);
    }
    Ok(end)
}
