//! What a machine was before anything was installed on it, kept on its disk: the way back outlives the program.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::content::{Content, bytes, write};
use super::machine::UnitState;
use super::snapshot::Snapshot;
use super::wanted::{Wanted, digest};
use super::{KEPT, Trouble, with_file};

/// The version of the format.
const FORMAT: u32 = 1;

/// The file below [`KEPT`].
const NAME: &str = "record.json";

/// The folder below [`KEPT`] that has files as they were.
const FILES: &str = "before";

/// How an edited file is called when the one that was there before comes back.
const EDITED: &str = "edited";

/// What is known of the time before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    format: u32,
    files: BTreeMap<PathBuf, FileRecord>,
    /// Folders that were made.
    folders: BTreeSet<PathBuf>,
    /// In the order in which they start.
    units: Vec<(String, UnitState)>,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRecord {
    /// Whether there was one before; then a copy of it is kept.
    was_there: bool,
    /// Digests of what we have put there, or are about to: anything else is somebody's edit.
    ours: BTreeSet<String>,
}

impl Default for Record {
    fn default() -> Self {
        Self { format: FORMAT, files: BTreeMap::new(), folders: BTreeSet::new(), units: Vec::new() }
    }
}

impl Record {
    /// What the machine has, if something was installed.
    pub(crate) fn load(root: &Path) -> Result<Option<Self>, Trouble> {
        let path = root.join(KEPT).join(NAME);
        let Some(text) = bytes(&path)? else { return Ok(None) };
        let wrong = |why: String| Trouble::Record { path: path.clone(), why };
        let record: Self = serde_json::from_slice(&text).map_err(|why| wrong(why.to_string()))?;
        if record.format == FORMAT {
            Ok(Some(record))
        } else {
            Err(wrong(format!("format {}; this version knows {FORMAT}", record.format)))
        }
    }

    /// Whether a file holds what we have put there.
    pub(crate) fn is_ours(&self, path: &Path, content: &[u8]) -> bool {
        self.files.get(path).is_some_and(|file| file.ours.contains(&digest(content)))
    }

    /// The files that it knows.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(PathBuf::as_path)
    }

    /// The units that it knows, in the order in which they start.
    pub(crate) fn units(&self) -> impl Iterator<Item = (&str, UnitState)> {
        self.units.iter().map(|(unit, state)| (unit.as_str(), *state))
    }

    /// Adds what is about to be installed. What is known of the time before stays as it is.
    pub(crate) fn expect(&mut self, snapshot: &Snapshot, wanted: &Wanted) {
        // The table, which the snapshot has last, is data: it stays when the rest goes.
        for ((path, before), file) in snapshot.files.iter().zip(&wanted.files) {
            let known = self.files.entry(path.clone()).or_insert_with(|| FileRecord {
                was_there: before.is_some(),
                ours: BTreeSet::new(),
            });
            known.ours.insert(file.digest());
        }
        self.folders.extend(snapshot.absent_folders.iter().cloned());
        for (unit, state) in &snapshot.units {
            if !self.units.iter().any(|(known, _)| known == unit) {
                self.units.push((unit.clone(), *state));
            }
        }
    }

    /// Forgets digests of earlier installations.
    pub(crate) fn settle(&mut self, wanted: &Wanted) {
        for file in &wanted.files {
            if let Some(known) = self.files.get_mut(&file.path) {
                known.ours = BTreeSet::from([file.digest()]);
            }
        }
    }

    /// Writes it, after copies of the files that were there; `known`: what the disk has of it so far.
    pub(crate) fn keep(
        &self,
        root: &Path,
        snapshot: &Snapshot,
        known: Option<&Self>,
    ) -> Result<(), Trouble> {
        for (path, before) in &snapshot.files {
            let copy = root.join(KEPT).join(FILES).join(path);
            let is_before = self.files.get(path).is_some_and(|file| file.was_there);
            // A copy that the disk's record knows nothing of is of a run that came to nothing: the file may be another by now.
            let is_kept = known.is_some_and(|known| known.files.contains_key(path));
            if let Some(before) = before
                && is_before
                && !is_kept
            {
                before.write(&copy)?;
            }
        }
        self.save(root)
    }

    /// Writes it.
    pub(crate) fn save(&self, root: &Path) -> Result<(), Trouble> {
        let path = root.join(KEPT).join(NAME);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|why| Trouble::Record { path: path.clone(), why: why.to_string() })?;
        write(&path, &text, 0o644, None)
    }

    /// Nothing is installed any more.
    pub(crate) fn forget(root: &Path) -> Result<(), Trouble> {
        let folder = root.join(KEPT);
        match std::fs::remove_dir_all(&folder) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => {
                Err(with_file(&folder)(problem))
            }
            _ => Ok(()),
        }
    }

    /// The files that hold neither what we put there nor what was there before.
    pub(crate) fn edited(&self, root: &Path) -> Result<Vec<&Path>, Trouble> {
        let mut edited = Vec::new();
        for (path, file) in &self.files {
            let Some(now) = Content::read(&root.join(path))? else { continue };
            let before = Content::read(&root.join(KEPT).join(FILES).join(path))?;
            let is_before = file.was_there && before.is_some_and(|it| it.says(&now));
            let is_ours = matches!(&now, Content::File { bytes, .. } if self.is_ours(path, bytes));
            if !is_ours && !is_before {
                edited.push(path.as_path());
            }
        }
        Ok(edited)
    }

    /// Renames them, so that nobody's work is lost.
    pub(super) fn set_aside_what_was_edited(&self, root: &Path) -> Result<(), Trouble> {
        for path in self.edited(root)? {
            let from = root.join(path);
            std::fs::rename(&from, aside(&from)).map_err(with_file(&from))?;
        }
        Ok(())
    }

    /// The machine as it was.
    pub(super) fn snapshot(&self, root: &Path) -> Result<Snapshot, Trouble> {
        let mut files = Vec::new();
        for (path, file) in &self.files {
            let copy = root.join(KEPT).join(FILES).join(path);
            let before = Content::read(&copy)?;
            if file.was_there && before.is_none() {
                let why = "the copy of a file that was there before is gone".to_owned();
                return Err(Trouble::Record { path: copy, why });
            }
            files.push((path.clone(), before));
        }
        let absent_folders = self.folders.iter().cloned().collect();
        Ok(Snapshot {
            files,
            absent_folders,
            units: self.units.clone(),
            processes: BTreeMap::new(),
        })
    }
}

/// The name that an edited file gets.
pub(crate) fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(EDITED);
    PathBuf::from(name)
}
