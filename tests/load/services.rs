//! The agent service beside the Python stand-in for the monolith: the same requests, each on a database of its own, in SQLite and
//! in PostgreSQL.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use throwaway::postgres::Postgres;

use crate::paced::{self, Ask, SATURATING};
use crate::process::{self, Memory, Running};
use crate::{Failure, report};

#[derive(Debug, clap::Args)]
pub(crate) struct ServicesArgs {
    /// Rounds; in each, both programs do every operation once.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load for each operation of each program in each round.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Keep-alive connections.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Which databases; default: all.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Engine::Sqlite, Engine::Postgres])]
    databases: Vec<Engine>,
    /// The service's binary; default: beside this one.
    #[arg(long)]
    service: Option<PathBuf>,
    /// The Python that has the stand-in's packages (`make setup`).
    #[arg(long, default_value = ".tools/venv/bin/python")]
    python: PathBuf,
    /// The stand-in.
    #[arg(long, default_value = "tests/monolith")]
    monolith: PathBuf,
}

/// What both programs keep their rows in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Engine {
    /// A file for each.
    Sqlite,
    /// A throw-away server that syncs every commit, a database for each.
    Postgres,
}

impl Engine {
    /// As the report calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// The receipts' key, where there is no folder to keep one in.
const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// Workflows that there are before anything is measured.
const WORKFLOWS: usize = 100;

/// How often a page is written to see how long the disk takes.
const SYNCS: usize = 100;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// One workflow.
    Read,
    /// All workflows of the owner.
    List,
    /// A new workflow.
    Create,
    /// A run of a workflow whose steps are none, so that the engine is measured and not the waiting that it simulates.
    Execute,
}

impl Operation {
    pub(crate) const ALL: [Self; 4] = [Self::Read, Self::List, Self::Create, Self::Execute];

    /// As the table calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::List => "list 100",
            Self::Create => "create",
            Self::Execute => "execute",
        }
    }

    fn ask(self, base: &str, workflow: &str) -> Result<Ask, Failure> {
        let one = format!("{base}/api/v1/agents/workflows/{workflow}");
        let (method, url, body) = match self {
            Self::Read => (Method::GET, one, None),
            Self::List => (Method::GET, format!("{base}/api/v1/agents/workflows"), None),
            Self::Create => {
                (Method::POST, format!("{base}/api/v1/agents/workflows"), Some(new_workflow()))
            }
            Self::Execute => {
                let body = json!({"workflow_id": workflow, "inputs": {"text": "hello"}});
                (Method::POST, format!("{one}/execute"), Some(body))
            }
        };
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        Ok(Ask { method, uri: url.parse()?, body, expected: None })
    }
}

fn new_workflow() -> Value {
    json!({
        "name": "summarise", "description": "Reads a text and says what it is about",
        "steps": {"read": {"type": "inference", "model": "small"}, "say": {"type": "inference", "model": "large"}},
        "tags": ["text", "summary"], "max_execution_time": 600, "max_cost_budget": 1.5,
    })
}

/// One operation of one program in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
    /// At the end.
    pub(crate) memory: Memory,
}

/// Both programs on one engine, round by round: what `operation` took the monolith and the service.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) engine: Engine,
    pub(crate) operation: Operation,
    pub(crate) rounds: Vec<[Measured; 2]>,
    /// Milliseconds that a bare loop needs to write a page and sync it, round by round: what each commit does several times.
    pub(crate) syncs: Vec<f64>,
}

/// A program that answers.
struct Program {
    /// As a failure calls it.
    name: &'static str,
    base: String,
    workflow: String,
    running: Running,
}

/// Measures each operation on fresh databases, so that what one leaves does not weigh on the next.
pub(crate) fn run(args: &ServicesArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut found = Vec::new();
    for &engine in &args.databases {
        let server = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(runtime.block_on(Postgres::start_durable())),
        };
        for operation in Operation::ALL {
            let databases = Databases { runtime: &runtime, server: server.as_ref(), operation };
            found.push(compare(args, engine, &databases)?);
        }
    }
    report::services(&found, args.rounds, args.seconds, args.connections);
    Ok(())
}

fn compare(
    args: &ServicesArgs,
    engine: Engine,
    databases: &Databases<'_>,
) -> Result<Compared, Failure> {
    let Databases { runtime, operation, .. } = *databases;
    let folder = tempfile::tempdir()?;
    let programs = [
        ("the stand-in", monolith(args, &folder, databases)?),
        ("the service", service(args, &folder, databases)?),
    ];
    let mut ready = Vec::new();
    for (name, (base, running)) in programs {
        let workflow = runtime.block_on(fill(&base))?;
        ready.push(Program { name, base, workflow, running });
    }
    let [old, new] = &ready[..] else { return Err("there are two programs".into()) };
    let (mut rounds, mut syncs) = (Vec::new(), Vec::new());
    for round in 1..=args.rounds {
        report::progress(operation.name(), round, args.rounds);
        let measure = |program: &Program| {
            let measured = runtime.block_on(measure(program, operation, args));
            measured.map_err(|why| {
                let (engine, what) = (engine.name(), operation.name());
                format!("{engine}, {what} of {}, round {round}: {why}", program.name)
            })
        };
        rounds.push([measure(old)?, measure(new)?]);
        syncs.push(sync_millis(folder.path())?);
    }
    Ok(Compared { engine, operation, rounds, syncs })
}

/// Where fresh databases come from.
struct Databases<'a> {
    runtime: &'a tokio::runtime::Runtime,
    /// None: a file in the program's own folder.
    server: Option<&'a Postgres>,
    operation: Operation,
}

impl Databases<'_> {
    /// A new one for a program with this folder: its URL, as Python's libraries or as sqlx want it.
    fn create(&self, program: &str, folder: &Path, python: bool) -> String {
        let Some(server) = self.server else {
            return format!("sqlite:///{}", folder.join("shared.db").display());
        };
        let name = format!("{program}_{:?}", self.operation).to_lowercase();
        self.runtime.block_on(server.query("postgres", &format!("CREATE DATABASE {name}")));
        if python { server.python_url(&name) } else { server.url(&name) }
    }
}

async fn measure(
    program: &Program,
    operation: Operation,
    args: &ServicesArgs,
) -> Result<Measured, Failure> {
    let ask = operation.ask(&program.base, &program.workflow)?;
    let length = Duration::from_secs(args.seconds);
    let latencies = paced::latencies(&ask, SATURATING, args.connections, length).await?;
    let (p50, p99) = latencies.quantiles();
    let memory = Memory::of(program.running.pid())?;
    Ok(Measured { rate: latencies.answers() / length.as_secs_f64(), p50, p99, memory })
}

/// The median time of a write that is synced.
fn sync_millis(folder: &Path) -> Result<f64, Failure> {
    let mut file = File::create(folder.join("synced"))?;
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.rewind()?;
        file.write_all(&[1; 4096])?;
        file.sync_all()?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(report::median(times.into_iter()))
}

/// Makes the workflows that are read, listed and run; the identifier of one without steps.
async fn fill(base: &str) -> Result<String, Failure> {
    let client = reqwest::Client::new();
    let mut body = new_workflow();
    let mut last = String::new();
    for number in 0..WORKFLOWS {
        if number + 1 == WORKFLOWS
            && let Some(steps) = body.get_mut("steps")
        {
            *steps = json!({});
        }
        let url = format!("{base}/api/v1/agents/workflows");
        let made = client.post(url).json(&body).send().await?.error_for_status()?;
        let made: Value = made.json().await?;
        let id = made.get("id").and_then(Value::as_str).ok_or("a workflow without an id")?;
        id.clone_into(&mut last);
    }
    Ok(last)
}

fn monolith(
    args: &ServicesArgs,
    folder: &TempDir,
    databases: &Databases<'_>,
) -> Result<(String, Running), Failure> {
    if !args.python.exists() {
        let missing = args.python.display();
        return Err(format!("{missing} is missing; run `make setup` in the project's root").into());
    }
    // Not canonical: a virtual environment is found by where its link is.
    let mut command = Command::new(std::path::absolute(&args.python)?);
    command.arg(args.monolith.canonicalize()?).env("PYTHONDONTWRITEBYTECODE", "1");
    let home = folder.path().join("monolith");
    command.env("DATABASE_URL", databases.create("monolith", &home, true));
    start(command, &home)
}

fn service(
    args: &ServicesArgs,
    folder: &TempDir,
    databases: &Databases<'_>,
) -> Result<(String, Running), Failure> {
    let beside = std::env::current_exe()?.with_file_name("agent-service");
    let mut command = Command::new(args.service.clone().unwrap_or(beside));
    let home = folder.path().join("service");
    command.env("UNIT_MANAGER", "none").env("RECEIPT_SIGNING_KEY_HEX", KEY);
    command.env("DATABASE_URL", databases.create("service", &home, false));
    start(command, &home)
}

fn start(mut command: Command, home: &Path) -> Result<(String, Running), Failure> {
    let at = process::free_address()?;
    std::fs::create_dir(home)?;
    command
        .current_dir(home)
        .env("APP_ENV", "dev")
        .env("APP_HOST", at.ip().to_string())
        .env("APP_PORT", at.port().to_string())
        .env("LOG_LEVEL", "error");
    let running = Running::start(&mut command, &home.join("log"), at)?;
    Ok((format!("http://{at}"), running))
}
