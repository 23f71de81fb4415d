//! A child process that never outlives its test and shows what it said when the test fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// How long a child may take to end after SIGTERM when it is dropped.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of a child's output a failed test shows.
const SHOWN_LINES: usize = 60;

/// A running child. Its output goes to a file; dropped, it gets SIGTERM and a little later SIGKILL.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// What a finished child left.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// How long that took after it had been told.
    pub after: Duration,
}

impl Process {
    /// Starts `command` with its output in `log` (appended: a restarted child keeps its history).
    pub fn spawn(name: &str, command: &Command, log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        let child = dying_with_us(command)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|e| panic!("can't start {name} ({command:?}): {e}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has written so far.
    pub fn output(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal. Its end is for the caller to wait for.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// SIGTERM, then waits for the end; fails the test when it takes longer than `limit`.
    pub async fn stop(&mut self, limit: Duration) -> Finished {
        self.signal(Signal::TERM);
        let began = Instant::now();
        let what = format!("{} has ended after SIGTERM", self.name);
        let status = wait::until(&what, limit, async || self.child.try_wait().unwrap()).await;
        Finished { status, after: began.elapsed() }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The last lines of its output.
    pub fn tail(&self) -> String {
        let output = self.output();
        // Health checks come ten times a second.
        let lines: Vec<&str> = output.lines().filter(|line| !line.contains("/health")).collect();
        let from = lines.len().saturating_sub(SHOWN_LINES);
        format!("--- last lines of {} ---\n{}", self.name, lines[from..].join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.tail());
        }
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // A stopped child would not see SIGTERM.
        _ = kill_process(self.pid(), Signal::CONT);
        _ = kill_process(self.pid(), Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A test that is killed runs no destructors. Where util-linux is there, the kernel then ends its children.
fn dying_with_us(command: &Command) -> Command {
    const SETPRIV: &str = "/usr/bin/setpriv";
    let mut wrapped = if Path::new(SETPRIV).exists() {
        let mut wrapped = Command::new(SETPRIV);
        wrapped.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program());
        wrapped
    } else {
        Command::new(command.get_program())
    };
    wrapped.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &tempfile::TempDir) -> Process {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Process::spawn("shell", &command, &folder.path().join("shell.log"))
    }

    #[tokio::test]
    async fn a_child_is_told_to_stop_and_its_words_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell(
            "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done",
            &folder,
        );
        let ready = async || child.output().contains("ready").then_some(());
        wait::until("the child is ready", crate::LIMIT, ready).await;
        let finished = child.stop(crate::LIMIT).await;
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(child.output(), "ready\nbye\n");
    }

    #[test]
    fn a_dropped_child_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let child = shell("exec sleep 600", &folder);
        let pid = child.id();
        drop(child);
        assert!(!Path::new(&format!("/proc/{pid}/cmdline")).exists());
    }
}
