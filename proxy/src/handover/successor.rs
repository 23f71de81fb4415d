//! The process that is to take over, as the running one knows it. Until it has, it can be ended without a trace.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::launch::{Launch, Stage};
use super::sockets::Handed;
use super::{BEGIN, READY, Standing, TAKE, WORD};

/// How long it may take until it could serve, and then until it does.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why it does not take over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It could not be started.
    #[error("{program} can't be started: {source}")]
    NoStart { program: String, source: io::Error },
    /// It ended, or closed the connection.
    #[error("the new process ended before it had taken over; what it said stands above")]
    Ended,
    /// It takes too long.
    #[error("the new process did not take over within {PATIENCE:?}")]
    Late,
    /// It is some other program.
    #[error("the new process is not understood: it said {0:?}")]
    Strange(String),
}

/// A process that was started to take over. Dropped before it has, it is killed.
#[derive(Debug)]
pub(super) struct Successor {
    group: Group,
    line: BufReader<tokio::net::UnixStream>,
    /// Started it, and is done.
    starter: Child,
}

impl Successor {
    pub(super) fn start(launch: &Launch, sockets: &Handed) -> Result<Self, Failure> {
        let begun = || {
            let (here, there) = UnixStream::pair()?;
            sockets.send(&here)?;
            let mut command = launch.command(Stage::Detach);
            command.stdin(OwnedFd::from(there));
            let starter = Command::from(command).spawn()?;
            let id = starter.id().and_then(|id| i32::try_from(id).ok());
            let group = Group(id.and_then(Pid::from_raw));
            here.set_nonblocking(true)?;
            let line = BufReader::new(tokio::net::UnixStream::from_std(here)?);
            Ok(Self { group, line, starter })
        };
        begun().map_err(|source| Failure::NoStart {
            program: launch.program().display().to_string(),
            source,
        })
    }

    /// Waits until it could serve; returns its process id.
    pub(super) async fn ready(&mut self) -> Result<u32, Failure> {
        let word = self.hear().await?;
        let pid = word.strip_prefix(READY).and_then(|pid| pid.trim().parse().ok());
        pid.ok_or(Failure::Strange(word))
    }

    /// Has it take over. From its answer on it serves, unless it is killed: by which table, is returned.
    pub(super) async fn take(&mut self) -> Result<Standing, Failure> {
        self.say(TAKE).await?;
        let word = self.hear().await?;
        Standing::of_word(&word).ok_or(Failure::Strange(word))
    }

    /// Lets it begin. The connection that is returned tells it, by its end, that this process is gone.
    pub(super) async fn begin(mut self) -> Result<tokio::net::UnixStream, Failure> {
        self.say(BEGIN).await?;
        let Self { group, line, mut starter } = self;
        group.spare();
        // It has done its work long since, and is not to be left as a zombie.
        tokio::spawn(async move { starter.wait().await });
        Ok(line.into_inner())
    }

    async fn say(&mut self, word: &str) -> Result<(), Failure> {
        let word = format!("{word}\n");
        self.line.write_all(word.as_bytes()).await.map_err(|_broken| Failure::Ended)
    }

    async fn hear(&mut self) -> Result<String, Failure> {
        let mut word = String::new();
        let mut line = (&mut self.line).take(WORD);
        match timeout(PATIENCE, line.read_line(&mut word)).await {
            Err(_elapsed) => Err(Failure::Late),
            Ok(Err(_) | Ok(0)) => Err(Failure::Ended),
            Ok(Ok(_)) => Ok(word),
        }
    }
}

/// A process and whatever it starts: killed when this is dropped, unless it is spared.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn spare(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // All of it may be gone already.
            let _none_left = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;

    /// A program that is a script; `$OUT` is a file in the folder.
    fn start(folder: &TempDir, script: &str) -> Successor {
        let (program, out) = (folder.path().join("program"), folder.path().join("out"));
        let text = format!("#!/bin/sh\nOUT={}\n{script}\n", out.display());
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let launch = Launch::new([OsString::from(program)].into_iter(), None);
        Successor::start(&launch, &Handed::of(&[]).unwrap()).unwrap()
    }

    async fn until_there(path: &Path) -> String {
        let read = async {
            loop {
                match std::fs::read_to_string(path) {
                    Ok(text) if text.ends_with('\n') => return text,
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        timeout(Duration::from_secs(20), read).await.unwrap()
    }

    #[tokio::test]
    async fn one_that_is_not_let_begin_is_killed_with_whatever_it_started() {
        let folder = TempDir::new().unwrap();
        let successor = start(&folder, "sleep 1000 & echo $! > $OUT.new; mv $OUT.new $OUT; wait");
        let pid = until_there(&folder.path().join("out")).await;
        let process = format!("/proc/{}/stat", pid.trim());
        assert!(Path::new(&process).exists());
        drop(successor);
        let gone = async {
            // Whether anybody has asked how it ended is another question.
            while std::fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z ")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), gone).await.unwrap();
    }

    #[tokio::test]
    async fn one_that_is_ready_begins_when_it_is_told() {
        let folder = TempDir::new().unwrap();
        let script = "exec 3<&0; (read hello; echo ready $$; read first; echo taken 00 kept; \
                      read second; echo $first $second > $OUT) <&3 >&3 &";
        let mut successor = start(&folder, script);
        let starter = successor.group.0.unwrap().as_raw_pid().unsigned_abs();
        assert_eq!(successor.ready().await.unwrap(), starter);
        let standing = Standing { digest: "00".to_owned(), is_current: false };
        assert_eq!(successor.take().await.unwrap(), standing);
        let _line = successor.begin().await.unwrap();
        assert_eq!(until_there(&folder.path().join("out")).await, "take begin\n");
    }

    #[tokio::test]
    async fn one_that_ends_when_it_is_to_take_over_has_not() {
        let folder = TempDir::new().unwrap();
        let mut successor = start(&folder, "(read hello; echo ready $$; read word) <&0 >&0");
        successor.ready().await.unwrap();
        let ended = successor.take().await.unwrap_err();
        assert!(matches!(ended, Failure::Ended), "{ended}");
    }

    #[tokio::test]
    async fn what_ends_or_babbles_is_no_successor() {
        let folder = TempDir::new().unwrap();
        let ended = start(&folder, "exit 0").ready().await.unwrap_err();
        assert!(matches!(ended, Failure::Ended), "{ended}");
        let strange = start(&folder, "echo hello >&0; sleep 1000").ready().await.unwrap_err();
        assert_eq!(strange.to_string(), "the new process is not understood: it said \"hello\\n\"");
    }
}
