//! Everything that a scenario needs, started together and owned by one value.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use routes::admin::{EvidenceReport, RoutesReport};
use routes::store::TableFile;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::database::Database;
use crate::fake_backend::{self, FakeBackend};
use crate::port::PortGuard;
use crate::process::Process;
use crate::programs::{self, Binaries, Program};
use crate::routes_file::{RouteSpec, TableSpec};
use crate::{LIMIT, wait};

/// How often a child is started again with another port after it lost the race for one.
const PORT_ATTEMPTS: usize = 3;
/// How long a `migrate` command may take.
const COMMAND_LIMIT: Duration = Duration::from_mins(1);

/// Stacks run side by side, but one that measures has the machine for itself.
static MACHINE: std::sync::LazyLock<Arc<RwLock<()>>> = std::sync::LazyLock::new(Arc::default);

#[derive(Debug)]
enum MachineShare {
    Some { _guard: OwnedRwLockReadGuard<()> },
    All { _guard: OwnedRwLockWriteGuard<()> },
}

/// What plays a backend.
#[derive(Debug, Clone)]
pub enum Player {
    /// A [`FakeBackend`] in the test's process.
    Fake,
    /// The Python stand-in for the monolith, with its faults on demand switched on.
    Monolith,
    /// The real agent service, with further environment variables.
    Service(Vec<(String, String)>),
}

/// A backend that plays.
#[derive(Debug)]
pub enum Backend {
    /// In the test's process.
    Fake(FakeBackend),
    /// A program.
    Program(Program),
}

impl Backend {
    /// The fake that plays it; fails the test when it is a program.
    pub fn fake(&mut self) -> &mut FakeBackend {
        match self {
            Self::Fake(fake) => fake,
            Self::Program(program) => panic!("{} is no fake", program.name()),
        }
    }

    /// The program that plays it; fails the test when it is a fake.
    pub fn program(&mut self) -> &mut Program {
        match self {
            Self::Program(program) => program,
            Self::Fake(_) => panic!("a fake is no program"),
        }
    }

    /// `http://host:port`.
    pub fn url(&self) -> String {
        match self {
            Self::Fake(fake) => fake.url(),
            Self::Program(program) => program.url(),
        }
    }

    fn health(&self) -> &'static str {
        match self {
            Self::Fake(_) => fake_backend::HEALTH,
            Self::Program(_) => "/health",
        }
    }
}

/// Says what a [`Stack`] consists of.
#[derive(Debug, Clone)]
pub struct StackBuilder {
    binaries: Binaries,
    old: Player,
    new: Player,
    alone: bool,
    backend_lines: Vec<String>,
    default_lines: Vec<String>,
    sections: Vec<String>,
    routes: Vec<RouteSpec>,
}

/// Two backends, a route table, and a proxy before them. All of it ends when the value is dropped.
#[derive(Debug)]
pub struct Stack {
    // In the order in which they end: the proxy before its backends, the folder last.
    /// The proxy, if it runs.
    pub proxy: Option<Process>,
    /// The backend `monolith`.
    pub old: Backend,
    /// The backend `agent-service`.
    pub new: Backend,
    /// What the first table said, addresses included.
    pub table: TableSpec,
    /// A client without redirects, with connections of its own.
    pub client: reqwest::Client,
    /// The database that Python and the service share.
    pub database: Database,
    binaries: Binaries,
    folder: TempDir,
    _share: MachineShare,
}

/// What a finished `migrate` said.
#[derive(Debug)]
pub struct CommandOutput {
    /// Its exit code; absent when a signal ended it.
    pub code: Option<i32>,
    /// Its results.
    pub stdout: String,
    /// Its complaints.
    pub stderr: String,
}

impl StackBuilder {
    /// Who comes from: `monolith` (a fake unless said otherwise).
    #[must_use]
    pub fn old(mut self, player: Player) -> Self {
        self.old = player;
        self
    }

    /// Where to: `agent-service` (a fake unless said otherwise).
    #[must_use]
    pub fn new_backend(mut self, player: Player) -> Self {
        self.new = player;
        self
    }

    /// Adds a route.
    #[must_use]
    pub fn route(mut self, route: RouteSpec) -> Self {
        self.routes.push(route);
        self
    }

    /// Adds a line to the tables of both backends: `connect_timeout = "200ms"`.
    #[must_use]
    pub fn each_backend(mut self, line: &str) -> Self {
        self.backend_lines.push(line.to_owned());
        self
    }

    /// Adds a line to `[defaults]`.
    #[must_use]
    pub fn defaults(mut self, line: &str) -> Self {
        self.default_lines.push(line.to_owned());
        self
    }

    /// Adds a whole table: `"[limits]\nmax_body_bytes = 100"`.
    #[must_use]
    pub fn section(mut self, text: &str) -> Self {
        self.sections.push(text.to_owned());
        self
    }

    /// Waits until no other stack runs, and lets none begin: for measurements.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Starts the backends, writes the table, starts the proxy, and returns when it is ready.
    pub async fn start(self) -> Stack {
        let mut stack = self.start_without_proxy().await;
        stack.start_proxy().await;
        stack
    }

    /// The same without the proxy.
    pub async fn start_without_proxy(self) -> Stack {
        let machine = Arc::clone(&MACHINE);
        let share = if self.alone {
            MachineShare::All { _guard: machine.write_owned().await }
        } else {
            MachineShare::Some { _guard: machine.read_owned().await }
        };
        let folder = TempDir::with_prefix("e2e-").unwrap();
        let database = Database::fresh(folder.path());
        let old = play(&self.old, "monolith", &self.binaries, &database, folder.path()).await;
        let new = play(&self.new, "agent-service", &self.binaries, &database, folder.path()).await;
        let table = TableSpec {
            http: PortGuard::take().release(),
            admin: PortGuard::take().release(),
            old: vec![old.url()],
            new: vec![new.url()],
            old_health: old.health(),
            new_health: new.health(),
            backend_lines: self.backend_lines,
            default_lines: self.default_lines,
            sections: self.sections,
            routes: self.routes,
        };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LIMIT)
            .build()
            .unwrap();
        let proxy = None;
        let binaries = self.binaries;
        let stack =
            Stack { proxy, old, new, table, client, database, binaries, folder, _share: share };
        stack.write_routes(&stack.table.to_toml());
        stack
    }
}

async fn play(
    player: &Player,
    name: &'static str,
    binaries: &Binaries,
    database: &Database,
    folder: &Path,
) -> Backend {
    match player {
        Player::Fake => Backend::Fake(FakeBackend::start(name).await),
        Player::Monolith => Backend::Program(programs::monolith(database, folder).await),
        Player::Service(more) => {
            Backend::Program(programs::service(binaries, database, folder, more).await)
        }
    }
}

impl Stack {
    /// A stack of two fakes and no route, to be changed.
    pub fn builder(binaries: Binaries) -> StackBuilder {
        StackBuilder {
            binaries,
            old: Player::Fake,
            new: Player::Fake,
            alone: false,
            backend_lines: vec!["health_interval = \"100ms\"".to_owned()],
            default_lines: Vec::new(),
            sections: Vec::new(),
            routes: Vec::new(),
        }
    }

    /// Where files of this stack may go.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The route table's file.
    pub fn routes_path(&self) -> PathBuf {
        self.folder().join("routes.toml")
    }

    /// Overwrites the table in place, as an editor would.
    pub fn write_routes(&self, text: &str) {
        std::fs::write(self.routes_path(), text).unwrap();
    }

    /// The table's text as it stands.
    pub fn read_routes(&self) -> String {
        std::fs::read_to_string(self.routes_path()).unwrap()
    }

    /// Starts the proxy, again after it has ended, and returns when it is ready.
    pub async fn start_proxy(&mut self) {
        for attempt in 1..=PORT_ATTEMPTS {
            let log = self.folder().join("proxy.log");
            let mut command = Command::new(self.binaries.proxy);
            command.arg("--routes").arg(self.routes_path()).current_dir(self.folder());
            let mut proxy = Process::spawn("strangler-proxy", &command, &log);
            let ready = format!("{}/readyz", self.admin_url());
            if programs::answers(&self.client, &ready, &mut proxy).await {
                self.proxy = Some(proxy);
                return;
            }
            let lost_the_race = proxy.output().contains("in use");
            assert!(lost_the_race && attempt < PORT_ATTEMPTS, "no proxy\n{}", proxy.tail());
            let (http, admin) = (PortGuard::take().release(), PortGuard::take().release());
            let text = self.read_routes();
            let moved = text
                .replace(&self.table.http.to_string(), &http.to_string())
                .replace(&self.table.admin.to_string(), &admin.to_string());
            self.write_routes(&moved);
            (self.table.http, self.table.admin) = (http, admin);
        }
    }

    /// The proxy's process; fails the test when it was not started.
    pub fn proxy(&mut self) -> &mut Process {
        self.proxy.as_mut().unwrap()
    }

    /// The fake old and the fake new backend.
    pub fn fakes(&mut self) -> (&mut FakeBackend, &mut FakeBackend) {
        (self.old.fake(), self.new.fake())
    }

    /// A URL at the proxy.
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.table.http)
    }

    /// Base URL of the proxy's admin interface.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.table.admin)
    }

    /// `GET` at the proxy.
    pub async fn get(&self, target: &str) -> reqwest::Response {
        self.client.get(self.url(target)).send().await.unwrap()
    }

    /// Who answers a `GET` at the proxy, by the answer's mark; empty when it left none.
    pub async fn who_answers(&self, target: &str) -> String {
        let answer = self.get(target).await;
        let mark = answer.headers().get(fake_backend::MARK);
        mark.map_or(String::new(), |mark| mark.to_str().unwrap().to_owned())
    }

    /// `GET /api/routes` at the proxy's admin interface.
    pub async fn routes_report(&self) -> RoutesReport {
        self.admin("/api/routes").await
    }

    /// `GET /api/evidence` at the proxy's admin interface.
    pub async fn evidence(&self) -> EvidenceReport {
        self.admin("/api/evidence").await
    }

    /// The value of the samples of a metric whose line contains every one of `labels`, added up; zero when there is none.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = self.client.get(format!("{}/metrics", self.admin_url())).send().await.unwrap();
        let text = text.text().await.unwrap();
        let named = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        };
        text.lines()
            .filter(named)
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    async fn admin<T: DeserializeOwned>(&self, target: &str) -> T {
        let url = format!("{}{target}", self.admin_url());
        let answer = self.client.get(&url).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{url}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{url}: {e}: {text}"))
    }

    /// The command `migrate --routes …` with these words, ready to be started.
    pub fn migrate_command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.binaries.migrate);
        command.arg("--routes").arg(self.routes_path()).args(words);
        command.current_dir(self.folder()).env("NO_COLOR", "1").env("COLUMNS", "100");
        command
    }

    /// Waits until the proxy has journaled the table in force, if it was changed by hand, and has let go of the lock.
    pub async fn recorded(&self) {
        let file = TableFile::new(self.routes_path());
        let digest = self.routes_report().await.generation.digest;
        wait::until("the journal has the table in force", LIMIT, async || {
            let journal = std::fs::read_to_string(file.journal_path()).ok()?;
            journal.contains(digest.as_str()).then_some(())
        })
        .await;
        drop(file.lock("a test", LIMIT).unwrap());
    }

    /// Runs `migrate --routes …` with these words to its end.
    pub async fn migrate(&self, words: &[&str]) -> CommandOutput {
        run(self.migrate_command(words)).await
    }

    /// The same, and fails the test unless it ends with 0.
    pub async fn migrate_ok(&self, words: &[&str]) -> CommandOutput {
        let output = self.migrate(words).await;
        assert_eq!(output.code, Some(0), "migrate {words:?}: {output:#?}");
        output
    }

    /// Waits until the proxy has this generation in force.
    pub async fn follows(&self, generation: u64) {
        let what = format!("the proxy has generation {generation} in force");
        wait::until(&what, LIMIT, async || {
            (self.routes_report().await.generation.number == generation).then_some(())
        })
        .await;
    }
}

/// Runs a command to its end; fails the test when it takes too long.
pub async fn run(command: Command) -> CommandOutput {
    let began = Instant::now();
    let shown = format!("{command:?}");
    let mut command = tokio::process::Command::from(command);
    let output = command.kill_on_drop(true).stdin(std::process::Stdio::null()).output();
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
