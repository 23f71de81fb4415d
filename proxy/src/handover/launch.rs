//! Starts this program again, as it was started.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

/// The variable that tells a process that it is to take over.
pub(crate) const VARIABLE: &str = "STRANGLER_TAKE_OVER";

/// What a process that is to take over does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Starts the next one and ends, so that the next one is nobody's child: whoever supervises the program then learns of its end.
    Detach,
    /// Takes over.
    Serve,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Detach => "detach",
            Self::Serve => "serve",
        }
    }
}

/// How this process was started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Launch {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Launch {
    /// From a process's arguments, the program's name first. `itself` is the file that runs, for a name that was looked up in `PATH`.
    pub(crate) fn new(arguments: impl Iterator<Item = OsString>, itself: Option<PathBuf>) -> Self {
        let mut arguments = arguments;
        let named = PathBuf::from(arguments.next().unwrap_or_default());
        // A path is kept as it was given, links and all: what it leads to then is what is started.
        let has_folder = named.parent().is_some_and(|folder| folder != Path::new(""));
        let program = if has_folder { named } else { itself.unwrap_or(named) };
        let program = std::path::absolute(&program).unwrap_or(program);
        Self { program, arguments: arguments.collect() }
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// To be run for a stage, with this process's environment.
    pub(super) fn command(&self, stage: Stage) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env(VARIABLE, stage.as_str());
        command.env_remove(supervised::WATCHDOG_PID);
        if stage == Stage::Detach {
            // Whatever it starts can be ended with it.
            command.process_group(0);
        }
        command
    }
}

/// The first stage: the second is started with everything that this process has.
///
/// # Errors
/// The program can't be run.
pub(crate) fn detach(launch: &Launch) -> io::Result<()> {
    launch.command(Stage::Serve).spawn().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(arguments: &[&str], itself: &str) -> Launch {
        let arguments = arguments.iter().map(OsString::from);
        Launch::new(arguments, Some(PathBuf::from(itself)))
    }

    #[test]
    fn the_path_that_was_given_is_started_and_not_what_it_led_to() {
        let given = launch(&["/opt/current/proxy", "--h2c", "--routes=a b"], "/opt/1/proxy");
        let command = given.command(Stage::Serve);
        assert_eq!(command.get_program(), "/opt/current/proxy");
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["--h2c", "--routes=a b"]);
        let relative = launch(&["./proxy"], "/opt/1/proxy");
        assert_eq!(relative.program(), std::env::current_dir().unwrap().join("proxy"));
        assert_eq!(launch(&["proxy"], "/opt/1/proxy").program(), "/opt/1/proxy");
    }

    #[test]
    fn the_watchdog_of_the_old_process_is_none_of_the_new_one_s() {
        let command = launch(&["/p"], "/p").command(Stage::Detach);
        let envs: Vec<_> = command.get_envs().collect();
        assert!(envs.contains(&("WATCHDOG_PID".as_ref(), None)), "{envs:?}");
        assert!(envs.contains(&(VARIABLE.as_ref(), Some("detach".as_ref()))), "{envs:?}");
    }
}
