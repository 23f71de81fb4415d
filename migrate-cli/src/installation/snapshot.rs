//! How the machine was at a moment, as far as an installation changes it, and the way back to that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::content::Content;
use super::machine::{Commands, Machine, UnitState};
use super::renewal::renewal;
use super::steps::What;
use super::wanted::Wanted;
use super::{Trouble, with_file};

/// Files and units as they were.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Paths below the root; `None`: there was no such file.
    pub(crate) files: Vec<(PathBuf, Option<Content>)>,
    /// Folders that were not there, outermost first.
    pub(crate) absent_folders: Vec<PathBuf>,
    /// In the order in which they start.
    pub(crate) units: Vec<(String, UnitState)>,
    /// The main process of each unit that ran, as far as that is known: it may be the same when the machine is made that again.
    pub(crate) processes: BTreeMap<String, String>,
}

impl Snapshot {
    /// The machine as it is now.
    pub(crate) async fn take<C: Commands>(
        wanted: &Wanted,
        machine: &Machine<'_, C>,
    ) -> Result<Self, Trouble> {
        let mut files = Vec::new();
        let mut absent_folders = Vec::new();
        // A table that is there is nobody's to change.
        let table = wanted.table.iter().filter(|it| !machine.root().join(&it.path).exists());
        for file in wanted.files.iter().chain(table) {
            files.push((file.path.clone(), Content::read(&machine.root().join(&file.path))?));
            let folders = file.path.ancestors().skip(1);
            let absent = folders.filter(|folder| !machine.root().join(folder).exists());
            absent_folders.extend(absent.map(Path::to_owned));
        }
        absent_folders.sort();
        absent_folders.dedup();
        let mut units = Vec::new();
        let mut processes = BTreeMap::new();
        for unit in &wanted.units {
            let state = machine.state(unit).await?;
            if state.active {
                processes.insert(unit.clone(), machine.main_process(unit).await?);
            }
            units.push((unit.clone(), state));
        }
        Ok(Self { files, absent_folders, units, processes })
    }

    /// Makes the machine that again; goes on where something can't be put back, and returns what could not.
    pub(crate) async fn restore<C: Commands>(&self, machine: &Machine<'_, C>) -> Vec<Trouble> {
        let mut left = Vec::new();
        for (unit, before) in self.units.iter().rev() {
            left.extend(self.quieten(machine, unit, *before).await.err());
        }
        let mut changed = Vec::new();
        for (path, before) in &self.files {
            match put_back(&machine.root().join(path), before.as_ref()) {
                Ok(is_changed) => changed.extend(is_changed.then_some(path.as_path())),
                Err(trouble) => left.push(trouble),
            }
        }
        for folder in self.absent_folders.iter().rev() {
            // What has something in it by now is somebody's.
            let _in_use = std::fs::remove_dir(machine.root().join(folder));
        }
        if !machine.runs() {
            return left;
        }
        left.extend(machine.reload().await.err());
        for (unit, _) in self.units.iter().filter(|(_, before)| before.active) {
            left.extend(self.renew(machine, unit, &changed).await.err());
        }
        left
    }

    /// Has a unit that ran run in the form that was put back.
    async fn renew<C: Commands>(
        &self,
        machine: &Machine<'_, C>,
        unit: &str,
        changed: &[&Path],
    ) -> Result<(), Trouble> {
        match renewal(machine, unit, changed).await? {
            None => Ok(()),
            // Where the new program did not take over, the one before runs all the time.
            Some(What::HandOver) => {
                let now = machine.main_process(unit).await?;
                if self.processes.get(unit) == Some(&now) {
                    return Ok(());
                }
                machine.hand_over(unit).await
            }
            Some(_) => machine.start("restart", unit).await,
        }
    }

    /// Stops and disables a unit that did not run, or was not enabled.
    async fn quieten<C: Commands>(
        &self,
        machine: &Machine<'_, C>,
        unit: &str,
        before: UnitState,
    ) -> Result<(), Trouble> {
        let now = machine.state(unit).await?;
        // One that tries to start again and again is not active, and must stop, too.
        if machine.runs()
            && !before.active
            && super::wanted::unit_file(machine.root(), unit).exists()
        {
            machine.stop(unit).await?;
        }
        if now.enabled && !before.enabled {
            machine.disable(unit).await?;
        }
        Ok(())
    }
}

/// Whether something had to be done.
fn put_back(path: &Path, before: Option<&Content>) -> Result<bool, Trouble> {
    if Content::read(path)?.as_ref() == before {
        return Ok(false);
    }
    match before {
        Some(before) => before.write(path)?,
        None => std::fs::remove_file(path).map_err(with_file(path))?,
    }
    Ok(true)
}
