//! Asks a backend about itself when somebody looks at the gate: bounded in size and time, and kept for a moment.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;

use crate::backends::{Pool, Server};

/// Longest wait for an answer.
const LIMIT: Duration = Duration::from_millis(1500);
/// Largest answer, bytes.
const MAX_BODY: usize = 4 << 20;
/// Most backends whose answers are kept.
const MAX_KEPT: usize = 64;

/// The answers of late, by backend: several proxies, a dashboard and a cutover ask for them again and again.
#[derive(Debug)]
pub(super) struct Lately<A> {
    kept_for: Duration,
    answers: Mutex<BTreeMap<Arc<str>, (Instant, A)>>,
}

impl<A: Clone> Lately<A> {
    pub(super) fn new(kept_for: Duration) -> Self {
        Self { kept_for, answers: Mutex::default() }
    }

    /// What the backend answered of late, or answers now. One question at a time: whoever asks meanwhile gets the same answer.
    pub(super) async fn answer(&self, pool: &Pool, ask: impl Future<Output = A>) -> A {
        let mut answers = self.answers.lock().await;
        answers.retain(|_, (at, _)| at.elapsed() < self.kept_for);
        if let Some((_, answer)) = answers.get(&pool.name) {
            return answer.clone();
        }
        let answer = ask.await;
        if answers.len() < MAX_KEPT {
            answers.insert(Arc::clone(&pool.name), (Instant::now(), answer.clone()));
        }
        answer
    }
}

/// `GET path` of one healthy server.
///
/// # Errors
/// Why there is no answer, in words.
pub(super) async fn get(pool: &Pool, path: &str) -> Result<(StatusCode, Bytes), String> {
    let target = pool.targets().iter().find(|target| target.is_usable());
    let Some((target, server)) = target.and_then(|target| Some((target, target.current()?))) else {
        return Err("no server of it is healthy".to_owned());
    };
    match tokio::time::timeout(LIMIT, fetch(&server, &target.label, path)).await {
        Ok(answer) => answer.map_err(|problem| format!("{path}: {problem}")),
        Err(_elapsed) => Err(format!("no answer to {path} within {LIMIT:?}")),
    }
}

async fn fetch(
    server: &Server,
    host: &str,
    path: &str,
) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>> {
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(server.connect().await?)).await?;
    // Ends when the answer was read or given up, because the sender is dropped then.
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_BODY).collect().await?.to_bytes();
    connection.abort();
    Ok((status, body))
}
