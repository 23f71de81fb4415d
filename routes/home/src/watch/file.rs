//! Follows a file: told by the kernel, with a look every now and then as a net.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use routes::store::TableFile;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Seen;

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

/// The watch over one file.
#[derive(Debug)]
pub(super) struct FileWatch {
    file: TableFile,
    heard: mpsc::Receiver<Heard>,
    /// Keeps the channel open.
    _sender: mpsc::Sender<Heard>,
    /// Dropping it ends the watch.
    _watcher: Option<RecommendedWatcher>,
    /// The file as it was last read.
    seen: Option<Stamp>,
    /// What changed before the watch was there has not been heard: the first look is at once.
    has_looked: bool,
}

impl FileWatch {
    pub(super) fn new(file: TableFile) -> Self {
        let (sender, heard) = mpsc::channel(16);
        let watcher = match watch_folders(file.path(), sender.clone()) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "can't watch the folder of the route table; polling it");
                None
            }
        };
        Self { file, heard, _sender: sender, _watcher: watcher, seen: None, has_looked: false }
    }

    /// Waits for the next moment at which the file may be another, and reads it.
    pub(super) async fn next(&mut self) -> Seen {
        loop {
            let noticed = tokio::select! {
                event = self.heard.recv() => {
                    settle(event.unwrap_or(Heard::MaybeGrowing), &mut self.heard).await;
                    true
                }
                () = pause(self.has_looked) => self.has_moved().await,
            };
            self.has_looked = true;
            if noticed {
                self.seen = stamp(self.file.path());
                return match self.file.read() {
                    Ok(text) => Seen::Text(text),
                    Err(error) => Seen::Unreadable(error.into()),
                };
            }
        }
    }

    /// Whether the file is another than the one last read, and left alone for a moment.
    async fn has_moved(&self) -> bool {
        let now = stamp(self.file.path());
        if now == self.seen {
            return false;
        }
        tokio::time::sleep(SETTLE).await;
        stamp(self.file.path()) == now
    }
}

async fn pause(has_looked: bool) {
    if has_looked {
        tokio::time::sleep(POLL).await;
    }
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
    async fn the_first_look_waits_for_nothing_but_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routes.toml");
        std::fs::write(&path, "as it is").unwrap();
        let mut watch = FileWatch::new(TableFile::new(path));
        let start = tokio::time::Instant::now();
        let Seen::Text(text) = watch.next().await else { panic!("it is there") };
        assert_eq!(text, "as it is");
        assert!(start.elapsed() < SETTLE * 2, "{:?}", start.elapsed());
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
