//! What the machine is asked to do: the programs of systemd, which work on the machine that runs or on the image of another.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::Trouble;

/// How long a program may take: a unit that starts has 90 s of its own, one that stops as much.
const PATIENCE: Duration = Duration::from_secs(200);

/// How often it is looked whether a new process has taken over; how many looks may find the unit idle until it is clear that none
/// will, and how many are taken in all: the proxy gives a new process 30 s.
const LOOK: Duration = Duration::from_millis(100);
const IDLE_LOOKS: usize = 50;
const LOOKS: usize = 600;

/// Lines of a unit's log that are shown when it does not start.
const LINES: usize = 8;
/// Lines among which they are looked for, where it runs and logs each request.
const LOOKED_AT: &str = "--lines=20000";

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

    /// Lets time pass.
    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
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
        Err(Trouble::Command {
            line,
            said: format!(
                "does not start; its log ends with\n{}\n",
                self.last_words(unit, Duration::ZERO).await?
            ),
        })
    }

    /// Whether a unit that runs can be told to let a new process take over.
    pub(crate) async fn can_hand_over(&self, unit: &str) -> Result<bool, Trouble> {
        Ok(self.property(unit, "CanReload").await? == "yes")
    }

    /// The process that is the unit's main one; "0": none.
    pub(crate) async fn main_process(&self, unit: &str) -> Result<String, Trouble> {
        self.property(unit, "MainPID").await
    }

    /// Lets a new process take over from the one that runs; returns when it has. One that does not come so far leaves the unit as
    /// it was.
    pub(crate) async fn hand_over(&self, unit: &str) -> Result<(), Trouble> {
        let line = ["systemctl", "reload", unit];
        let before = self.main_process(unit).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.well(&line).await?;
        let mut idle = 0;
        for _ in 0..LOOKS {
            let is_idle = self.property(unit, "ActiveState").await? == "active";
            if is_idle && self.main_process(unit).await? != before {
                return Ok(());
            }
            idle = if is_idle { idle + 1 } else { 0 };
            if idle > IDLE_LOOKS {
                break;
            }
            self.commands.pause(LOOK).await;
        }
        let said = format!(
            "no new process took over, and the old one serves on; the log ends with\n{}\n",
            self.last_words(unit, now).await?
        );
        Err(Trouble::Command { line: line.join(" "), said })
    }

    async fn property(&self, unit: &str, name: &str) -> Result<String, Trouble> {
        let name = format!("--property={name}");
        Ok(self.ask(&["systemctl", "show", unit, &name, "--value"]).await?.said)
    }

    /// The end of its log since a time, counted from 1970, without what is logged of each request.
    async fn last_words(&self, unit: &str, since: Duration) -> Result<String, Trouble> {
        let since = format!("--since=@{}", since.as_secs());
        // Its log, and with `+` what systemd itself says of it, which is in the log of the machine.
        let log = ["journalctl", "--namespace=+strangler", "--unit", unit, LOOKED_AT, &since];
        let _unsynced = self.ask(&["journalctl", "--namespace=strangler", "--sync"]).await?;
        let said =
            self.ask(&[log.as_slice(), &["--output=cat", "--no-pager"]].concat()).await?.said;
        Ok(end_of(&said))
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

/// The last lines, in their order, but for those of requests.
fn end_of(log: &str) -> String {
    let is_request =
        |line: &&str| line.contains(r#""target":"access""#) || line.contains(" access: ");
    let mut lines: Vec<&str> = log.lines().rev().filter(|it| !is_request(it)).take(LINES).collect();
    lines.reverse();
    lines.join("\n")
}

fn refused(line: &[&str], said: String) -> Trouble {
    Trouble::Command { line: line.join(" "), said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_do_not_hide_the_last_words() {
        let requests =
            "T INFO access: method=\"GET\"\n{\"level\":\"INFO\",\"target\":\"access\"}\n".repeat(9);
        let log = format!("{requests}one\n{requests}two\n{requests}");
        assert_eq!(end_of(&log), "one\ntwo");
        let many: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        assert!(end_of(&many.join("\n")).starts_with("12\n"));
    }
}
