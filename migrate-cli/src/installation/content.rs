//! What stands at a path, whole: so that it can be put there again as it was.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown, symlink};
use std::path::{Path, PathBuf};

use super::wanted::mode;
use super::{Trouble, with_file};
use crate::whole_file;

/// The numbers of a user and a group.
pub(super) type Owner = (u32, u32);

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A file.
    File { bytes: Vec<u8>, mode: u32, owner: Owner },
    /// A symbolic link, wherever it leads.
    Link(PathBuf),
}

impl Content {
    /// What is there, if anything is.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Trouble> {
        let found = || {
            let metadata = path.symlink_metadata()?;
            if metadata.is_symlink() {
                return std::fs::read_link(path).map(Self::Link);
            }
            let owner = (metadata.uid(), metadata.gid());
            std::fs::read(path).map(|bytes| Self::File { bytes, mode: mode(&metadata), owner })
        };
        there(path, found())
    }

    /// Puts it there in place of what is, with the folders above it.
    pub(super) fn write(&self, path: &Path) -> Result<(), Trouble> {
        match self {
            Self::File { bytes, mode, owner } => write(path, bytes, *mode, Some(*owner)),
            Self::Link(to) => link(path, to).map_err(with_file(path)),
        }
    }

    /// Whether another one says the same; mode and owner are nobody's work that could be lost.
    pub(super) fn says(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { bytes: one, .. }, Self::File { bytes: two, .. }) => one == two,
            (Self::Link(one), Self::Link(two)) => one == two,
            _ => false,
        }
    }
}

/// The bytes of a file, or of what a link leads to; `None`: there is nothing.
pub(super) fn bytes(path: &Path) -> Result<Option<Vec<u8>>, Trouble> {
    there(path, std::fs::read(path))
}

fn there<T>(path: &Path, found: io::Result<T>) -> Result<Option<T>, Trouble> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(with_file(path)(problem)),
    }
}

/// Writes a file, and the folders above it. Whoever finds it finds it with this mode and owner; `None`: whoever runs this.
pub(super) fn write(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Option<Owner>,
) -> Result<(), Trouble> {
    std::fs::create_dir_all(whole_file::folder_of(path))
        .and_then(|()| {
            let dress = |file: &File| dress(file, mode, owner);
            whole_file::write_as(path, dress, |out| out.write_all(bytes))
        })
        .map_err(with_file(path))
}

/// The owner first: a change of it takes bits of the mode away.
fn dress(file: &File, mode: u32, owner: Option<Owner>) -> io::Result<()> {
    let now = file.metadata()?;
    // Who is not root may keep what is its own.
    if let Some((user, group)) = owner.filter(|owner| *owner != (now.uid(), now.gid())) {
        fchown(file, Some(user), Some(group))?;
    }
    file.set_permissions(Permissions::from_mode(mode))
}

fn link(path: &Path, to: &Path) -> io::Result<()> {
    let folder = whole_file::folder_of(path);
    std::fs::create_dir_all(folder)?;
    let made = tempfile::Builder::new().make_in(folder, |beside| symlink(to, beside))?;
    made.persist(path).map_err(|failed| failed.error)
}
