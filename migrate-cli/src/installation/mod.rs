//! Puts an installation on a machine and takes it away again, so that the machine is never left half way: what was there before is
//! kept on its disk first, and what a failed step leaves is put back.

pub(crate) mod wanted;
mod machine;
mod content;
mod record;
mod renewal;
mod snapshot;
mod steps;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use machine::{Commands, Machine, Shell};
pub(crate) use record::{Record, aside};
pub(crate) use steps::Step;

use snapshot::Snapshot;
use wanted::Wanted;

/// The folder below a machine's root in which the way back is kept.
pub(crate) const KEPT: &str = "var/lib/strangler-installation";

/// A step that did not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// With a file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// With a program of the machine.
    #[error("`{line}`: {said}")]
    Command {
        /// What was run.
        line: String,
        /// What it printed, or why it could not be run.
        said: String,
    },
    /// What is kept of the machine's past can't be understood.
    #[error("{}: {why}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// An installation that was not finished.
#[derive(Debug)]
pub(crate) struct Unfinished {
    /// What went wrong.
    pub(crate) trouble: Trouble,
    /// What could not be put back; empty: the machine is as it was.
    pub(crate) left: Vec<Trouble>,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; ", self.trouble)?;
        match self.left.as_slice() {
            [] => f.write_str("everything was put back as it was"),
            left => {
                f.write_str("not everything could be put back:")?;
                left.iter().try_for_each(|trouble| write!(f, " {trouble}"))?;
                write!(f, "; {KEPT} has it as it was, for `migrate deploy uninstall`")
            }
        }
    }
}

/// What would be done, step by step.
pub(crate) async fn plan<C: Commands>(
    wanted: &Wanted,
    machine: &Machine<'_, C>,
) -> Result<Vec<Step>, Trouble> {
    steps::steps(wanted, machine).await
}

/// Does it. What a step that fails leaves behind is put back before this returns; a run that is killed is made whole by another, or
/// taken back by [`uninstall`].
pub(crate) async fn install<C: Commands>(
    wanted: &Wanted,
    steps: &[Step],
    machine: &Machine<'_, C>,
) -> Result<(), Unfinished> {
    let root = machine.root();
    let before_all = |trouble| Unfinished { trouble, left: Vec::new() };
    let known = Record::load(root).map_err(before_all)?;
    let snapshot = Snapshot::take(wanted, machine).await.map_err(before_all)?;
    let mut record = known.clone().unwrap_or_default();
    record.expect(&snapshot, wanted);
    let mut went = record.keep(root, &snapshot, known.as_ref());
    for step in steps {
        if went.is_err() {
            break;
        }
        went = step.carry_out(wanted, machine).await;
    }
    if went.is_ok() {
        record.settle(wanted);
        went = record.save(root);
    }
    let Err(trouble) = went else { return Ok(()) };
    let mut left = snapshot.restore(machine).await;
    // What could not be put back is needed once more: by another run, or by `uninstall`.
    if left.is_empty() {
        let put_back = match known {
            Some(known) => known.save(root),
            None => Record::forget(root),
        };
        left.extend(put_back.err());
    }
    Err(Unfinished { trouble, left })
}

/// Makes the machine what it was before the first installation that the record knows; returns what could not be put back. Files that
/// somebody has edited since are renamed ([`aside`]).
pub(crate) async fn uninstall<C: Commands>(
    record: &Record,
    machine: &Machine<'_, C>,
) -> Result<Vec<Trouble>, Trouble> {
    record.set_aside_what_was_edited(machine.root())?;
    let snapshot = record.snapshot(machine.root())?;
    let mut left = snapshot.restore(machine).await;
    if left.is_empty() {
        left.extend(Record::forget(machine.root()).err());
    }
    Ok(left)
}

/// An error with the file that it is about.
fn with_file(path: &Path) -> impl FnOnce(io::Error) -> Trouble {
    let path = path.to_owned();
    move |source| Trouble::File { path, source }
}
