//! Who runs deployed instances: `UNIT_MANAGER` and what belongs to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::source::{Problem, Source};
use super::whole;
use crate::logic::unit::Template;

/// How units are run.
#[derive(Debug, Clone)]
pub struct UnitSettings {
    /// By whom.
    pub manager: Units,
    /// What a unit's file says.
    pub template: Template,
    /// How long a unit that was started may take to become active.
    pub patience: Duration,
}

/// `UNIT_MANAGER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Units {
    /// By nobody: instances cannot be brought up.
    None,
    /// By whoever watches a folder of unit files.
    Directory(PathBuf),
    /// By systemd.
    Systemd {
        /// The absolute path of `systemctl`, if there is one.
        program: Option<PathBuf>,
        /// Where its unit files are.
        folder: PathBuf,
    },
}

/// What `UNIT_MANAGER` says by itself.
enum Named {
    None,
    Directory(PathBuf),
    Systemd,
}

/// Reads and checks the settings.
pub(super) fn read(source: &Source, problems: &mut Vec<Problem>) -> Option<UnitSettings> {
    let folder = source.parse("UNIT_DIRECTORY", "/etc/systemd/system", absolute, problems);
    let named = source.parse("UNIT_MANAGER", "systemd", manager, problems);
    let template = match source.get("UNIT_TEMPLATE") {
        Some(_) => source.parse("UNIT_TEMPLATE", "", template, problems),
        None => Some(Template::default()),
    };
    let seconds = |text: &str| whole(text, 1, 600).map(Duration::from_secs);
    let patience = source.parse("UNIT_START_TIMEOUT_SECONDS", "20", seconds, problems);
    let manager = match named? {
        Named::None => Units::None,
        Named::Directory(folder) => Units::Directory(folder),
        Named::Systemd => {
            Units::Systemd { program: find("systemctl", source.search_path()), folder: folder? }
        }
    };
    Some(UnitSettings { manager, template: template?, patience: patience? })
}

fn manager(text: &str) -> Result<Named, String> {
    match text.split_once(':') {
        None if text == "none" => Ok(Named::None),
        None if text == "systemd" => Ok(Named::Systemd),
        Some(("directory", folder)) => {
            let folder = absolute(folder)?;
            if folder.is_dir() {
                Ok(Named::Directory(folder))
            } else {
                Err("names no folder".to_owned())
            }
        }
        _ => Err("is neither systemd nor directory:/path nor none".to_owned()),
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err("is no absolute path".to_owned()) }
}

fn template(path: &str) -> Result<Template, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    Template::new(text)
}

/// The absolute path of a program. Relative parts of the search path are not looked at: what they mean depends on where
/// the service was started.
fn find(program: &str, search_path: &[PathBuf]) -> Option<PathBuf> {
    let candidates = search_path.iter().filter(|folder| folder.is_absolute());
    candidates.map(|folder| folder.join(program)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn read_from(settings: &[(&str, &str)]) -> Result<UnitSettings, Vec<String>> {
        let environment =
            settings.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let mut problems = Vec::new();
        let read = read(&Source::read(environment, None), &mut problems);
        read.ok_or_else(|| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn systemd_is_the_default_and_its_program_is_looked_up() {
        let nowhere = read_from(&[("PATH", "relative:/nowhere")]).unwrap();
        let folder = PathBuf::from("/etc/systemd/system");
        assert_eq!(nowhere.manager, Units::Systemd { program: None, folder });
        // Any program will do to see that the search path is followed.
        let shell =
            find("sh", &["relative".into(), "/nowhere".into(), "/bin".into(), "/usr/bin".into()]);
        assert!(shell.is_some_and(|path| path.is_absolute() && path.ends_with("sh")));
        assert_eq!(find("..", &["/bin".into()]), None, "a folder is no program");
    }

    #[test]
    fn other_managers() {
        assert_eq!(read_from(&[("UNIT_MANAGER", "none")]).unwrap().manager, Units::None);
        let folder = tempfile::tempdir().unwrap();
        let setting = format!("directory:{}", folder.path().display());
        let read = read_from(&[("UNIT_MANAGER", &setting)]).unwrap();
        assert_eq!(read.manager, Units::Directory(folder.path().to_owned()));
    }

    #[test]
    fn what_does_not_hold() {
        insta::assert_debug_snapshot!(read_from(&[
            ("UNIT_MANAGER", "directory:units"),
            ("UNIT_DIRECTORY", "units"),
            ("UNIT_TEMPLATE", "/nowhere/unit"),
            ("UNIT_START_TIMEOUT_SECONDS", "0"),
        ]).unwrap_err(), @r#"
        [
            "UNIT_DIRECTORY=\"units\" is no absolute path",
            "UNIT_MANAGER=\"directory:units\" is no absolute path",
            "UNIT_TEMPLATE=\"/nowhere/unit\" cannot be read: No such file or directory (os error 2)",
            "UNIT_START_TIMEOUT_SECONDS=\"0\" is no whole number from 1 to 600",
        ]
        "#);
        let wrong = read_from(&[("UNIT_MANAGER", "upstart")]).unwrap_err();
        assert!(wrong[0].ends_with("is neither systemd nor directory:/path nor none"), "{wrong:?}");
    }
}
