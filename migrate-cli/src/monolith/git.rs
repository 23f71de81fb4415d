//! Asks Git, with an end to every wait.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::failure::Failure;

/// Longest that one question may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Git in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    folder: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl Git {
    /// In the repository that a folder belongs to.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), settings: Vec::new() }
    }

    /// With a variable of the environment.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.settings.push((name, value));
        self
    }

    /// What it answers.
    pub(crate) async fn ask(&self, words: &[&str]) -> Result<Vec<u8>, Failure> {
        self.tell(words, Vec::new()).await
    }

    /// What it answers, as one line.
    pub(crate) async fn line(&self, words: &[&str]) -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&self.ask(words).await?).trim().to_owned())
    }

    /// What it answers to something on its standard input.
    pub(crate) async fn tell(&self, words: &[&str], input: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let failed = |what: String| Failure::Other {
            message: format!("git {}: {what}", words.join(" ")),
            help: "the folder must lie in a Git repository that this user may read".to_owned(),
        };
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.folder).args(["-c", "core.quotePath=off", "--no-pager"]);
        command.args(words).kill_on_drop(true);
        command.env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut git = command.spawn().map_err(|problem| failed(problem.to_string()))?;
        let stdin = git.stdin.take();
        let write = async move {
            if let Some(mut stdin) = stdin {
                // A git that does not read on says why by itself.
                drop(stdin.write_all(&input).await);
            }
        };
        let both = async { tokio::join!(write, git.wait_with_output()).1 };
        let answer = tokio::time::timeout(PATIENCE, both).await;
        let answer = answer.map_err(|_elapsed| failed(format!("no answer within {PATIENCE:?}")))?;
        let answer = answer.map_err(|problem| failed(problem.to_string()))?;
        if !answer.status.success() {
            return Err(failed(String::from_utf8_lossy(&answer.stderr).trim().to_owned()));
        }
        Ok(answer.stdout)
    }
}
