//! `UNIT_MANAGER=directory:PATH`: units are only files. Something else may run them, as in a container; in tests nothing does.

use std::path::PathBuf;

use async_trait::async_trait;

use super::unit_file;
use super::unit_manager::{UnitError, UnitManager};
use crate::logic::unit::{Unit, UnitName};

/// A folder of unit files. A unit counts as active while its file is there: what runs is for those who watch the folder.
#[derive(Debug)]
pub struct Directory {
    folder: PathBuf,
}

impl Directory {
    /// The units in this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl UnitManager for Directory {
    async fn start(&self, unit: &Unit) -> Result<(), UnitError> {
        unit_file::write(&self.folder, unit).await
    }

    async fn remove(&self, name: &UnitName) -> Result<(), UnitError> {
        unit_file::remove(&self.folder, name).await.map(drop)
    }

    async fn is_active(&self, name: &UnitName) -> Result<bool, UnitError> {
        unit_file::exists(&self.folder, name).await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::logic::instances::tests::instance;
    use crate::logic::unit::Template;

    #[tokio::test]
    async fn a_unit_is_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let manager = Directory::new(folder.path().to_owned());
        let unit = Template::default().unit(&instance(0)).unwrap();
        assert!(!manager.is_active(&unit.name).await.unwrap());
        for _again in 0..2 {
            manager.start(&unit).await.unwrap();
        }
        let path = folder.path().join(unit.name.as_str());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), unit.text);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        assert!(manager.is_active(&unit.name).await.unwrap());
        for _again in 0..2 {
            manager.remove(&unit.name).await.unwrap();
        }
        assert!(!manager.is_active(&unit.name).await.unwrap());
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_named() {
        let manager = Directory::new("/nowhere/units".into());
        let unit = Template::default().unit(&instance(0)).unwrap();
        let error = manager.start(&unit).await.unwrap_err().to_string();
        assert!(
            error.starts_with("could not write the unit file /nowhere/units/aitbc-agent-"),
            "{error}"
        );
    }
}
