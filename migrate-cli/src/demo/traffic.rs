//! The demo's clients: each with a key and a keep-alive connection of its own, reading without end; one of them also writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::failure::Failure;

use super::tally::{Side, Tally};

/// Clients that read. The stand-in, like many a monolith, blocks when more requests than its pool has connections
/// (15) are under way.
pub(super) const READERS: usize = 12;
/// Workflows that they read.
const SEEDS: usize = 12;
/// Pause of a reader between an answer and its next request: the pace of the traffic.
const READ_PACE: Duration = Duration::from_millis(25);
/// The same for the writer.
const WRITE_PACE: Duration = Duration::from_millis(30);
/// Longest wait of a client for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Every so many reads one asks for the list.
const LIST_EVERY: usize = 5;
/// What the stand-in marks its answers with.
const MARK: &str = "x-test-backend";
/// Where the demo's route begins.
const PATH: &str = "/api/v1/agent/workflows";

/// Clients at work. Dropping it stops them at once.
pub(super) struct Traffic {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
}

struct Shared {
    url: String,
    seeds: Vec<String>,
    acts: Mutex<Vec<Tally>>,
    writing: AtomicBool,
}

/// The key of a reader, which is also what a canary tells it apart by.
pub(super) fn key(number: usize) -> String {
    format!("demo-client-{number:02}")
}

impl Traffic {
    /// Creates what is read, through the proxy, and sets the clients to work.
    pub(super) async fn start(url: String) -> Result<Self, Failure> {
        let seeds = seed(&url).await?;
        let shared = Arc::new(Shared {
            url,
            seeds,
            acts: Mutex::new(Tally::new("warming up").into_iter().collect()),
            writing: AtomicBool::new(true),
        });
        let mut clients = JoinSet::new();
        for number in 0..READERS {
            clients.spawn(read(Arc::clone(&shared), number, client()?));
        }
        clients.spawn(write(Arc::clone(&shared), client()?));
        Ok(Self { shared, clients })
    }

    /// From now on requests are counted for another act; those under way stay with the one they began in.
    pub(super) fn begin(&self, act: &'static str) {
        self.shared.with(|acts| acts.extend(Tally::new(act)));
    }

    /// The counts of the act so far.
    pub(super) fn tally(&self) -> Option<Tally> {
        self.shared.with(|acts| acts.last().cloned())
    }

    /// Requests of the act so far.
    pub(super) fn requests(&self) -> u64 {
        self.shared.with(|acts| acts.last().map_or(0, Tally::requests))
    }

    /// Lets the writer go on, or pause.
    pub(super) fn write(&self, goes_on: bool) {
        self.shared.writing.store(goes_on, Ordering::SeqCst);
    }

    /// Stops the clients and hands over every act.
    pub(super) async fn stop(mut self) -> Vec<Tally> {
        self.clients.shutdown().await;
        self.shared.with(std::mem::take)
    }
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Tally>) -> T) -> T {
        work(&mut self.acts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends one request and counts it for the act that it began in.
    async fn ask(&self, client: &Client, who: &str, request: &Ask) -> Option<Value> {
        let act = self.with(|acts| acts.len());
        let began = Instant::now();
        let result = request.send(client, &self.url, who).await;
        let took = began.elapsed();
        let (result, value) = match result {
            Ok((side, value)) => (Ok(side), Some(value)),
            Err(failure) => (Err(failure), None),
        };
        self.with(|acts| {
            if let Some(tally) = act.checked_sub(1).and_then(|act| acts.get_mut(act)) {
                tally.count(who, took, result);
            }
        });
        value
    }
}

/// One request and what its answer must have.
struct Ask {
    method: Method,
    path: String,
    body: Option<Value>,
    /// A member of the answer with its value.
    wanted: Option<(&'static str, String)>,
}

impl Ask {
    fn get(path: String, wanted: Option<(&'static str, String)>) -> Self {
        Self { method: Method::GET, path, body: None, wanted }
    }

    fn write(method: Method, path: String, body: Option<Value>) -> Self {
        Self { method, path, body, wanted: None }
    }

    fn create(name: String, tag: &str) -> Self {
        let body = json!({
            "name": name,
            "description": "made by migrate demo",
            "steps": {"fetch": {"name": "fetch", "step_type": "data_processing"}},
            "max_execution_time": 3600,
            "tags": [tag],
            "is_public": true,
        });
        Self {
            method: Method::POST,
            path: PATH.to_owned(),
            body: Some(body),
            wanted: Some(("name", name)),
        }
    }

    async fn send(&self, client: &Client, url: &str, who: &str) -> Result<(Side, Value), String> {
        let mut request = client
            .request(self.method.clone(), format!("{url}{}", self.path))
            .header("x-api-key", who);
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| root(&error))?;
        let side = if answer.headers().contains_key(MARK) { Side::Old } else { Side::New };
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(format!("{} {} was answered {status}", self.method, self.path));
        }
        let value: Value = answer.json().await.map_err(|error| root(&error))?;
        match &self.wanted {
            Some((member, wanted)) if text(&value, member) != Some(wanted) => {
                Err(format!("{} {} has another `{member}`", self.method, self.path))
            }
            _ => Ok((side, value)),
        }
    }
}

/// A member of an answer that is a text.
fn text<'a>(answer: &'a Value, member: &str) -> Option<&'a str> {
    answer.get(member).and_then(Value::as_str)
}

/// The cause at the bottom.
fn root(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// A client with one connection of its own.
fn client() -> Result<Client, Failure> {
    let client = Client::builder().no_proxy().pool_max_idle_per_host(1).timeout(PATIENCE).build();
    client.map_err(|problem| Failure::Other {
        message: format!("the HTTP client could not be made: {problem}"),
        help: "this is a fault of the machine or of this program; report it".to_owned(),
    })
}

/// Creates the workflows that are read; nobody changes them later, so that two backends asked one after the other agree.
async fn seed(url: &str) -> Result<Vec<String>, Failure> {
    let client = client()?;
    let mut ids = Vec::new();
    for number in 0..SEEDS {
        let ask = Ask::create(format!("seed {number}"), "demo-seed");
        let created = ask.send(&client, url, &key(0)).await;
        let id = created.map(|(_, workflow)| text(&workflow, "id").map(str::to_owned));
        match id {
            Ok(Some(id)) => ids.push(id),
            Ok(None) => return Err(unusable("a created workflow has no id")),
            Err(failure) => return Err(unusable(&failure)),
        }
    }
    Ok(ids)
}

fn unusable(why: &str) -> Failure {
    Failure::Other {
        message: format!("the demo's first workflows could not be created: {why}"),
        help: "see that backends and proxy are built from the same state of the project: make demo"
            .to_owned(),
    }
}

async fn read(shared: Arc<Shared>, number: usize, client: Client) {
    let who = key(number);
    // Spread over the pace, so that the clients do not ask in step.
    let share = u32::try_from(number).unwrap_or_default();
    sleep(READ_PACE * share / u32::try_from(READERS).unwrap_or(1)).await;
    for turn in number.. {
        let seed = shared.seeds.get(turn % shared.seeds.len().max(1));
        let ask = match seed {
            Some(id) if turn % LIST_EVERY != 0 => {
                Ask::get(format!("{PATH}/{id}"), Some(("id", id.clone())))
            }
            _ => Ask::get(format!("{PATH}?tags=demo-seed"), None),
        };
        shared.ask(&client, &who, &ask).await;
        sleep(READ_PACE).await;
    }
}

/// Lets workflows live and die: each operation must work across a flip, because both backends share the database.
async fn write(shared: Arc<Shared>, client: Client) {
    let who = "demo-writer";
    for turn in 0_u64.. {
        sleep(WRITE_PACE).await;
        if !shared.writing.load(Ordering::SeqCst) {
            continue;
        }
        let ask = Ask::create(format!("written {turn}"), "demo-written");
        let Some(created) = shared.ask(&client, who, &ask).await else { continue };
        let Some(id) = text(&created, "id") else { continue };
        for ask in life(id) {
            sleep(WRITE_PACE).await;
            shared.ask(&client, who, &ask).await;
        }
    }
}

/// What follows on the creation of a workflow.
fn life(id: &str) -> [Ask; 4] {
    let path = format!("{PATH}/{id}");
    let described = json!({"description": "changed by migrate demo"});
    let execute = json!({"workflow_id": id, "inputs": {"source": "demo"}});
    [
        Ask::get(path.clone(), Some(("id", id.to_owned()))),
        Ask::write(Method::PUT, path.clone(), Some(described)),
        Ask::write(Method::POST, format!("{path}/execute"), Some(execute)),
        Ask::write(Method::DELETE, path, None),
    ]
}
