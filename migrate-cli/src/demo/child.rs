//! A process that the demo starts and that never outlives it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Failure;

/// How long a process may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(3);
/// Lines of a log that an error shows.
const SHOWN_LINES: usize = 12;

/// A running process; its output goes to a file. Dropped, it gets SIGTERM and, when that does not help, SIGKILL.
#[derive(Debug)]
pub(super) struct Child {
    name: &'static str,
    process: Process,
    log: PathBuf,
}

impl Child {
    /// Starts `command` with its output in `NAME.log` of the folder, apart from the terminal's signals.
    pub(super) fn start(
        name: &'static str,
        mut command: Command,
        folder: &Path,
    ) -> Result<Self, Failure> {
        use std::os::unix::process::CommandExt as _;
        let failed = |problem: std::io::Error| Failure::Other {
            message: format!("{name} could not be started: {problem}"),
            help: "build and set up everything it needs: make demo".to_owned(),
        };
        let log = folder.join(name).with_extension("log");
        let output = File::create(&log).map_err(failed)?;
        let process = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        Ok(Self { name, process, log })
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }

    /// SIGKILL, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        // It may be gone already, which is what is wanted.
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }

    /// Tells it to end; dropping waits for that.
    pub(super) fn ask_to_end(&self) {
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _gone = kill_process(pid, Signal::TERM);
        }
    }

    /// Why it is not up, with the last lines of its log.
    pub(super) fn failure(&self, what: &str) -> Failure {
        let log = self.log_text();
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(SHOWN_LINES);
        let shown = lines.get(from..).unwrap_or_default().join("\n    ");
        Failure::Other {
            message: format!("{} {what}; it last said:\n    {shown}", self.name),
            help: "see that nothing is missing: make demo".to_owned(),
        }
    }

    /// Whether it ended because somebody else had taken its port.
    pub(super) fn lost_its_port(&self) -> bool {
        self.log_text().contains("in use")
    }

    fn log_text(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        self.ask_to_end();
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE && !self.has_ended() {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Path) -> Child {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Child::start("shell", command, folder).unwrap()
    }

    fn wait_for_line(child: &Child) {
        let began = Instant::now();
        while child.log_text().is_empty() && began.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_dropped_child_is_told_and_gone() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.01; done";
        let child = shell(script, folder.path());
        wait_for_line(&child);
        drop(child);
        let log = std::fs::read_to_string(folder.path().join("shell.log")).unwrap();
        assert_eq!(log, "ready\nbye\n");
    }

    #[test]
    fn a_deaf_child_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let child = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done", folder.path());
        wait_for_line(&child);
        let pid = Pid::from_raw(i32::try_from(child.process.id()).unwrap()).unwrap();
        drop(child);
        assert!(rustix::process::test_kill_process(pid).is_err());
    }

    #[test]
    fn a_failure_shows_what_was_said_last() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell("echo port 1 is in use; exit 1", folder.path());
        while !child.has_ended() {
            std::thread::yield_now();
        }
        assert!(child.lost_its_port());
        assert!(child.failure("ended").to_string().contains("port 1 is in use"));
    }
}
