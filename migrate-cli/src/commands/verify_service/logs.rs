//! Errors that programs have logged since this run began.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::checks::{Checks, Wrong};

/// The most of one log that is read: more than a run should write.
const MOST_BYTES: u64 = 64 << 20;
/// So many lines are shown.
const SHOWN: usize = 3;
/// The longest that is shown of a line.
const LENGTH: usize = 300;
/// A level stands among the first words of a line.
const WORDS: usize = 8;

/// Words for what went wrong.
const LEVELS: [&str; 5] = ["ERROR", "CRITICAL", "FATAL", "PANIC", "EMERG"];

/// A log, and where it ended when the run began.
#[derive(Debug)]
pub(super) struct Log {
    file: PathBuf,
    /// The file's own number and length; none where it was not there.
    began: Option<(u64, u64)>,
}

impl Log {
    /// As it is now.
    pub(super) fn new(file: &Path) -> Self {
        let began = file.metadata().ok().map(|there| (there.ino(), there.len()));
        Self { file: file.to_owned(), began }
    }

    /// The lines since then that tell of an error.
    fn errors(&self) -> io::Result<(usize, Vec<String>)> {
        let mut file = File::open(&self.file)?;
        let now = file.metadata()?;
        // A log that was rotated is read from its beginning.
        let from = match self.began {
            Some((number, length)) if number == now.ino() && length <= now.len() => length,
            _ => 0,
        };
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let errors = lines.iter().filter(|line| is_error(line)).map(|line| shortened(line));
        Ok((lines.len(), errors.collect()))
    }
}

/// Looks at each of them.
pub(super) fn look(logs: &[Log], checks: &mut Checks) {
    checks.group("logs");
    if logs.is_empty() {
        checks.skip("no error was logged", "name the logs with --log FILE");
    }
    for log in logs {
        let what = format!("{} has no error since", log.file.display());
        checks.settle(what, judge(log));
    }
}

fn judge(log: &Log) -> Result<String, Wrong> {
    let unread = |why: io::Error| {
        Wrong::new(format!("can't be read: {why}"), "name a file that this user may read")
    };
    let (lines, errors) = log.errors().map_err(unread)?;
    if errors.is_empty() {
        return Ok(format!("{lines} new lines"));
    }
    let mut found = errors.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    if errors.len() > SHOWN {
        found = format!("{found}\nand {} more", errors.len() - SHOWN);
    }
    Err(Wrong::new(found, "see what the program did then"))
}

/// Whether a line, as JSON or as text, is of level error or worse.
fn is_error(line: &str) -> bool {
    let line = line.trim();
    if let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(line) {
        let level =
            ["level", "levelname", "severity", "lvl"].iter().find_map(|name| fields.get(*name));
        return match level {
            Some(Value::String(word)) => is_known(word),
            // The numbers of Python.
            Some(Value::Number(number)) => number.as_i64().is_some_and(|number| number >= 40),
            _ => false,
        };
    }
    let plain = anstream::adapter::strip_str(line).to_string();
    plain.starts_with("Traceback (most recent call last)")
        || plain.contains("panicked at ")
        || plain.split_whitespace().take(WORDS).any(is_level)
}

/// `ERROR`, `[error]`, `ERROR:root:…`.
fn is_level(word: &str) -> bool {
    let word = word.trim_start_matches(['[', '(', '<', '"', '|']);
    let end = word.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(word.len());
    let (level, rest) = word.split_at(end);
    // An error code or a path is no level; a sentence is in small letters.
    let is_whole = rest.is_empty() || rest.starts_with([']', ')', '>', ':', '"', '|', ',']);
    let is_marked = level.chars().all(char::is_uppercase) || rest.starts_with(']');
    is_whole && is_marked && is_known(level)
}

fn is_known(level: &str) -> bool {
    LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level))
}

fn shortened(line: &str) -> String {
    line.trim().chars().take(LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn errors_are_found_in_the_forms_of_both_sides() {
        for line in [
            r#"{"timestamp":"2026-11-23T10:00:00Z","level":"ERROR","message":"x"}"#,
            r#"{"levelname": "CRITICAL", "message": "x"}"#,
            r#"{"level": 50, "msg": "x"}"#,
            "2026-11-23T10:00:00.123456Z ERROR service::worker: could not",
            "\u{1b}[2m2026-11-23T10:00:00Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m service: x",
            "ERROR:    Exception in ASGI application",
            "2026-11-23 10:00:00,123 - app.main - ERROR - x",
            "[2026-11-23 10:00:00 +0000] [7] [ERROR] Worker",
            "2026/11/23 10:00:00 [error] 7#7: *1 connect() failed",
            "Traceback (most recent call last):",
            "thread 'main' panicked at src/main.rs:1:1:",
        ] {
            assert!(is_error(line), "{line}");
        }
    }

    #[test]
    fn what_only_speaks_of_errors_is_none() {
        for line in [
            "",
            r#"{"level":"INFO","message":"ERROR: a test"}"#,
            r#"{"level": 20, "error": "x"}"#,
            "2026-11-23T10:00:00Z  INFO access: GET /errors 200",
            "2026-11-23T10:00:00Z  WARN service: an error that was mended",
            "INFO:     127.0.0.1 - \"GET /error HTTP/1.1\" 404",
            "error_rate 0.0",
        ] {
            assert!(!is_error(line), "{line}");
        }
    }

    #[test]
    fn only_what_is_new_counts_also_in_a_rotated_log() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.log");
        std::fs::write(&file, "ERROR old\n").unwrap();
        let log = Log::new(&file);
        assert_eq!(log.errors().unwrap(), (0, Vec::new()));
        writeln!(File::options().append(true).open(&file).unwrap(), "INFO a\nERROR new").unwrap();
        assert_eq!(log.errors().unwrap(), (2, vec!["ERROR new".to_owned()]));
        std::fs::rename(&file, folder.path().join("x.log.1")).unwrap();
        std::fs::write(&file, "ERROR after\n").unwrap();
        assert_eq!(log.errors().unwrap(), (1, vec!["ERROR after".to_owned()]));
        std::fs::remove_file(&file).unwrap();
        assert!(judge(&log).unwrap_err().found.starts_with("can't be read"));
    }
}
