//! Runs programs that end by themselves.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take.
const COMMAND_LIMIT: Duration = Duration::from_mins(1);

/// What a finished program said.
#[derive(Debug)]
pub struct CommandOutput {
    /// Its exit code; absent when a signal ended it.
    pub code: Option<i32>,
    /// Its results.
    pub stdout: String,
    /// Its complaints.
    pub stderr: String,
}

/// Runs a command to its end; fails the test when it takes too long.
pub async fn run(command: Command) -> CommandOutput {
    let began = Instant::now();
    let shown = format!("{command:?}");
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).stdin(Stdio::null()).output();
    let output = tokio::time::timeout(COMMAND_LIMIT, output)
        .await
        .unwrap_or_else(|_| panic!("{shown} still runs after {:?}", began.elapsed()))
        .unwrap_or_else(|e| panic!("can't run {shown}: {e}"));
    CommandOutput {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
