//! A proxy process with its table and its two backends.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::backend::Backend;
use crate::client::{self, Answer};

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The path of the binary under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_strangler-proxy");

/// Waits for a condition, with a limit.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a test's table says.
pub(crate) struct Table {
    pub(crate) routes: String,
    pub(crate) backend_lines: &'static str,
    pub(crate) sections: &'static str,
    pub(crate) flags: Vec<&'static str>,
}

impl Table {
    /// One route, `/api/{*rest}`, at a stage, with further lines.
    pub(crate) fn at(stage: &str, lines: &str) -> Self {
        Self { routes: route(stage, lines), backend_lines: "", sections: "", flags: Vec::new() }
    }
}

/// The text of one route.
pub(crate) fn route(stage: &str, lines: &str) -> String {
    format!(
        "[[routes]]\nname = \"api\"\npath = \"/api/{{*rest}}\"\nold_path = \"/{{rest}}\"\nnew_path = \"/{{rest}}\"\nstage = \"{stage}\"\n{lines}\n"
    )
}

/// A proxy between two backends, `monolith` (old) and `agent-service` (new).
pub(crate) struct Running {
    pub(crate) old: Backend,
    pub(crate) new: Backend,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) process: Process,
    table: Table,
    folder: TempDir,
}

impl Running {
    /// Starts everything and returns when the proxy is ready and has seen the new backend.
    pub(crate) async fn start(table: Table) -> Self {
        let (old, new) = (Backend::start("monolith").await, Backend::start("agent-service").await);
        let folder = tempfile::tempdir().unwrap();
        let text = text(&table, &old.url(), &new.url(), &table.routes);
        let file = folder.path().join("routes.toml");
        std::fs::write(&file, text).unwrap();
        let process = Process::start(&file, &table.flags);
        let (http, admin) = process.addresses().await;
        let running = Self { old, new, http, admin, process, table, folder };
        until("the proxy is ready", async || {
            running.admin("/readyz").await.status == 200
                && running.metric("strangler_backend_target_healthy") == 2
        })
        .await;
        running
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("routes.toml")
    }

    /// The text of the table with other routes.
    pub(crate) fn text_with(&self, routes: &str) -> String {
        text(&self.table, &self.old.url(), &self.new.url(), routes)
    }

    /// Puts another text in place the way `migrate` does.
    pub(crate) fn rename_into_place(&self, text: &str) {
        let temporary = self.folder.path().join(".routes.tmp");
        std::fs::write(&temporary, text).unwrap();
        std::fs::rename(temporary, self.file()).unwrap();
    }

    /// `GET` at the proxy.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        client::send(self.http, "GET", target, &[], "").await
    }

    /// `GET` at the admin interface.
    pub(crate) async fn admin(&self, target: &str) -> Answer {
        client::send(self.admin, "GET", target, &[], "").await
    }

    /// What `/api/routes` says.
    pub(crate) async fn report(&self) -> Value {
        self.admin("/api/routes").await.json()
    }

    /// The sum of the series whose text begins so.
    pub(crate) fn metric(&self, series: &str) -> u64 {
        let metrics = client::get_blocking(self.admin, "/metrics");
        let values = metrics.lines().filter(|line| line.starts_with(series));
        values.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
    }
}

fn text(table: &Table, old: &str, new: &str, routes: &str) -> String {
    let lines = table.backend_lines;
    format!(
        "format = 1\n{}\n\
         [backends.monolith]\ntargets = [\"{old}\"]\nhealth = \"/health\"\nhealth_interval = \"100ms\"\n{lines}\n\
         [backends.agent-service]\ntargets = [\"{new}\"]\nhealth = \"/health\"\nhealth_interval = \"100ms\"\n{lines}\n\
         [defaults]\nold = \"monolith\"\nnew = \"agent-service\"\nfallback = \"monolith\"\n{routes}",
        table.sections
    )
}

/// The proxy's process; killed with the test.
pub(crate) struct Process {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Process {
    pub(crate) fn start(file: &Path, flags: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .arg("--routes")
            .arg(file)
            .args(["--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--log-format=json"])
            .args(["--threads=2"])
            .args(flags)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self { child, log }
    }

    /// Clients' and admin's address, from the log.
    async fn addresses(&self) -> (SocketAddr, SocketAddr) {
        let mut found = None;
        until("the proxy listens", async || {
            found = self.logged("listening").first().map(|line| {
                let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
                (address("http"), address("admin"))
            });
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// The log's lines with that message.
    pub(crate) fn logged(&self, message: &str) -> Vec<Value> {
        let lines = self.log.lock().unwrap();
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message)))
            .collect()
    }

    /// The lines of the request log.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let lines = self.log.lock().unwrap();
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["target"] == "access").collect()
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// The nice value of each thread of that name (proc(5), field 19 of `stat`; the kernel cuts names at 15 characters).
    pub(crate) fn priorities(&self, name: &str) -> Vec<i32> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let stats =
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
        let named = |stat: String| {
            let (head, tail) = stat.rsplit_once(')')?;
            let nice = tail.split_whitespace().nth(16)?.parse().ok()?;
            head.ends_with(&format!("({name}")).then_some(nice)
        };
        stats.filter_map(named).collect()
    }

    /// The exit status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _has_ended = self.child.kill();
        let _status = self.child.wait();
        if std::thread::panicking() {
            let log = self.log.lock().unwrap();
            let first = log.len().saturating_sub(60);
            for line in log.iter().skip(first) {
                #[expect(clippy::print_stderr, reason = "evidence of a failed test")]
                {
                    eprintln!("{line}");
                }
            }
        }
    }
}
