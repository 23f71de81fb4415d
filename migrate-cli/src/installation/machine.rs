//! What the machine is asked to do: the programs of systemd, which work on the machine that runs or on the image of another.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::Trouble;

/// How long a program may take: a unit that starts has 90 s of its own, one that stops as much.
const PATIENCE: Duration = Duration::from_secs(200);

/// Lines of a unit's log that are shown when it does not start.
const LINES: &str = "--lines=8";

/// What a program came to.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Whether its exit code is 0.
    pub(crate) ok: bool,
    /// What it printed.
    pub(crate) said: String,
}

/// Whoever runs programs; a stand-in in tests.
pub(crate) trait Commands {
    /// Runs one; an error is why it can't be run at all.
    async fn run(&self, line: &[&str]) -> Result<Answer, String>;
}

/// Runs them for real.
#[derive(Debug)]
pub(crate) struct Shell;

impl Commands for Shell {
    async fn run(&self, line: &[&str]) -> Result<Answer, String> {
        let (program, arguments) = line.split_first().ok_or("nothing to run")?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).env("LC_ALL", "C.UTF-8");
        match tokio::time::timeout(PATIENCE, command.output()).await {
            Err(_elapsed) => Err(format!("still runs after {PATIENCE:?}")),
            Ok(Err(problem)) if problem.kind() == ErrorKind::NotFound => {
                Err("is not installed here".to_owned())
            }
            Ok(Err(problem)) => Err(problem.to_string()),
            Ok(Ok(output)) => Ok(Answer {
                ok: output.status.success(),
                said: String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
                    .trim()
                    .to_owned(),
            }),
        }
    }
}

/// How a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct UnitState {
    /// Whether it starts with the machine.
    pub(crate) enabled: bool,
    /// Whether it runs.
    pub(crate) active: bool,
}

/// A machine, or the image of one.
#[derive(Debug)]
pub(crate) struct Machine<'a, C> {
    root: &'a Path,
    runs: bool,
    commands: &'a C,
}

impl<'a, C: Commands> Machine<'a, C> {
    /// The machine whose files are below `root`; `runs`: whether its systemd can be asked to start something.
    pub(crate) fn new(root: &'a Path, runs: bool, commands: &'a C) -> Self {
        Self { root, runs, commands }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root
    }

    pub(crate) fn runs(&self) -> bool {
        self.runs
    }

    /// Makes the users that the installed files name.
    pub(crate) async fn make_users(&self) -> Result<(), Trouble> {
        self.on_files(&["systemd-sysusers"]).await.map(drop)
    }

    /// Makes the folders that the installed files name.
    pub(crate) async fn make_folders(&self) -> Result<(), Trouble> {
        self.on_files(&["systemd-tmpfiles", "--create", "/etc/tmpfiles.d/strangler.conf"])
            .await
            .map(drop)
    }

    /// Has units read again.
    pub(crate) async fn reload(&self) -> Result<(), Trouble> {
        if !self.runs {
            return Ok(());
        }
        self.well(&["systemctl", "daemon-reload"]).await
    }

    pub(crate) async fn state(&self, unit: &str) -> Result<UnitState, Trouble> {
        let enabled = self.on_files_either(&["systemctl", "is-enabled", unit]).await?.ok;
        let active = self.runs && self.ask(&["systemctl", "is-active", unit]).await?.ok;
        Ok(UnitState { enabled, active })
    }

    pub(crate) async fn enable(&self, unit: &str) -> Result<(), Trouble> {
        self.on_files(&["systemctl", "enable", unit]).await.map(drop)
    }

    pub(crate) async fn disable(&self, unit: &str) -> Result<(), Trouble> {
        self.on_files(&["systemctl", "disable", unit]).await.map(drop)
    }

    pub(crate) async fn stop(&self, unit: &str) -> Result<(), Trouble> {
        self.well(&["systemctl", "stop", unit]).await
    }

    /// Starts a unit, or starts it anew; returns when it says that it is ready.
    pub(crate) async fn start(&self, verb: &'static str, unit: &str) -> Result<(), Trouble> {
        let Err(trouble) = self.well(&["systemctl", verb, unit]).await else { return Ok(()) };
        let Trouble::Command { line, .. } = trouble else { return Err(trouble) };
        // Its log, and with `+` what systemd itself says of it, which is in the log of the machine.
        let log = ["journalctl", "--namespace=+strangler", "--unit", unit, LINES, "--output=cat"];
        let _unsynced = self.ask(&["journalctl", "--namespace=strangler", "--sync"]).await?;
        let said = self.ask(&[log.as_slice(), &["--no-pager"]].concat()).await?.said;
        Err(Trouble::Command { line, said: format!("does not start; its log ends with\n{said}\n") })
    }

    async fn on_files(&self, line: &[&str]) -> Result<Answer, Trouble> {
        let answer = self.on_files_either(line).await?;
        if answer.ok { Ok(answer) } else { Err(refused(line, answer.said)) }
    }

    /// The programs that change files are told of another root.
    async fn on_files_either(&self, line: &[&str]) -> Result<Answer, Trouble> {
        let root = format!("--root={}", self.root.display());
        let mut line = line.to_vec();
        if !self.runs {
            line.insert(1, &root);
        }
        self.ask(&line).await
    }

    async fn well(&self, line: &[&str]) -> Result<(), Trouble> {
        let answer = self.ask(line).await?;
        if answer.ok { Ok(()) } else { Err(refused(line, answer.said)) }
    }

    async fn ask(&self, line: &[&str]) -> Result<Answer, Trouble> {
        self.commands.run(line).await.map_err(|said| refused(line, said))
    }
}

fn refused(line: &[&str], said: String) -> Trouble {
    Trouble::Command { line: line.join(" "), said }
}
