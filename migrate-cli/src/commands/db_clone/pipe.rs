//! `pg_dump` into `pg_restore`, through this process: so what passes can be shown, and when this process is gone, however
//! it ended, the two tools end as well.

use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::time::Duration;

use super::Stop;
use crate::commands::db::place::Server;
use crate::commands::db::tools::{last_words, missing, tool};
use crate::failure::Failure;

/// Between two looks at how far the tools are.
const PAUSE: Duration = Duration::from_millis(20);

/// Bytes that are moved at a time.
const CHUNK: usize = 128 * 1024;

/// What is kept of what a tool says, bytes.
const MAX_WORDS: u64 = 64 * 1024;

/// Copies a database into an empty one. One dump is one snapshot, however long it takes, and locks out no writer. `passed`
/// is told how many bytes have gone through so far.
pub(super) fn pipe(
    from: &Server,
    to: &Server,
    into: &str,
    passed: impl Fn(u64) + Send,
    stop: &Stop,
) -> Result<(), Failure> {
    let mut dump = tool("pg_dump", from, &from.database);
    dump.args(["--format=custom", "--no-owner", "--no-privileges", "--compress=0"]);
    let mut restore = tool("pg_restore", to, into);
    restore.args(["--no-owner", "--no-privileges", "--exit-on-error"]);
    let dump = dump.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut dump = Ended(dump.map_err(|problem| missing("pg_dump", &problem))?);
    let restore =
        restore.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut restore = Ended(restore.map_err(|problem| missing("pg_restore", &problem))?);
    let (dumped, wanted) = (dump.0.stdout.take(), restore.0.stdin.take());
    let (dump_says, restore_says) = (dump.0.stderr.take(), restore.0.stderr.take());
    let ((dump_says, restore_says), ends) = std::thread::scope(|scope| {
        // Either end may break off; its exit status says so.
        scope.spawn(|| dumped.zip(wanted).map(|(dumped, wanted)| transfer(dumped, wanted, passed)));
        let words = [dump_says, restore_says].map(|says| scope.spawn(|| says.map(words)));
        let ends = wait(&mut dump, &mut restore, stop);
        let [dump_says, restore_says] =
            words.map(|words| words.join().ok().flatten().unwrap_or_default());
        ((dump_says, restore_says), ends)
    });
    let (is_dumped, is_restored) = ends?;
    let said = |who: &str, words: &[u8]| Failure::Other {
        message: format!("{who} failed: {}", last_words(words)),
        help: "the tools must be of the server's version or newer; nothing was left of the clone"
            .to_owned(),
    };
    if !is_dumped && !dump_says.is_empty() {
        return Err(said("pg_dump", &dump_says));
    }
    if !is_restored || !is_dumped {
        return Err(said("pg_restore", &restore_says));
    }
    Ok(())
}

/// A tool that does not outlive the copy.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It has ended in all cases but a signal's, or where the other tool could not be started.
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// Waits for both tools; whether each ended well.
fn wait(dump: &mut Ended, restore: &mut Ended, stop: &Stop) -> Result<(bool, bool), Failure> {
    loop {
        let ends = (dump.0.try_wait(), restore.0.try_wait());
        let (dumped, restored) = (
            ends.0.map_err(|problem| missing("pg_dump", &problem))?,
            ends.1.map_err(|problem| missing("pg_restore", &problem))?,
        );
        if let (Some(dumped), Some(restored)) = (dumped, restored) {
            return Ok((dumped.success(), restored.success()));
        }
        if stop.is_asked() {
            for tool in [&mut dump.0, &mut restore.0] {
                let _gone = tool.kill();
            }
            return stop.check().map(|()| (false, false));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Moves everything, until either end is closed.
fn transfer(mut from: impl Read, mut to: impl Write, passed: impl Fn(u64)) {
    let mut chunk = vec![0; CHUNK];
    let mut done = 0;
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        if chunk.get(..count).is_none_or(|read| to.write_all(read).is_err()) {
            return;
        }
        done += u64::try_from(count).unwrap_or(0);
        passed(done);
    }
}

/// The beginning of what a tool says; the rest is read and dropped, so that it can go on.
fn words(mut says: impl Read) -> Vec<u8> {
    let mut words = Vec::new();
    let _shorter = says.by_ref().take(MAX_WORDS).read_to_end(&mut words);
    let _rest = std::io::copy(&mut says, &mut std::io::sink());
    words
}
