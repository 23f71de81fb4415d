//! One proxy with its two backends, or nginx with the same two: what `shadow` and `memory` measure.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Failure;
use crate::backend::Manner;
use crate::process::{self, Running};
use crate::subjects::{ROUTE, nginx_conf, packaged, table_for};

/// Where children are started and what they are started from.
pub(crate) struct Ground {
    own: PathBuf,
    proxy: PathBuf,
    table: String,
    folder: TempDir,
}

/// Something that runs and its address.
pub(crate) struct At {
    pub(crate) at: SocketAddr,
    pub(crate) running: Running,
}

/// A proxy under load.
pub(crate) struct Proxy {
    pub(crate) front: At,
    admin: SocketAddr,
    /// Its route table, and the text of it by stage of the route.
    file: PathBuf,
    tables: BTreeMap<&'static str, String>,
}

/// Longest wait for a proxy to follow its table.
const FOLLOW: Duration = Duration::from_secs(5);

impl Ground {
    /// `proxy`: its binary, by default beside this one. `routes`: the table that it runs with.
    pub(crate) fn new(proxy: Option<PathBuf>, routes: &Path) -> Result<Self, Failure> {
        let own = std::env::current_exe()?;
        let proxy = proxy.unwrap_or_else(|| own.with_file_name("strangler-proxy"));
        let table = std::fs::read_to_string(routes)
            .map_err(|e| format!("can't read {}: {e}", routes.display()))?;
        Ok(Self { own, proxy, table, folder: tempfile::tempdir()? })
    }

    /// A backend that competes for the CPU with everything else.
    pub(crate) fn backend(&self, name: &str, manner: Manner) -> Result<At, Failure> {
        let at = process::free_address()?;
        self.start(name, &mut self.backend_command(at, manner), at)
    }

    /// A backend that takes only CPU that nobody else wants, as if on a machine of its own.
    pub(crate) fn distant_backend(&self, manner: Manner) -> Result<At, Failure> {
        let at = process::free_address()?;
        let mut command = self.backend_command(at, manner);
        self.start(&format!("distant-{}", manner.name()), command.arg("--idle"), at)
    }

    fn backend_command(&self, at: SocketAddr, manner: Manner) -> Command {
        let mut command = Command::new(&self.own);
        command.args(["backend", "--listen", &at.to_string(), "--manner", manner.name()]);
        command
    }

    /// A proxy with its route at stage `monolith` or `shadow`.
    pub(crate) fn proxy(&self, stage: &str, old: &At, new: &At) -> Result<Proxy, Failure> {
        let (at, admin) = (process::free_address()?, process::free_address()?);
        let home = self.folder.path().join(format!("proxy-{at}"));
        std::fs::create_dir(&home)?;
        let file = home.join("routes.toml");
        let tables = BTreeMap::from(
            ["monolith", "shadow"]
                .map(|stage| (stage, table_for(&self.table, stage, old.at, new.at, admin))),
        );
        std::fs::write(&file, tables.get(stage).ok_or("no such stage")?)?;
        let mut command = Command::new(&self.proxy);
        command.arg("--routes").arg(&file).args(["--listen", &at.to_string()]);
        command.args(["--admin", &admin.to_string(), "--threads", "1", "--log", "warn"]);
        let front = self.start(&format!("proxy-{at}"), &mut command, at)?;
        Ok(Proxy { front, admin, file, tables })
    }

    pub(crate) fn nginx(&self, old: &At, mirrored: Option<&At>) -> Result<At, Failure> {
        let at = process::free_address()?;
        let home = self.folder.path().join(format!("nginx-{at}"));
        std::fs::create_dir(&home)?;
        let conf = nginx_conf(&home, at, old.at, mirrored.map(|new| new.at));
        std::fs::write(home.join("nginx.conf"), conf)?;
        let mut command = Command::new(packaged("nginx")?);
        command.arg("-p").arg(&home).arg("-c").arg(home.join("nginx.conf"));
        self.start(&format!("nginx-{at}"), &mut command, at)
    }

    fn start(&self, name: &str, command: &mut Command, at: SocketAddr) -> Result<At, Failure> {
        let log = self.folder.path().join(format!("{name}.log"));
        Ok(At { at, running: Running::start(command, &log, at)? })
    }
}

impl At {
    /// The URL to ask for.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/v1/agents/workflows/agent_0123abcd", self.at)
    }

    /// CPU seconds used so far.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Failure> {
        process::cpu_seconds(self.running.pid())
    }
}

impl Proxy {
    /// Puts the route to a stage, and waits until the proxy has followed.
    pub(crate) async fn stage(&self, stage: &str) -> Result<(), Failure> {
        let next = self.file.with_extension("next");
        std::fs::write(&next, self.tables.get(stage).ok_or("no such stage")?)?;
        std::fs::rename(&next, &self.file)?;
        let deadline = Instant::now() + FOLLOW;
        while self.stage_now().await?.as_deref() != Some(stage) {
            if Instant::now() > deadline {
                return Err(format!("the proxy does not follow to stage {stage}").into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// The stage of the measured route, as the proxy says.
    async fn stage_now(&self) -> Result<Option<String>, Failure> {
        let url = format!("http://{}/api/routes", self.admin);
        let table: serde_json::Value =
            serde_json::from_str(&reqwest::get(url).await?.text().await?)?;
        let routes = table
            .pointer("/routes")
            .and_then(serde_json::Value::as_array)
            .ok_or("an answer without routes")?;
        let route = routes.iter().find(|route| route.get("name").is_some_and(|name| name == ROUTE));
        Ok(route.and_then(|route| route.get("stage")?.as_str()).map(str::to_owned))
    }

    /// What became of requests that were to be mirrored so far: count by outcome, or by reason where they were dropped or
    /// failed.
    pub(crate) async fn copies(&self) -> Result<BTreeMap<String, f64>, Failure> {
        let metrics = reqwest::get(format!("http://{}/metrics", self.admin)).await?.text().await?;
        let mut copies = BTreeMap::new();
        for line in metrics.lines() {
            let Some(labels) = line.strip_prefix("strangler_mirrored_requests_total{") else {
                continue;
            };
            let label = |name: &str| labels.split(&format!("{name}=\"")).nth(1)?.split('"').next();
            let (Some(outcome), Some(reason)) = (label("outcome"), label("reason")) else {
                continue;
            };
            let count = labels.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok());
            let name = if reason.is_empty() { outcome } else { reason };
            *copies.entry(name.to_owned()).or_default() += count.unwrap_or_default();
        }
        Ok(copies)
    }
}
