//! `UNIT_MANAGER=systemd`: units run by the machine's systemd, spoken to through `systemctl`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use super::unit_file;
use super::unit_manager::{UnitError, UnitManager};
use crate::logic::unit::{Unit, UnitName};

/// Longest that one command may take.
const COMMAND: Duration = Duration::from_secs(10);

/// Between two looks at a unit that is being started.
const PAUSE: Duration = Duration::from_millis(250);

/// The most that is read of what a command says. One that says more is stopped by its time limit.
const MOST_OUTPUT: u64 = 64 * 1024;

/// The most that an error repeats of it.
const MOST_TOLD: usize = 300;

/// The machine's systemd.
#[derive(Debug)]
pub struct Systemd {
    program: Option<PathBuf>,
    folder: PathBuf,
    patience: Duration,
}

/// What a command has said.
struct Said {
    is_success: bool,
    out: String,
    err: String,
}

impl Systemd {
    /// Through `program`, an absolute path to `systemctl`, if there is one; unit files go to `folder`. A unit that is started
    /// has `patience` to become active.
    pub fn new(program: Option<PathBuf>, folder: PathBuf, patience: Duration) -> Self {
        Self { program, folder, patience }
    }

    /// Runs `systemctl` with these arguments, which no shell ever sees.
    async fn call(&self, arguments: &[&str]) -> Result<Said, UnitError> {
        let program = self.program.as_ref().ok_or(UnitError::NoProgram)?;
        let doing = || arguments.first().copied().unwrap_or_default().to_owned();
        let mut child = Command::new(program)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| match source.kind() {
                std::io::ErrorKind::NotFound => UnitError::NoProgram,
                _ => UnitError::Run { doing: doing(), source },
            })?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let everything = async { tokio::try_join!(child.wait(), read(out), read(err)) };
        match timeout(COMMAND, everything).await {
            Ok(Ok((status, out, err))) => Ok(Said { is_success: status.success(), out, err }),
            Ok(Err(source)) => Err(UnitError::Run { doing: doing(), source }),
            // The child is killed as it is dropped, and reaped by the runtime.
            Err(_elapsed) => Err(UnitError::TooLong { doing: doing(), seconds: COMMAND.as_secs() }),
        }
    }

    /// A command that must succeed.
    async fn command(&self, arguments: &[&str]) -> Result<(), UnitError> {
        let said = self.call(arguments).await?;
        if said.is_success {
            return Ok(());
        }
        let doing = arguments.first().copied().unwrap_or_default().to_owned();
        let told = said.err.trim();
        let from = told.char_indices().rev().nth(MOST_TOLD).map_or(0, |(at, _)| at);
        Err(UnitError::Refused { doing, said: told.get(from..).unwrap_or_default().to_owned() })
    }

    async fn begin(&self, name: &UnitName) -> Result<(), UnitError> {
        self.command(&["daemon-reload"]).await?;
        self.command(&["enable", name.as_str()]).await?;
        self.command(&["start", name.as_str()]).await
    }

    async fn wait(&self, name: &UnitName) -> Result<(), UnitError> {
        let deadline = Instant::now() + self.patience;
        while !self.is_active(name).await? {
            if Instant::now() + PAUSE > deadline {
                let seconds = self.patience.as_secs();
                return Err(UnitError::NotActive { name: name.to_string(), seconds });
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }
}

#[async_trait]
impl UnitManager for Systemd {
    async fn start(&self, unit: &Unit) -> Result<(), UnitError> {
        if self.program.is_none() {
            return Err(UnitError::NoProgram);
        }
        unit_file::write(&self.folder, unit).await?;
        if let Err(error) = self.begin(&unit.name).await {
            // What systemd did not take must not come up at the next boot.
            if let Err(left) = self.remove(&unit.name).await {
                tracing::debug!(unit = %unit.name, error = %left, "a unit that failed was not cleared away whole");
            }
            return Err(error);
        }
        // One that is merely slow is left to systemd, which keeps restarting it; a later health check may find it up.
        self.wait(&unit.name).await
    }

    async fn remove(&self, name: &UnitName) -> Result<(), UnitError> {
        // Each is tried, whatever became of the one before.
        let stopped = self.command(&["stop", name.as_str()]).await;
        let disabled = self.command(&["disable", name.as_str()]).await;
        let removed = unit_file::remove(&self.folder, name).await.map(drop);
        let reloaded = self.command(&["daemon-reload"]).await;
        stopped.and(disabled).and(removed).and(reloaded)
    }

    async fn is_active(&self, name: &UnitName) -> Result<bool, UnitError> {
        // It also fails to say that a unit is not active; what counts is the word.
        let said = self.call(&["is-active", name.as_str()]).await?;
        Ok(said.out.trim() == "active")
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(MOST_OUTPUT).read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::logic::instances::tests::instance;
    use crate::logic::unit::Template;

    /// A folder with a program in `systemctl`'s place, which notes how it was called.
    struct Stage {
        folder: TempDir,
    }

    impl Stage {
        fn new(script: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("systemctl");
            let calls = folder.path().join("calls");
            let script =
                format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> {}\n{script}\n", calls.display());
            // Written by a process of its own: a child of another test could still hold a file that this one has written,
            // and then it cannot be run.
            let mut shell = std::process::Command::new("/bin/sh");
            let write = "printf '%s' \"$1\" > \"$2\" && chmod 755 \"$2\"";
            let written = shell.args(["-c", write, "sh", &script]).arg(&program).status().unwrap();
            assert!(written.success());
            std::fs::create_dir(folder.path().join("units")).unwrap();
            Self { folder }
        }

        fn systemd(&self) -> Systemd {
            self.patient(Duration::from_secs(30))
        }

        fn patient(&self, patience: Duration) -> Systemd {
            let program = self.folder.path().join("systemctl");
            Systemd::new(Some(program), self.folder.path().join("units"), patience)
        }

        fn calls(&self) -> String {
            std::fs::read_to_string(self.folder.path().join("calls")).unwrap()
        }

        fn units(&self) -> usize {
            std::fs::read_dir(self.folder.path().join("units")).unwrap().count()
        }
    }

    fn unit() -> Unit {
        Template::default().unit(&instance(0)).unwrap()
    }

    #[tokio::test]
    async fn a_unit_is_written_and_started_and_waited_for() {
        let stage = Stage::new(
            "[ \"$1\" = is-active ] || exit 0; [ \"$(grep -c is-active \"$(dirname \"$0\")/calls\")\" -gt 1 ] && echo active || { echo activating; exit 3; }",
        );
        stage.systemd().start(&unit()).await.unwrap();
        insta::assert_snapshot!(stage.calls(), @r"
        daemon-reload
        enable aitbc-agent-four-production-0.service
        start aitbc-agent-four-production-0.service
        is-active aitbc-agent-four-production-0.service
        is-active aitbc-agent-four-production-0.service
        ");
        assert_eq!(stage.units(), 1);
        stage.systemd().remove(&unit().name).await.unwrap();
        assert_eq!(stage.units(), 0);
    }

    #[tokio::test]
    async fn what_systemd_refuses_leaves_no_unit_behind() {
        let stage = Stage::new("[ \"$1\" != start ] || { echo 'Job failed' >&2; exit 1; }");
        let error = stage.systemd().start(&unit()).await.unwrap_err();
        assert_eq!(error.to_string(), "systemctl start failed: Job failed");
        assert_eq!(stage.units(), 0);
        assert!(stage.calls().ends_with("daemon-reload\n"), "{}", stage.calls());
    }

    #[tokio::test]
    async fn a_unit_that_never_becomes_active_is_told_from_one_that_is() {
        let stage = Stage::new("[ \"$1\" != is-active ] || { echo inactive; exit 3; }");
        let error = stage.patient(Duration::ZERO).start(&unit()).await.unwrap_err();
        assert!(matches!(error, UnitError::NotActive { .. }), "{error}");
        assert_eq!(stage.units(), 1, "systemd may still bring it up");
        assert!(!stage.systemd().is_active(&unit().name).await.unwrap());
    }

    #[tokio::test]
    async fn a_removal_goes_on_past_what_fails() {
        let stage = Stage::new("[ \"$1\" != stop ]");
        std::fs::write(stage.folder.path().join("units").join(unit().name.as_str()), "x").unwrap();
        let error = stage.systemd().remove(&unit().name).await.unwrap_err();
        assert!(matches!(error, UnitError::Refused { .. }), "{error}");
        assert_eq!(stage.units(), 0);
    }

    #[tokio::test]
    async fn a_machine_without_systemctl_says_so_and_writes_nothing() {
        let stage = Stage::new("");
        let units = stage.folder.path().join("units");
        for program in [None, Some("/nowhere/systemctl".into())] {
            let systemd = Systemd::new(program, units.clone(), Duration::from_secs(1));
            for error in [
                systemd.start(&unit()).await.unwrap_err(),
                systemd.is_active(&unit().name).await.unwrap_err(),
            ] {
                assert_eq!(error.to_string(), "[Errno 2] No such file or directory: 'systemctl'");
            }
            assert_eq!(stage.units(), 0);
        }
    }

    #[tokio::test]
    async fn only_the_end_of_a_long_complaint_is_repeated() {
        let stage = Stage::new("head -c 5000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 1");
        let error = stage.systemd().command(&["enable"]).await.unwrap_err().to_string();
        assert!(error.len() < 400 && error.ends_with("xend"), "{error}");
    }
}
