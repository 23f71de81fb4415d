//! A proxy whose program can be replaced, and the supervisor that it tells of itself: this test.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::process::Process;
use e2e::stack::StackBuilder;
use e2e::{LIMIT, Stack, wait};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixDatagram;

use crate::BINARIES;

/// What the admin interface wants to hear, where a test gives it one.
pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A stack whose proxy is the one that took over last.
pub(super) struct Rig {
    // In the order in which they end.
    newest: Newest,
    _first: Process,
    supervisor: UnixDatagram,
    pub(super) stack: Stack,
}

/// The process that serves; ended with the test.
pub(super) struct Newest(pub(super) u32);

impl Rig {
    /// Starts everything, with further arguments for the proxy, and returns when the proxy is ready.
    pub(super) async fn start(builder: StackBuilder, arguments: &[&str]) -> Self {
        let stack = builder.start_without_proxy().await;
        let socket = stack.folder().join("notify");
        let supervisor = UnixDatagram::bind(&socket).unwrap();
        let program = program(&stack);
        symlink(BINARIES.proxy, &program).unwrap();
        let mut command = Command::new(program);
        command.arg("--routes").arg(stack.routes_path()).args(arguments);
        command.current_dir(stack.folder()).env("NOTIFY_SOCKET", socket);
        let first = Process::spawn("strangler-proxy", &command, &stack.folder().join("proxy.log"));
        let rig = Self { newest: Newest(first.id()), _first: first, supervisor, stack };
        assert_eq!(rig.hear().await, "READY=1");
        rig.until_ready().await;
        rig
    }

    /// The same, where the admin interface wants [`TOKEN`].
    pub(super) async fn start_with_token(builder: StackBuilder, argument: &str) -> Self {
        let mut rig = Self::start(builder, &[argument]).await;
        let token = format!("Bearer {TOKEN}").parse().unwrap();
        let headers = [(http::header::AUTHORIZATION, token)].into_iter().collect();
        let client = reqwest::Client::builder().default_headers(headers);
        rig.stack.client = client.timeout(2 * LIMIT).build().unwrap();
        rig
    }

    /// The process that serves.
    pub(super) fn newest(&self) -> u32 {
        self.newest.0
    }

    /// What runs from the next start on.
    pub(super) fn replace_program(&self, by: &Path) {
        let new = self.stack.folder().join("new");
        symlink(by, &new).unwrap();
        std::fs::rename(new, program(&self.stack)).unwrap();
    }

    /// A program that is a script, in the stack's folder.
    pub(super) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.stack.folder().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Asks for a handover and waits for its end; whether another process serves now.
    pub(super) async fn reload(&mut self) -> bool {
        self.ask().await;
        self.is_succeeded().await
    }

    /// Asks for a handover, and returns when it has begun.
    pub(super) async fn ask(&self) {
        signal(self.newest.0, Signal::HUP);
        assert!(self.hear().await.starts_with("RELOADING=1\nMONOTONIC_USEC="));
    }

    /// Waits for the end of a handover that was asked for; whether another process serves now.
    pub(super) async fn is_succeeded(&mut self) -> bool {
        let is_another = self.has_heir().await;
        if is_another {
            assert_eq!(self.hear().await, "READY=1", "the new process says so itself");
        }
        is_another
    }

    /// Waits until the supervisor is told which process it shall expect to hear from, or that it is still the same.
    pub(super) async fn has_heir(&mut self) -> bool {
        let said = self.hear().await;
        let Some(pid) = said.strip_prefix("MAINPID=") else {
            assert_eq!(said, "READY=1");
            return false;
        };
        self.newest.0 = pid.parse().unwrap();
        true
    }

    /// The same, where another process must serve afterwards; returns the one before.
    pub(super) async fn hand_over(&mut self) -> u32 {
        let before = self.newest.0;
        assert!(self.reload().await, "{}", self.log());
        assert_ne!(self.newest.0, before);
        before
    }

    pub(super) async fn until_ready(&self) {
        let url = format!("{}/readyz", self.stack.admin_url());
        wait::until("the proxy is ready", LIMIT, async || {
            let answer = self.stack.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
    }

    pub(super) async fn until_gone(&self, process: u32) {
        let what = format!("process {process} has ended\n{}", self.log());
        wait::until(&what, 2 * LIMIT, async || (!is_alive(process)).then_some(())).await;
    }

    /// How many attempts came to this, as the process that serves has counted.
    pub(super) async fn counted(&self, outcome: &str) -> u64 {
        let label = format!("outcome=\"{outcome}\"");
        self.stack.count("strangler_handovers_total", &[&label]).await
    }

    /// What every process has logged but health checks.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.stack.folder().join("proxy.log")).unwrap()
    }

    /// What the supervisor is told next.
    pub(super) async fn hear(&self) -> String {
        let mut said = [0; 4096];
        let heard = tokio::time::timeout(LIMIT, self.supervisor.recv(&mut said)).await;
        let length = heard.unwrap_or_else(|_| panic!("nothing was said\n{}", self.log())).unwrap();
        String::from_utf8_lossy(&said[..length]).trim().to_owned()
    }
}

impl Drop for Newest {
    fn drop(&mut self) {
        if is_alive(self.0) {
            signal(self.0, Signal::KILL);
        }
    }
}

fn program(stack: &Stack) -> PathBuf {
    stack.folder().join("strangler-proxy")
}

pub(super) fn signal(process: u32, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}

/// Nobody may have asked yet how a process ended that is gone.
pub(super) fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}
