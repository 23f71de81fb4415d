//! The folder with the two files and the link between which the way is switched.

use std::io::ErrorKind;
use std::path::Path;

use super::report::{File, State};
use crate::failure::Failure;
use crate::fronts::Kind;
use crate::whole_file;

/// What each file of this command says near its top.
const MARK: &str = "Written by `migrate retire`";

/// Where the link points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Points {
    /// There is none.
    Nowhere,
    /// Past the proxy.
    Straight,
    /// Through the proxy.
    Back,
}

/// The folder.
#[derive(Debug)]
pub(super) struct Folder<'f> {
    path: &'f Path,
    kind: Kind,
}

impl<'f> Folder<'f> {
    /// This one, for a front; it need not exist.
    pub(super) fn of(path: &'f Path, kind: Kind) -> Result<Self, Failure> {
        let folder = Self { path, kind };
        folder.points().map(|_| folder)
    }

    /// Where the link points now.
    pub(super) fn points(&self) -> Result<Points, Failure> {
        let link = self.path.join(self.kind.link());
        match std::fs::read_link(&link) {
            Ok(file) if file == Path::new(self.kind.straight()) => Ok(Points::Straight),
            Ok(file) if file == Path::new(self.kind.back()) => Ok(Points::Back),
            Err(problem) if problem.kind() == ErrorKind::NotFound => Ok(Points::Nowhere),
            // A link to something else, or no link: somebody else's.
            Ok(_) => Err(foreign(&link)),
            Err(problem) if problem.kind() == ErrorKind::InvalidInput => Err(foreign(&link)),
            Err(problem) => Err(failed(&link, &problem)),
        }
    }

    /// What writing a file would come to. One that this command has not written is refused.
    pub(super) fn would_write(&self, name: &str, text: &str) -> Result<File, Failure> {
        let path = self.path.join(name);
        let state = match std::fs::read_to_string(&path) {
            Ok(now) if now == text => State::Unchanged,
            Ok(now) if now.contains(MARK) => State::Replaced,
            Ok(_) => return Err(foreign(&path)),
            Err(problem) if problem.kind() == ErrorKind::NotFound => State::New,
            Err(problem) => return Err(failed(&path, &problem)),
        };
        Ok(File { path, state })
    }

    /// What a link to a file of the table would come to. What is no link is refused.
    pub(super) fn would_link(&self, name: &str, to: &Path) -> Result<File, Failure> {
        let path = self.path.join(name);
        let state = match std::fs::read_link(&path) {
            Ok(now) if now == to => State::Unchanged,
            Ok(_) => State::Replaced,
            Err(problem) if problem.kind() == ErrorKind::NotFound => State::New,
            Err(problem) if problem.kind() == ErrorKind::InvalidInput => {
                return Err(foreign(&path));
            }
            Err(problem) => return Err(failed(&path, &problem)),
        };
        Ok(File { path, state })
    }

    /// Writes a file, whole or not at all.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path.join(name);
        let written = std::fs::create_dir_all(self.path)
            .and_then(|()| whole_file::write(&path, |out| out.write_all(text.as_bytes())))
            // The front may run as another user; there is no secret in it.
            .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)));
        written.map_err(|problem| failed(&path, &problem))
    }

    /// Lets the front's link point there.
    pub(super) fn point(&self, at: Points) -> Result<(), Failure> {
        let file = match at {
            Points::Straight => self.kind.straight(),
            Points::Back => self.kind.back(),
            Points::Nowhere => return Ok(()),
        };
        self.link(self.kind.link(), Path::new(file))
    }

    /// Makes a link; whoever opens it meanwhile finds what it was or what it is.
    pub(super) fn link(&self, name: &str, to: &Path) -> Result<(), Failure> {
        let (link, beside) = (self.path.join(name), self.path.join(format!(".{name}.new")));
        // One that was killed on its way may have left it.
        match std::fs::remove_file(&beside) {
            Err(problem) if problem.kind() != ErrorKind::NotFound => {
                return Err(failed(&beside, &problem));
            }
            _ => {}
        }
        std::fs::create_dir_all(self.path)
            .and_then(|()| std::os::unix::fs::symlink(to, &beside))
            .and_then(|()| std::fs::rename(&beside, &link))
            .map_err(|problem| failed(&link, &problem))
    }
}

fn foreign(link: &Path) -> Failure {
    Failure::Refused {
        message: format!("{} is not of this command", link.display()),
        help: "name a folder of its own with --to, and let the front include the link there"
            .to_owned(),
    }
}

fn failed(path: &Path, problem: &std::io::Error) -> Failure {
    Failure::Other {
        message: format!("{}: {problem}", path.display()),
        help: "name a folder that you may write to with --to; a second run writes what lacks"
            .to_owned(),
    }
}
