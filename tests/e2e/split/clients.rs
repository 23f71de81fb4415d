//! Clients that write until they are told to stop, and know what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use e2e::{LIMIT, wait};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

const CLIENTS: usize = 3;

/// What clients share with whoever watches them.
#[derive(Clone)]
pub(super) struct Wishes {
    backend: String,
    client: reqwest::Client,
    /// Closed while the service is restarted: what is not accepted then is lost, whoever moves tables.
    gate: Arc<RwLock<()>>,
    stop: Arc<AtomicBool>,
    tries: Arc<AtomicU64>,
    done: Arc<AtomicU64>,
}

/// Clients at work.
pub(super) struct Clients {
    wishes: Wishes,
    thread: JoinHandle<Vec<Done>>,
}

/// What has to be there in the end.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// `name|description`, sorted.
    pub(super) workflows: Vec<String>,
    /// Identifiers, sorted.
    pub(super) executions: Vec<String>,
    /// Acknowledged writes.
    pub(super) writes: u64,
    /// Answers 503.
    pub(super) refusals: u64,
}

impl Wishes {
    pub(super) fn new(backend: &str) -> Self {
        Self {
            backend: format!("{backend}/api/v1/agents/workflows"),
            // A connection that is kept may be closed by a service that stops, just when a request goes out on it.
            client: reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            gate: Arc::default(),
            stop: Arc::default(),
            tries: Arc::default(),
            done: Arc::default(),
        }
    }

    /// Keeps clients from asking until the value is dropped.
    pub(super) async fn close_gate(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.gate).write_owned().await
    }

    /// How often clients have tried to write.
    pub(super) fn tries(&self) -> u64 {
        self.tries.load(Ordering::Relaxed)
    }

    /// Waits for some more tries.
    pub(super) async fn until(&self, more: u64, what: &str) {
        reached(&self.tries, more, what).await;
    }

    /// Waits for some more acknowledged writes.
    pub(super) async fn until_done(&self, more: u64, what: &str) {
        reached(&self.done, more, what).await;
    }

    /// Asks until it is done; how often it was refused.
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (Value, u64) {
        let mut refusals = 0;
        let url = format!("{}{path}", self.backend);
        let answer = wait::until(&format!("{method} {path} is done"), 3 * LIMIT, async || {
            self.tries.fetch_add(1, Ordering::Relaxed);
            let _open = self.gate.read().await;
            let request =
                self.client.request(method.parse().unwrap(), &url).header("x-api-key", "alice");
            let request = match &body {
                Some(body) => {
                    request.header("content-type", "application/json").body(body.to_string())
                }
                None => request,
            };
            let answer = request.send().await.unwrap();
            let retry = answer.headers().contains_key("retry-after");
            let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
            if status == 503 {
                assert!(retry, "{text}");
                refusals += 1;
                return None;
            }
            assert_eq!(status, 200, "{method} {path}: {text}");
            self.done.fetch_add(1, Ordering::Relaxed);
            Some(serde_json::from_str(&text).unwrap())
        })
        .await;
        (answer, refusals)
    }
}

async fn reached(count: &AtomicU64, more: u64, what: &str) {
    let goal = count.load(Ordering::Relaxed) + more;
    wait::until(what, 2 * LIMIT, async || (count.load(Ordering::Relaxed) >= goal).then_some(()))
        .await;
}

impl Clients {
    /// On a thread of their own, so that they never wait for whoever watches them.
    pub(super) fn start(wishes: &Wishes) -> Self {
        let shared = wishes.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let clients = (0..CLIENTS).map(|number| write(shared.clone(), number));
            runtime.unwrap().block_on(join_all(clients))
        });
        Self { wishes: wishes.clone(), thread }
    }

    /// Lets each end what it does.
    pub(super) async fn stop(self) -> Done {
        self.wishes.stop.store(true, Ordering::Relaxed);
        let done = tokio::task::spawn_blocking(|| self.thread.join()).await.unwrap();
        let mut all = Done::default();
        for done in done.unwrap() {
            all.workflows.extend(done.workflows);
            all.executions.extend(done.executions);
            all.writes += done.writes;
            all.refusals += done.refusals;
        }
        all.workflows.sort_unstable();
        all.executions.sort_unstable();
        all
    }
}

/// Makes workflows; changes each once, deletes every third, executes every fourth.
async fn write(wishes: Wishes, client: usize) -> Done {
    let mut done = Done::default();
    for number in 0.. {
        if wishes.stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("{client}-{number}");
        let mut ask = async |method: &str, path: &str, body: Option<Value>| {
            let (answer, refusals) = wishes.ask(method, path, body).await;
            done.writes += 1;
            done.refusals += refusals;
            answer
        };
        let made = ask("POST", "", Some(json!({"name": name, "steps": {"a": {}}}))).await;
        let path = format!("/{}", made["id"].as_str().unwrap());
        let description = format!("żółć ✓ {number}");
        ask("PUT", &path, Some(json!({"description": description}))).await;
        if number % 3 == 0 {
            ask("DELETE", &path, None).await;
            continue;
        }
        if number % 4 == 0 {
            let body = json!({"workflow_id": made["id"], "inputs": {"n": number}});
            let begun = ask("POST", &format!("{path}/execute"), Some(body)).await;
            done.executions.push(begun["execution_id"].as_str().unwrap().to_owned());
        }
        done.workflows.push(format!("{name}|{description}"));
    }
    done
}
