//! Files of units: put into their folder whole, or not at all.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::unit_manager::UnitError;
use crate::logic::unit::{Unit, UnitName};

/// Writes the file of a unit, in place of one that is there.
pub(super) async fn write(folder: &Path, unit: &Unit) -> Result<(), UnitError> {
    let (path, folder, text) =
        (folder.join(unit.name.as_str()), folder.to_owned(), unit.text.clone());
    let failed = |path: PathBuf, source| UnitError::File { doing: "write", path, source };
    let target = path.clone();
    let written = tokio::task::spawn_blocking(move || replace(&folder, &target, &text)).await;
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(source)) => Err(failed(path, source)),
        Err(error) => Err(failed(path, std::io::Error::other(error))),
    }
}

fn replace(folder: &Path, target: &Path, text: &str) -> std::io::Result<()> {
    // A name that no unit has, so that a manager that looks just then does not take it for one.
    let random = getrandom::u64().map_err(std::io::Error::other)?;
    let temporary = folder.join(format!(".{random:016x}.new"));
    let done = (|| {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
        file.sync_all()?;
        std::fs::rename(&temporary, target)
    })();
    if done.is_err() {
        // It may not be there; there is nobody to tell that it could not be removed either.
        let _gone = std::fs::remove_file(&temporary);
    }
    done
}

/// Removes the file of a unit; says whether there was one.
pub(super) async fn remove(folder: &Path, name: &UnitName) -> Result<bool, UnitError> {
    let path = folder.join(name.as_str());
    match tokio::fs::remove_file(&path).await {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(UnitError::File { doing: "remove", path, source }),
    }
}

/// Whether there is a file of this unit.
pub(super) async fn exists(folder: &Path, name: &UnitName) -> Result<bool, UnitError> {
    let path = folder.join(name.as_str());
    match tokio::fs::try_exists(&path).await {
        Ok(exists) => Ok(exists),
        Err(source) => Err(UnitError::File { doing: "look at", path, source }),
    }
}
