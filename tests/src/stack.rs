//! Everything that a scenario needs, started together and owned by one value.

mod builder;
mod backend;

use std::path::{Path, PathBuf};
use std::process::Command;

use home::Home;
use routes::admin::{EvidenceReport, RoutesReport};
use serde::de::DeserializeOwned;
use tempfile::TempDir;

pub use throwaway::command::{CommandOutput, run};
use throwaway::postgres::Postgres;

pub use backend::{Backend, Player};
pub use builder::{Kept, StackBuilder};

use crate::database::Database;
use crate::fake_backend::{self, FakeBackend};
use crate::port::PortGuard;
use crate::process::Process;
use crate::programs::{self, Binaries};
use crate::routes_file::TableSpec;
use crate::{LIMIT, wait};
use builder::MachineShare;

/// How often a child is started again with another port after it lost the race for one.
const PORT_ATTEMPTS: usize = 3;

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
    /// Where the route table is kept.
    pub home: Home,
    /// The server that it is kept in, if it is in one.
    pub postgres: Option<Postgres>,
    binaries: Binaries,
    proxy_environment: Vec<(String, String)>,
    folder: TempDir,
    _share: MachineShare,
}

impl Stack {
    /// Where files of this stack may go.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The route table's file, or the one that says where the table is.
    pub fn routes_path(&self) -> PathBuf {
        self.folder().join("routes.toml")
    }

    /// Overwrites the table in place, as an editor would.
    pub fn write_routes(&self, text: &str) {
        assert!(
            self.postgres.is_none(),
            "a table in a database is edited by `migrate routes push`"
        );
        std::fs::write(self.routes_path(), text).unwrap();
    }

    /// The table's text as it stands.
    pub fn read_routes(&self) -> String {
        self.home.read().unwrap()
    }

    /// Starts the proxy, again after it has ended, and returns when it is ready.
    pub async fn start_proxy(&mut self) {
        for attempt in 1..=PORT_ATTEMPTS {
            let log = self.folder().join("proxy.log");
            let mut command = Command::new(self.binaries.proxy);
            command.arg("--routes").arg(self.routes_path()).current_dir(self.folder());
            command.envs(self.proxy_environment.iter().map(|(name, value)| (name, value)));
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

    /// The same of a metric that counts. (The sum of no samples is a negative zero.)
    pub async fn count(&self, name: &str, labels: &[&str]) -> u64 {
        format!("{:.0}", self.metric(name, labels).await.abs()).parse().unwrap()
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
        let digest = self.routes_report().await.generation.digest;
        wait::until("the journal has the table in force", LIMIT, async || {
            self.home.journal().unwrap().text_of(digest.as_str()).map(|_| ())
        })
        .await;
        drop(self.home.lock("a test", LIMIT).unwrap());
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

    /// Moves routes forward whatever the gate says: for scenarios of what comes after.
    pub async fn cut_over(&self, words: &[&str]) -> CommandOutput {
        self.migrate_ok(&forced(words)).await
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

/// The words of a cutover that goes past the gate.
pub fn forced<'w>(words: &[&'w str]) -> Vec<&'w str> {
    [&["cutover"], words, &["--force", "--reason", "by a test"]].concat()
}
