//! What the demo plays on: monolith, service and proxy on free loopback ports, with a fresh database in a temporary folder.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use home::Home;
use reqwest::Client;
use tokio::time::sleep;

use crate::failure::Failure;

use super::child::Child;
use super::table::{Ports, derive};

/// Longest wait for a program to answer.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Time between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);
/// Attempts to find ports that nobody else takes in between.
const PORT_ATTEMPTS: usize = 3;

/// Where the programs are.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    /// Python with the monolith's packages.
    pub(super) python: PathBuf,
    /// The folder of the stand-in monolith.
    pub(super) monolith: PathBuf,
    /// `agent-service`.
    pub(super) service: PathBuf,
    /// `strangler-proxy`.
    pub(super) proxy: PathBuf,
}

/// Everything that runs. Dropping it ends every process, then removes the folder.
#[derive(Debug)]
pub(super) struct Stand {
    // The order of the fields is the order in which they end.
    proxy: Child,
    service: Child,
    monolith: Child,
    /// Starts the service again, by its executable and the URL of the database.
    service_from: (PathBuf, String),
    /// Ports of the listeners.
    pub(super) ports: Ports,
    /// The demo's table.
    pub(super) home: Home,
    folder: tempfile::TempDir,
}

impl Programs {
    /// The programs beside this executable, and the Python side; each must be there.
    pub(super) fn find(python: PathBuf, monolith: PathBuf) -> Result<Self, Failure> {
        let here = std::env::current_exe().ok();
        let folder = here.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
        let programs = Self {
            python,
            monolith,
            service: folder.join("agent-service"),
            proxy: folder.join("strangler-proxy"),
        };
        let parts = [&programs.python, &programs.monolith, &programs.service, &programs.proxy];
        let missing = parts.into_iter().find(|part| !part.exists());
        match missing.map(|part| part.display().to_string()) {
            None => Ok(programs),
            Some(missing) => Err(Failure::Other {
                message: format!("{missing} is not there"),
                help: "let `make demo` build and set up everything, or name the Python side with --python and \
                    --monolith"
                    .to_owned(),
            }),
        }
    }
}

impl Stand {
    /// Starts everything and waits until it answers.
    pub(super) async fn start(programs: &Programs, table: &Home) -> Result<Self, Failure> {
        let text = table.read()?;
        for _ in 1..PORT_ATTEMPTS {
            match Self::attempt(programs, table.path(), &text).await {
                Err(Stopped::PortTaken) => {}
                Err(Stopped::Failed(failure)) => return Err(failure),
                Ok(stand) => return Ok(stand),
            }
        }
        Self::attempt(programs, table.path(), &text).await.map_err(|stopped| match stopped {
            Stopped::Failed(failure) => failure,
            Stopped::PortTaken => Failure::Other {
                message: format!("no free ports were found in {PORT_ATTEMPTS} attempts"),
                help: "try again".to_owned(),
            },
        })
    }

    async fn attempt(programs: &Programs, path: &Path, text: &str) -> Result<Self, Stopped> {
        let ports = free_ports()?;
        let folder = tempfile::Builder::new()
            .prefix("migrate-demo-")
            .tempdir()
            .map_err(|problem| unusable(&problem))?;
        let home = Home::file(folder.path().join("routes.toml"));
        let derived = derive(path, text, ports)?;
        std::fs::write(home.path(), derived).map_err(|problem| unusable(&problem))?;
        let database = format!("sqlite:///{}", folder.path().join("demo.db").display());

        // The monolith makes the tables of the database, the service checks them, the proxy checks both.
        let command = backend(&programs.python, ports.monolith, &database);
        let mut monolith =
            Child::start("monolith", with_stand_in(command, programs), folder.path())?;
        answers(&format!("http://127.0.0.1:{}/v1/health", ports.monolith), &mut monolith).await?;
        let command = backend(&programs.service, ports.service, &database);
        let mut service = Child::start("agent-service", command, folder.path())?;
        answers(&format!("http://127.0.0.1:{}/health", ports.service), &mut service).await?;
        let mut command = Command::new(&programs.proxy);
        command
            .arg("--routes")
            .arg(home.path())
            .args(["--listen", &format!("127.0.0.1:{}", ports.proxy)])
            .args(["--admin", &format!("127.0.0.1:{}", ports.admin)])
            .env_remove("STRANGLER_ADMIN_TOKEN")
            .env_remove("STRANGLER_ADMIN_TOKEN_FILE");
        let mut proxy = Child::start("strangler-proxy", command, folder.path())?;
        answers(&format!("http://127.0.0.1:{}/readyz", ports.admin), &mut proxy).await?;
        let service_from = (programs.service.clone(), database);
        Ok(Self { proxy, service, monolith, service_from, ports, home, folder })
    }

    /// Base URL for clients.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.proxy)
    }

    /// Base URL of the proxy's admin interface.
    pub(super) fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.admin)
    }

    /// Base URL of the stand-in monolith.
    pub(super) fn monolith_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.monolith)
    }

    /// Base URL of the service.
    pub(super) fn service_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.service)
    }

    /// Replaces the service by one that says that it is another build.
    pub(super) async fn replace_service(&mut self, label: &str) -> Result<(), Failure> {
        self.service.kill();
        let (program, database) = &self.service_from;
        let mut command = backend(program, self.ports.service, database);
        command.env("BUILD_LABEL", label);
        self.service = Child::start("agent-service", command, self.folder.path())?;
        let url = format!("{}/health", self.service_url());
        match answers(&url, &mut self.service).await {
            Ok(()) => Ok(()),
            Err(Stopped::Failed(failure)) => Err(failure),
            Err(Stopped::PortTaken) => Err(self.service.failure("lost its port")),
        }
    }

    /// `kill -9` of the service.
    pub(super) fn kill_service(&mut self) {
        self.service.kill();
    }

    /// Tells every process to end, all at once; dropping waits for each.
    pub(super) fn ask_to_end(&self) {
        for child in [&self.proxy, &self.service, &self.monolith] {
            child.ask_to_end();
        }
    }
}

/// Why an attempt to start stopped.
enum Stopped {
    /// Somebody took a port between finding and using it.
    PortTaken,
    /// Something that another attempt would not help.
    Failed(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn unusable(problem: &std::io::Error) -> Failure {
    Failure::Other {
        message: format!("a temporary folder could not be used: {problem}"),
        help: "make room, or name another place with TMPDIR".to_owned(),
    }
}

/// Four ports that were free a moment ago.
fn free_ports() -> Result<Ports, Failure> {
    let failed = |problem: std::io::Error| Failure::Other {
        message: format!("no free port on loopback: {problem}"),
        help: "end some programs that listen".to_owned(),
    };
    let mut held = Vec::new();
    let mut port = || {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        // Held until all four are found, so that they are four.
        held.push(listener);
        Ok::<u16, Failure>(port)
    };
    Ok(Ports { monolith: port()?, service: port()?, proxy: port()?, admin: port()? })
}

/// A backend's settings, under the names that both backends know.
fn backend(program: &Path, port: u16, database: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("APP_ENV", "dev")
        .env("APP_HOST", "127.0.0.1")
        .env("APP_PORT", port.to_string())
        .env("DATABASE_URL", database)
        .env("LOG_LEVEL", "WARNING");
    command
}

/// The stand-in with its switches there (and off): they mark its answers, and one of them plants the difference.
fn with_stand_in(mut command: Command, programs: &Programs) -> Command {
    command
        .arg(&programs.monolith)
        .env("MONOLITH_SWITCHES", "{}")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Waits until `url` answers with success.
async fn answers(url: &str, child: &mut Child) -> Result<(), Stopped> {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(2)).build();
    let client = client.map_err(|problem| Failure::Other {
        message: format!("the HTTP client could not be made: {problem}"),
        help: "this is a fault of the machine or of this program; report it".to_owned(),
    })?;
    let began = Instant::now();
    loop {
        let answer = client.get(url).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        if child.has_ended() {
            let lost = child.lost_its_port();
            return Err(if lost { Stopped::PortTaken } else { child.failure("ended").into() });
        }
        if began.elapsed() > START_LIMIT {
            return Err(child.failure("did not answer in time").into());
        }
        sleep(LOOK).await;
    }
}
