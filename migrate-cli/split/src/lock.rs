//! Keeps two movers apart. The lock ends with its process, however that ends; on a server it ends when the server has done what the
//! process had asked for last, so that nothing of it comes late.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use service::store::session::Session;

use super::error::SplitError;
use super::place::Place;

/// How long to wait for a mover that is ending.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// "strgsplt". It belongs to one database, and to the session.
const TAKE: &str = "SELECT pg_advisory_lock(8319387744486026356)";

/// A lock that is held until it is dropped, or the session ends.
#[derive(Debug)]
pub(crate) enum Lock {
    /// A file beside the database's.
    File { file: File, path: PathBuf },
    /// In the session.
    Session,
}

impl Lock {
    /// Waits a moment for it.
    pub(crate) async fn take(place: &Place, session: &mut Session) -> Result<Self, SplitError> {
        let database = place.to_string();
        let Place::File(path) = place else {
            return match session.order("lock other movers out", TAKE).await {
                Ok(()) => Ok(Self::Session),
                Err(why) if why.is_locked_out() => Err(SplitError::InUse { database }),
                Err(source) => Err(SplitError::Database { database, source }),
            };
        };
        let path = beside(path);
        let odd = |why: &std::io::Error| {
            let problem = format!("the lock {} can't be had: {why}", path.display());
            SplitError::Odd { database: database.clone(), problem }
        };
        let began = Instant::now();
        loop {
            let file =
                File::options().create(true).append(true).open(&path).map_err(|why| odd(&why))?;
            match file.try_lock() {
                // Who had it may have removed the file since.
                Ok(()) if is_at(&file, &path).map_err(|why| odd(&why))? => {
                    return Ok(Self::File { file, path });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(TryLockError::WouldBlock) => return Err(SplitError::InUse { database }),
                Err(TryLockError::Error(why)) => return Err(odd(&why)),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Self::File { file, path } = self {
            let _left_behind = std::fs::remove_file(path);
            let _ends_with_the_process = file.unlock();
        }
    }
}

/// Whether an open file is the one of this name.
fn is_at(file: &File, path: &Path) -> std::io::Result<bool> {
    let opened = file.metadata()?;
    Ok(std::fs::metadata(path)
        .is_ok_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino())))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(".split-lock");
    PathBuf::from(name)
}
