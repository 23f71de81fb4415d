//! The backends that are programs: the Python stand-in for the monolith, and the agent service.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::database::Database;
use crate::port::PortGuard;
use crate::process::Process;
use crate::{LIMIT, wait};

/// Attempts to start a program before giving up on its port.
const PORT_ATTEMPTS: usize = 3;

/// Paths of the binaries under test. Cargo tells them to the integration test only, so that is where they come from.
#[derive(Debug, Clone, Copy)]
pub struct Binaries {
    /// `strangler-proxy`.
    pub proxy: &'static str,
    /// `agent-service`.
    pub service: &'static str,
    /// `migrate`.
    pub migrate: &'static str,
}

/// A backend that is a process. It can be killed, and started again where it was.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    process: Process,
    address: SocketAddr,
    command: fn(&Settings, u16) -> Command,
    settings: Settings,
}

#[derive(Debug)]
struct Settings {
    binary: PathBuf,
    database_url: String,
    folder: PathBuf,
    more: Vec<(String, String)>,
}

impl Program {
    /// What it is called in a failed test.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Gives it another value of a setting from its next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.more.push((name.to_owned(), value.to_owned()));
    }

    /// Starts it again after its end, at the same address.
    pub async fn restart(&mut self) {
        assert!(self.process.ended().is_some(), "{} still runs", self.name);
        let command = (self.command)(&self.settings, self.address.port());
        self.process = Process::spawn(self.name, &command, &self.settings.log(self.name));
        let up = answers(&reqwest::Client::new(), &self.health(), &mut self.process).await;
        assert!(up, "{} did not come back\n{}", self.name, self.process.tail());
    }

    fn health(&self) -> String {
        format!("{}/health", self.url())
    }

    async fn start(
        name: &'static str,
        mut settings: Settings,
        command: fn(&Settings, u16) -> Command,
    ) -> Self {
        for _ in 0..PORT_ATTEMPTS {
            let address = PortGuard::take().release();
            let process =
                Process::spawn(name, &command(&settings, address.port()), &settings.log(name));
            let mut program = Self { name, process, address, command, settings };
            let health = program.health();
            if answers(&reqwest::Client::new(), &health, &mut program.process).await {
                return program;
            }
            let output = program.process.output();
            assert!(output.contains("in use"), "{name} ended at once:\n{output}");
            settings = program.settings;
        }
        panic!("{name} found no port in {PORT_ATTEMPTS} attempts");
    }
}

impl Settings {
    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension("log")
    }

    fn command(&self, program: &Path, port: u16) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .env("APP_ENV", "dev")
            .env("APP_HOST", "127.0.0.1")
            .env("APP_PORT", port.to_string())
            .env("DATABASE_URL", &self.database_url)
            .envs(self.more.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Starts the Python stand-in, marking its answers, with no fault switched on.
pub(crate) async fn monolith(
    database: &Database,
    folder: &Path,
    more: &[(String, String)],
) -> Program {
    let own = [("MONOLITH_SWITCHES", "{}"), ("PYTHONDONTWRITEBYTECODE", "1")];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings {
        binary: python(),
        database_url: database.url(),
        folder: folder.to_owned(),
        more: own.into_iter().chain(more.iter().cloned()).collect(),
    };
    Program::start("monolith", settings, |settings, port| {
        let mut command = settings.command(&settings.binary, port);
        command.arg(project().join("tests/monolith"));
        command
    })
    .await
}

/// Starts the agent service on the shared database.
pub(crate) async fn service(
    binaries: &Binaries,
    database: &Database,
    folder: &Path,
    more: &[(String, String)],
) -> Program {
    let settings = Settings {
        binary: PathBuf::from(binaries.service),
        database_url: database.url(),
        folder: folder.to_owned(),
        // No test touches the units of the machine it runs on, unless it says so.
        more: [("UNIT_MANAGER".to_owned(), "none".to_owned())]
            .into_iter()
            .chain(more.iter().cloned())
            .collect(),
    };
    Program::start("agent-service", settings, |settings, port| {
        settings.command(&settings.binary, port)
    })
    .await
}

/// Waits until `url` answers with success, or the process has ended: false.
pub(crate) async fn answers(client: &reqwest::Client, url: &str, process: &mut Process) -> bool {
    wait::until(&format!("{url} answers"), LIMIT, async || {
        if process.ended().is_some() {
            return Some(false);
        }
        let answer = client.get(url).timeout(Duration::from_secs(2)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success()).then_some(true)
    })
    .await
}

/// The Python that has the stand-in's packages.
pub fn python() -> PathBuf {
    let python = project().join(".tools/venv/bin/python");
    assert!(python.exists(), "{} is missing: run `make setup`", python.display());
    python
}

/// The project's folder.
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}
