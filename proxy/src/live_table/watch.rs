//! Follows the file: a change is parsed and checked off the path of requests, then put in force.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use routes::Digest;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::LiveTable;
use super::load::{self, Loader};

/// How often the file is looked at although nothing was heard: the net under lost events.
const POLL: Duration = Duration::from_millis(500);
/// A file that is being written in place is read once it has been left alone for this long; a file
/// that was renamed into place, or closed by its writer, is complete and read at once.
const SETTLE: Duration = Duration::from_millis(25);
/// Longest time to wait for a file that is written all the time.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);

/// What was heard of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// The file is complete: renamed into place, or closed after writing.
    Complete,
    /// It may still be growing.
    MaybeGrowing,
}

/// What tells one state of the file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
}

impl From<Metadata> for Stamp {
    fn from(metadata: Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { inode: metadata.ino(), size: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// The service that follows the file.
pub(crate) struct TableWatcher {
    pub(crate) live: Arc<LiveTable>,
    pub(crate) loader: Loader,
}

#[async_trait]
impl BackgroundService for TableWatcher {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let (sender, mut heard) = mpsc::channel(16);
        // Kept for as long as the service runs: dropping it ends the watch.
        let _watcher = match watch_folders(self.loader.file.path(), sender.clone()) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "can't watch the folder of the route table; polling it");
                None
            }
        };
        let mut seen = None;
        let mut followed = self.live.snapshot().table.generation.digest.clone();
        loop {
            let noticed = tokio::select! {
                _ = shutdown.changed() => return,
                // `sender` is alive, so the channel never closes.
                event = heard.recv() => match event {
                    Some(event) => {
                        settle(event, &mut heard).await;
                        true
                    }
                    None => return,
                },
                () = tokio::time::sleep(POLL) => self.has_moved(seen.as_ref()).await,
            };
            if noticed {
                seen = stamp(self.loader.file.path());
                while !self.follow(&mut followed).await {}
            }
        }
    }
}

impl TableWatcher {
    /// Whether the file is another than the one last read, and left alone for a moment.
    async fn has_moved(&self, seen: Option<&Stamp>) -> bool {
        let now = stamp(self.loader.file.path());
        if now.as_ref() == seen {
            return false;
        }
        tokio::time::sleep(SETTLE).await;
        stamp(self.loader.file.path()) == now
    }

    /// Reads the file and puts it in force if it is another than the one last `followed`, and good. What the guard took
    /// back holds over it. `false` where something else was put in force meanwhile: look again.
    async fn follow(&self, followed: &mut Digest) -> bool {
        let noticed = Instant::now();
        let text = match self.loader.file.read() {
            Ok(text) => text,
            Err(error) => {
                self.refuse_file(&describe(&error));
                return true;
            }
        };
        let before = self.live.snapshot();
        let digest = Digest::of(&text);
        if digest == before.table.generation.digest || digest == *followed {
            *followed = digest;
            self.live.confirm();
            return true;
        }
        let refused = self.live.rejected().and_then(|rejected| rejected.digest.clone());
        if refused.as_ref() == Some(&digest) {
            return true;
        }
        let held = self.live.taken_back.hold(self.loader.file.path(), &text);
        let is_override = held.is_some();
        match self.loader.load(held.unwrap_or(text), &before.pools).await {
            Ok(mut next) => {
                next.is_override = is_override;
                let number = next.table.generation.number;
                if next.table.listen_http != before.table.listen_http
                    || next.table.listen_admin != before.table.listen_admin
                {
                    tracing::warn!(
                        "`[listen]` changed: the proxy keeps its addresses until it is restarted"
                    );
                }
                if !self.live.publish(&before, next) {
                    return false;
                }
                *followed = digest.clone();
                let took = noticed.elapsed();
                self.loader.metrics.reload.observe(took.as_secs_f64());
                tracing::info!(
                    generation = number, %digest, took_ms = took.as_secs_f64() * 1e3,
                    "route table in force"
                );
            }
            Err(problems) => {
                let rejected = load::rejected_text(&problems);
                for problem in &rejected.problems {
                    tracing::error!(%problem, "route table rejected; the last good one stays in force");
                }
                self.live.reject(rejected);
            }
        }
        true
    }

    fn refuse_file(&self, why: &str) {
        let rejected = load::rejected_file(self.loader.file.path(), why);
        let known = self.live.rejected().is_some_and(|known| known.problems == rejected.problems);
        if !known {
            tracing::error!(table = %self.loader.file.path().display(), why, "route table can't be read; the last good one stays in force");
            self.live.reject(rejected);
        }
    }
}

/// An error with its causes on one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn stamp(path: &Path) -> Option<Stamp> {
    std::fs::metadata(path).ok().map(Stamp::from)
}

/// Waits until the file is complete, as far as can be told, and forgets what was heard meanwhile.
async fn settle(first: Heard, heard: &mut mpsc::Receiver<Heard>) {
    let limit = Instant::now() + SETTLE_LIMIT;
    let mut last = first;
    while last == Heard::MaybeGrowing && Instant::now() < limit {
        match timeout(SETTLE, heard.recv()).await {
            Ok(Some(event)) => last = event,
            Ok(None) | Err(_) => break,
        }
    }
    while heard.try_recv().is_ok() {}
}

/// Watches the folder of the file, and the folder of what it links to. Folders, not the file: a
/// rename into place, or a swap of a symbolic link, makes another file of that name.
fn watch_folders(
    path: &Path,
    sender: mpsc::Sender<Heard>,
) -> Result<RecommendedWatcher, notify::Error> {
    let name = path.file_name().map(ToOwned::to_owned);
    let mut watcher = notify::recommended_watcher(move |event: Result<Event, notify::Error>| {
        let event = match event {
            Ok(event) => what_it_says(&event, name.as_deref()),
            Err(_) => Some(Heard::MaybeGrowing),
        };
        if let Some(event) = event {
            // A full channel holds news already; the poll is the net under what is lost.
            let _full = sender.try_send(event);
        }
    })?;
    let mut folders = vec![folder_of(path)];
    if let Ok(target) = path.canonicalize() {
        folders.push(folder_of(&target));
    }
    folders.dedup();
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Whether an event can mean another table. What happens to other files of the folder can't, but for
/// renames: the file may be a link to a link.
fn what_it_says(event: &Event, name: Option<&std::ffi::OsStr>) -> Option<Heard> {
    let is_ours = event.paths.iter().any(|path| path.file_name() == name);
    match event.kind {
        // Renamed away: an editor makes room for the file it is about to write.
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Some(Heard::MaybeGrowing),
        EventKind::Modify(ModifyKind::Name(_)) => Some(Heard::Complete),
        EventKind::Access(AccessKind::Close(AccessMode::Write)) if is_ours => Some(Heard::Complete),
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => None,
        _ if is_ours => Some(Heard::MaybeGrowing),
        // Events were lost: look.
        EventKind::Other | EventKind::Any => Some(Heard::MaybeGrowing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange};

    use super::*;

    fn heard(kind: EventKind, file: &str) -> Option<Heard> {
        let event = Event::new(kind).add_path(PathBuf::from("/etc/strangler").join(file));
        what_it_says(&event, Some("routes.toml".as_ref()))
    }

    #[test]
    fn a_file_renamed_into_place_is_complete() {
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        assert_eq!(heard(renamed, "routes.toml"), Some(Heard::Complete));
        assert_eq!(heard(renamed, "..data"), Some(Heard::Complete));
    }

    #[test]
    fn a_file_written_in_place_is_complete_when_its_writer_closes_it() {
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert_eq!(heard(data, "routes.toml"), Some(Heard::MaybeGrowing));
        assert_eq!(heard(closed, "routes.toml"), Some(Heard::Complete));
        assert_eq!(
            heard(EventKind::Create(CreateKind::File), "routes.toml"),
            Some(Heard::MaybeGrowing)
        );
    }

    #[test]
    fn reading_and_other_files_data_say_nothing() {
        let read = EventKind::Access(AccessKind::Close(AccessMode::Read));
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert_eq!(heard(read, "routes.toml"), None);
        assert_eq!(heard(data, "evidence.db"), None);
        assert_eq!(heard(EventKind::Create(CreateKind::File), ".routes.tmp"), None);
        assert_eq!(
            heard(EventKind::Access(AccessKind::Close(AccessMode::Write)), "evidence.db"),
            None
        );
    }

    #[tokio::test(start_paused = true)]
    async fn settling_ends_when_the_writer_is_done_or_silent() {
        let (sender, mut receiver) = mpsc::channel(16);
        let start = tokio::time::Instant::now();
        sender.try_send(Heard::MaybeGrowing).unwrap();
        sender.try_send(Heard::Complete).unwrap();
        settle(Heard::MaybeGrowing, &mut receiver).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        settle(Heard::MaybeGrowing, &mut receiver).await;
        assert!(start.elapsed() >= SETTLE && start.elapsed() < SETTLE * 2);
    }
}
