//! What tests of several modules share: a table in a temporary folder, commands run against it, and stand-in proxies.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use clap::Parser as _;
use routes::admin::{
    BackendReport, EvidenceReport, GateCondition, GateReport, NoiseReport, ProxyIdentity,
    RejectedTable, RouteNoise, RouteReport, RoutesReport, SourceReport, TargetReport, Verdict,
};
use routes::store::TableFile;
use routes::{Digest, Generation, RouteTable};

use crate::cli::Cli;
use crate::config::Environment;
use crate::exit_code::Exit;
use crate::output::Printer;

/// A table with two routes that differ in everything; `PROXIES` is where addresses go.
pub(crate) const TABLE: &str = r#"format = 1
# The table of the tests.
[proxies]
admin = [PROXIES]

[backends.monolith]
targets = ["http://127.0.0.1:8011"]
health = "/v1/health"

[backends.agent-service]
targets = ["http://127.0.0.1:8012"]
health = "/health"

[defaults]
old = "monolith"
new = "agent-service"
fallback = "monolith"

[[routes]]
name = "workflows"
path = "/api/v1/agent/workflows/{*rest}"
methods = ["GET", "POST"]
new_path = "/api/v1/agents/workflows/{rest}"
stage = "shadow" # read only so far
canary = { percent = 10, sticky = "header:x-api-key" }

[[routes]]
name = "executions"
path = "/api/v1/agent/executions/{id}"
stage = "monolith"
"#;

/// A folder with a table in it.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
}

/// What a command came to.
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    /// A folder with [`TABLE`] that lists these proxies.
    pub(crate) fn with_proxies(addresses: &[&str]) -> Self {
        let quoted: Vec<String> =
            addresses.iter().map(|address| format!("\"{address}\"")).collect();
        Self::with_table(&TABLE.replace("PROXIES", &quoted.join(", ")))
    }

    pub(crate) fn with_table(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let this = Self { folder };
        this.write(text);
        this
    }

    /// Overwrites the table as an editor would.
    pub(crate) fn write(&self, text: &str) {
        std::fs::write(self.path(), text).unwrap();
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("routes.toml")
    }

    pub(crate) fn file(&self) -> TableFile {
        TableFile::new(self.path())
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    pub(crate) fn table(&self) -> RouteTable {
        RouteTable::parse(&self.path(), &self.text()).unwrap()
    }

    /// The stage of a route as it stands in the file.
    pub(crate) fn stage(&self, route: &str) -> String {
        self.table().route_named(route).unwrap().stage.to_string()
    }

    /// Runs a command; the folder's path is taken out of what it prints.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        let path = self.path();
        let mut line = vec!["migrate", "--routes", path.to_str().unwrap()];
        line.extend(arguments);
        let cli = Cli::try_parse_from(line).unwrap();
        let (printer, written) = Printer::to_memory(cli.global.output);
        let environment = Environment { who: "ann@box".to_owned(), ..Environment::default() };
        let exit = crate::run(cli, &printer, environment).await;
        let folder = format!("{}/", self.folder.path().display());
        Ran {
            exit,
            out: written.out().replace(&folder, ""),
            err: written.err().replace(&folder, ""),
        }
    }

    /// Moves routes forward whatever the gate says: for tests of what comes after.
    pub(crate) async fn cut_over(&self, words: &[&str]) -> Ran {
        self.run(&[&["cutover"], words, &["--force", "--reason", "by a test"]].concat()).await
    }

    /// Runs a command and reads the JSON document that it prints.
    pub(crate) async fn json(&self, arguments: &[&str]) -> (Exit, serde_json::Value) {
        let mut line = vec!["--output", "json"];
        line.extend(arguments);
        let ran = self.run(&line).await;
        let value = serde_json::from_str(&ran.out);
        (ran.exit, value.unwrap_or_else(|problem| panic!("{problem}: {} {}", ran.out, ran.err)))
    }
}

/// Takes out of snapshots what differs from run to run.
pub(crate) fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b\d+\.\d+ ms\b", "[ms]");
    settings.add_filter(r#"(after|followed)_ms"?: ?\d+\.\d+"#, "${1}_ms: [ms]");
    settings.add_filter(r"\b[0-9a-f]{16}\b", "[digest]");
    settings.add_filter(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+Z)?", "[time]");
    settings.add_filter(r"http://127\.0\.0\.1:\d{4,5}\b", "http://[proxy]");
    settings
}

/// A JSON document with one line for each key, and for each element of a list under a key.
pub(crate) fn shape(document: &serde_json::Value) -> String {
    let mut page = String::new();
    for (key, value) in document.as_object().unwrap() {
        match value.as_array() {
            Some(list) if !list.is_empty() => {
                page.extend([key, ":\n"]);
                page.extend(list.iter().map(|element| format!("  - {element}\n")));
            }
            _ => page.extend([format!("{key}: {value}\n")]),
        }
    }
    page
}

/// How a stand-in proxy behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It has in force what is in the file.
    Follows,
    /// It never looks at the file again.
    Sleeps,
    /// It refuses every text but the first.
    Rejects,
}

/// A stand-in for the admin interface of a proxy; it stops on drop.
pub(crate) struct FakeProxy {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    path: Mutex<Option<PathBuf>>,
    first: Mutex<Option<String>>,
    manner: Manner,
    healthy: bool,
    evidence: Option<EvidenceReport>,
    gate: Mutex<Option<GateReport>>,
    noise: Mutex<Option<RouteNoise>>,
    stopped: AtomicBool,
}

impl FakeProxy {
    pub(crate) fn start(manner: Manner, healthy: bool) -> Self {
        Self::with_evidence(manner, healthy, None)
    }

    pub(crate) fn with_evidence(
        manner: Manner,
        healthy: bool,
        evidence: Option<EvidenceReport>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            path: Mutex::default(),
            first: Mutex::default(),
            manner,
            healthy,
            evidence,
            gate: Mutex::default(),
            noise: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let thread = {
            let state = Arc::clone(&state);
            std::thread::spawn(move || serve(&listener, &state))
        };
        Self { address, state, thread: Some(thread) }
    }

    /// What it says of every route from now on; before, nothing stands against a cutover.
    pub(crate) fn says(&self, gate: GateReport) {
        *self.state.gate.lock().unwrap() = Some(gate);
    }

    /// The noise that it has learned; before, none.
    pub(crate) fn learned(&self, noise: RouteNoise) {
        *self.state.noise.lock().unwrap() = Some(noise);
    }

    /// Its address, as the table has it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A folder whose table lists this proxy, and which it serves.
    pub(crate) fn folder(&self) -> Folder {
        let folder = Folder::with_proxies(&[&self.url()]);
        self.follow(&folder);
        folder
    }

    /// Names the table that it serves.
    pub(crate) fn follow(&self, folder: &Folder) {
        *self.state.first.lock().unwrap() = Some(folder.text());
        *self.state.path.lock().unwrap() = Some(folder.path());
    }
}

impl Drop for FakeProxy {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn serve(listener: &TcpListener, state: &State) {
    for stream in listener.incoming() {
        if state.stopped.load(Ordering::SeqCst) {
            return;
        }
        let mut stream = stream.unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let request = lines.next().and_then(Result::ok).unwrap_or_default();
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let body = if request.starts_with("GET /api/evidence") {
            serde_json::to_string(&state.evidence.clone().unwrap_or_else(no_evidence))
        } else if let Some(route) = asked(&request, "/api/gate") {
            let gate = state.gate.lock().unwrap().clone();
            serde_json::to_string(&gate.unwrap_or_else(|| passing_gate(route)))
        } else if asked(&request, "/api/noise").is_some() {
            let routes = state.noise.lock().unwrap().clone().into_iter().collect();
            serde_json::to_string(&NoiseReport { routes })
        } else {
            serde_json::to_string(&state.report())
        };
        let body = body.unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        // A client that went away is no concern of a stand-in.
        let _written = stream.write_all(format!("{head}{body}").as_bytes());
    }
}

/// The route that a request asks an endpoint for.
fn asked<'r>(request: &'r str, endpoint: &str) -> Option<&'r str> {
    request.strip_prefix("GET ")?.strip_prefix(endpoint)?.strip_prefix("?route=")?.split(' ').next()
}

/// One operation, and nothing to say against it.
fn passing_gate(route: &str) -> GateReport {
    let condition = GateCondition {
        condition: "samples".to_owned(),
        operation: Some(format!("GET /{route}")),
        wanted: "at least 100".to_owned(),
        found: "400".to_owned(),
        verdict: Verdict::Pass,
        what_to_do: None,
    };
    GateReport { route: route.to_owned(), verdict: Verdict::Pass, conditions: vec![condition] }
}

fn no_evidence() -> EvidenceReport {
    EvidenceReport {
        since: chrono::DateTime::UNIX_EPOCH,
        store: store_report(),
        routes: Vec::new(),
    }
}

impl State {
    fn report(&self) -> RoutesReport {
        let path = self.path.lock().unwrap().clone().expect("a table to serve");
        let now = std::fs::read_to_string(&path).unwrap_or_default();
        let first = self.first.lock().unwrap().clone().unwrap();
        let parsed = RouteTable::parse(&path, &now);
        let follows = self.manner == Manner::Follows && parsed.is_ok();
        let table =
            if follows { parsed.unwrap() } else { RouteTable::parse(&path, &first).unwrap() };
        let rejected = (self.manner == Manner::Rejects && now != first).then(|| RejectedTable {
            at: chrono::DateTime::UNIX_EPOCH,
            digest: Some(Digest::of(&now)),
            problems: vec!["routes.toml:3:1: not to my taste; write it otherwise".to_owned()],
        });
        RoutesReport {
            generation: Generation {
                number: table.generation.number,
                digest: table.generation.digest.clone(),
            },
            in_force_since: chrono::DateTime::UNIX_EPOCH,
            rejected,
            proxy: ProxyIdentity {
                version: "0.1.0".to_owned(),
                pid: 4711,
                started_at: chrono::DateTime::UNIX_EPOCH,
                table: "routes.toml".to_owned(),
            },
            source: SourceReport::default(),
            certificate: None,
            fallback: "monolith".to_owned(),
            backends: self.backends(&table),
            routes: table.routes.iter().map(|route| route_report(&table, route)).collect(),
        }
    }

    fn backends(&self, table: &RouteTable) -> Vec<BackendReport> {
        let backends = table.backends.iter().map(|backend| {
            let healthy = self.healthy || backend.name == "monolith";
            let targets = backend.targets.iter().map(|target| TargetReport {
                address: format!("{}:{}", target.host, target.port),
                healthy,
            });
            BackendReport {
                name: backend.name.clone(),
                healthy,
                build: None,
                targets: targets.collect(),
            }
        });
        backends.collect()
    }
}

fn route_report(table: &RouteTable, route: &routes::Route) -> RouteReport {
    RouteReport {
        name: route.name.clone(),
        path: route.path.to_string(),
        methods: route.methods.clone(),
        stage: route.stage,
        old: table.backend(route.old).name.clone(),
        new: table.backend(route.new).name.clone(),
        canary_percent: route.canary.percent,
        mirror_sample: route.mirror.sample,
        answered: BTreeMap::new(),
        failovers: 3,
        guard: None,
    }
}

/// An address where nobody listens.
pub(crate) fn dead_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A store that is well.
pub(crate) fn store_report() -> routes::admin::StoreReport {
    routes::admin::StoreReport {
        url: "sqlite://evidence.db".to_owned(),
        degraded: None,
        pending: 0,
        lost: 0,
    }
}
