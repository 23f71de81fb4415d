//! The file on disk: read it, lock it against other operators, replace it atomically.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::generation::Digest;

/// Longest table that is read.
const MAX_TABLE_BYTES: u64 = 4 << 20;
/// Longest name of a lock's holder that is shown.
const MAX_HOLDER_BYTES: u64 = 256;
/// Mode of a table that was not there: others may read it.
const SHARED: u32 = 0o644;
/// Mode of what came out of a database, where not everybody could read it.
const OWN: u32 = 0o600;
/// Time between two attempts to take the lock.
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// A table file with its companions: `FILE.lock` (advisory lock) and `FILE.journal`.
#[derive(Debug, Clone)]
pub struct TableFile {
    path: PathBuf,
}

/// Why the file could not be read, locked or replaced.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An I/O operation failed.
    #[error("failed to {what} {path}")]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is too long to be what it should be.
    #[error("{path} is longer than {limit} bytes; it is no route table or journal")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The longest that is read.
        limit: u64,
    },
    /// The file is no text.
    #[error("{path} is not UTF-8 from byte {offset} on; save it as UTF-8")]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Bytes before the first that is wrong.
        offset: usize,
    },
    /// Somebody else holds the lock.
    #[error("{holder} is changing {path} right now; try again when it is done")]
    Locked {
        /// The table.
        path: PathBuf,
        /// Who, as written into the lock file.
        holder: String,
    },
    /// The file changed between reading and writing.
    #[error(
        "{path} was edited while this change was prepared; nothing was written, run the command again"
    )]
    Changed {
        /// The table.
        path: PathBuf,
    },
}

impl StoreError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }
}

/// The advisory lock on a table; released on drop (and by the kernel when the process dies).
#[derive(Debug)]
pub struct TableLock {
    _file: File,
}

impl TableFile {
    /// Names a table; touches nothing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The table's path, as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `FILE.journal`, beside the real file where the path is a symbolic link.
    pub fn journal_path(&self) -> PathBuf {
        with_suffix(&real_path(&self.path), ".journal")
    }

    /// The text as it stands (UTF-8; at most 4 MiB).
    ///
    /// # Errors
    /// The file can't be read, is too long, or is no UTF-8.
    pub fn read(&self) -> Result<String, StoreError> {
        let bytes = read_at_most(&self.path, MAX_TABLE_BYTES)?;
        String::from_utf8(bytes).map_err(|error| StoreError::NotUtf8 {
            path: self.path.clone(),
            offset: error.utf8_error().valid_up_to(),
        })
    }

    /// Takes the lock, waiting up to `patience`. `holder` is who is shown to others ("alice: cutover workflows, pid 4711").
    /// `FILE.lock` stays behind when the lock is released: deleting it would let two hold a lock on two files of one name.
    ///
    /// # Errors
    /// Another process holds it for longer; the lock file can't be written.
    pub fn lock(&self, holder: &str, patience: Duration) -> Result<TableLock, StoreError> {
        let path = with_suffix(&real_path(&self.path), ".lock");
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(StoreError::io("open the lock file", &path))?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(LOCK_RETRY.min(deadline.duration_since(Instant::now())));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked {
                        path: self.path.clone(),
                        holder: read_holder(&mut file),
                    });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(StoreError::io("lock", &path)(source));
                }
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(StoreError::io("write the lock file", &path))?;
        Ok(TableLock { _file: file })
    }

    /// Replaces the text: temporary file in the same folder (same mode and owner), fsync, check that the digest on disk is still
    /// `expected` (`None`: whatever is there, for repairs), rename, fsync the folder. Needs the lock. Where the path is a
    /// symbolic link, the real file is replaced and the link stays.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the file is not what was read; I/O.
    pub fn replace(
        &self,
        _lock: &TableLock,
        expected: Option<&Digest>,
        text: &str,
    ) -> Result<(), StoreError> {
        write_whole_if(&real_path(&self.path), text.as_bytes(), SHARED, || {
            expected.map_or(Ok(()), |expected| self.check_unchanged(expected))
        })
    }

    fn check_unchanged(&self, expected: &Digest) -> Result<(), StoreError> {
        let changed = || StoreError::Changed { path: self.path.clone() };
        match self.read() {
            Ok(text) if Digest::of(&text) == *expected => Ok(()),
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Err(changed())
            }
            Err(error @ StoreError::Io { .. }) => Err(error),
            _ => Err(changed()),
        }
    }
}

/// Makes a file that only its owner can read, or replaces one (same mode and owner), so that it is never seen in part: temporary
/// file in the same folder, fsync, rename, fsync of the folder.
///
/// # Errors
/// I/O.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_whole_if(&real_path(path), bytes, OWN, || Ok(()))
}

fn write_whole_if(
    path: &Path,
    bytes: &[u8],
    new_mode: u32,
    check: impl FnOnce() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let folder = folder_of(path);
    let mut temporary = tempfile::Builder::new()
        .prefix(".routes-")
        .suffix(".tmp")
        .tempfile_in(folder)
        .map_err(StoreError::io("create a temporary file in", folder))?;
    keep_mode_and_owner(path, temporary.as_file(), new_mode)?;
    temporary
        .write_all(bytes)
        .and_then(|()| temporary.as_file().sync_all())
        .map_err(StoreError::io("write a temporary file for", path))?;
    check()?;
    temporary.persist(path).map_err(|error| StoreError::io("replace", path)(error.error))?;
    sync_folder(folder)
}

/// Reads a file that must not be longer than `limit`.
pub(crate) fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(StoreError::io("read", path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(StoreError::TooLong { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// Makes what was renamed or created in a folder last.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::io("sync the folder", folder))
}

/// The folder of a file; `.` for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Follows symbolic links of the last component, also to a file that is not there (yet).
fn real_path(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many as the kernel follows.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&path) else { break };
        path = folder_of(&path).join(target);
    }
    path
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn read_holder(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let read = file.rewind().and_then(|()| file.take(MAX_HOLDER_BYTES).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    let shown: String = text.chars().filter(|character| !character.is_control()).collect();
    if read.is_err() || shown.is_empty() { "another process".to_owned() } else { shown }
}

/// Gives a new file the mode and owner of the one that it will replace; `new_mode` where there is none.
fn keep_mode_and_owner(path: &Path, file: &File, new_mode: u32) -> Result<(), StoreError> {
    let wrong = |source| StoreError::io("set mode and owner of a temporary file for", path)(source);
    let old = match fs::metadata(path) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return file.set_permissions(fs::Permissions::from_mode(new_mode)).map_err(wrong);
        }
        Err(error) => return Err(StoreError::io("look at", path)(error)),
    };
    let new = file.metadata().map_err(wrong)?;
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        match std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid())) {
            // Only root may give files away; for others the new file is theirs.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            done => done.map_err(wrong)?,
        }
    }
    file.set_permissions(old.permissions()).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> (tempfile::TempDir, TableFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routes.toml");
        fs::write(&path, text).unwrap();
        (folder, TableFile::new(path))
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_text_is_replaced_with_its_mode_kept_and_nothing_left_behind() {
        let (folder, table) = table("old");
        fs::set_permissions(table.path(), fs::Permissions::from_mode(0o640)).unwrap();
        let lock = table.lock("alice", Duration::ZERO).unwrap();
        table.replace(&lock, Some(&Digest::of("old")), "new").unwrap();
        assert_eq!(table.read().unwrap(), "new");
        assert_eq!(fs::metadata(table.path()).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(folder.path()), ["routes.toml", "routes.toml.lock"]);
    }

    #[test]
    fn a_hand_edit_is_never_overwritten() {
        let (folder, table) = table("edited by hand");
        let lock = table.lock("alice", Duration::ZERO).unwrap();
        let refused = table.replace(&lock, Some(&Digest::of("old")), "new");
        assert!(matches!(refused, Err(StoreError::Changed { .. })));
        assert_eq!(table.read().unwrap(), "edited by hand");
        assert_eq!(names(folder.path()), ["routes.toml", "routes.toml.lock"]);
        fs::remove_file(table.path()).unwrap();
        let refused = table.replace(&lock, Some(&Digest::of("old")), "new");
        assert!(matches!(refused, Err(StoreError::Changed { .. })));
        table.replace(&lock, None, "repaired").unwrap();
        assert_eq!(table.read().unwrap(), "repaired");
        assert_eq!(fs::metadata(table.path()).unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn a_symbolic_link_stays_and_its_file_is_replaced() {
        let (folder, table) = table("old");
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink("routes.toml", &link).unwrap();
        let linked = TableFile::new(&link);
        assert_eq!(linked.journal_path(), table.journal_path());
        let lock = linked.lock("alice", Duration::ZERO).unwrap();
        assert!(matches!(table.lock("bob", Duration::ZERO), Err(StoreError::Locked { .. })));
        linked.replace(&lock, Some(&Digest::of("old")), "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(table.read().unwrap(), "new");
    }

    #[test]
    fn the_lock_keeps_others_out_and_says_who_holds_it() {
        let (_folder, table) = table("");
        let lock = table.lock("alice: cutover workflows, pid 1", Duration::ZERO).unwrap();
        let error = table.lock("bob", Duration::from_millis(30)).unwrap_err();
        assert!(
            error.to_string().starts_with("alice: cutover workflows, pid 1 is changing"),
            "{error}"
        );
        let waiting = std::thread::spawn({
            let table = table.clone();
            move || table.lock("bob", Duration::from_secs(10)).map(drop)
        });
        drop(lock);
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let (_folder, table) = table("");
        fs::write(table.path(), b"ok\xff").unwrap();
        assert!(matches!(table.read(), Err(StoreError::NotUtf8 { offset: 2, .. })));
        File::create(table.path()).unwrap().set_len(MAX_TABLE_BYTES + 1).unwrap();
        assert!(matches!(table.read(), Err(StoreError::TooLong { .. })));
        let missing = TableFile::new(table.path().with_file_name("none")).read().unwrap_err();
        assert!(missing.to_string().starts_with("failed to open"), "{missing}");
    }
}
