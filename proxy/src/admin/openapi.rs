//! Which operations the new backend of a route has, as its OpenAPI document says: asked for when somebody looks at the
//! gate, bounded in size and time, and kept for a moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use evidence::gate::Known;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use routes::{Route, RouteTable};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::backends::Pool;

/// Where FastAPI and most others serve it.
const PATH: &str = "/openapi.json";
/// Longest wait for it.
const LIMIT: Duration = Duration::from_millis(1500);
/// Largest document, bytes.
const MAX_DOCUMENT: usize = 4 << 20;
/// How long an answer is kept: several proxies, a dashboard and a cutover ask for it again and again.
const KEPT: Duration = Duration::from_secs(10);
/// Most backends whose answers are kept.
const MAX_KEPT: usize = 64;

/// What a backend's document names: by path as the backend knows it, the methods.
type Listed = Arc<BTreeMap<String, Vec<&'static str>>>;

/// The documents that were asked for lately, by backend.
#[derive(Debug, Default)]
pub(super) struct Documents(Mutex<BTreeMap<Arc<str>, (Instant, Answer)>>);

/// What a backend answered.
#[derive(Debug, Clone)]
enum Answer {
    Listed(Listed),
    None,
    Unreadable(String),
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(alias = "swagger")]
    openapi: Option<IgnoredAny>,
    #[serde(default)]
    paths: BTreeMap<String, Operations>,
}

/// The operations of one path that have evidence of their own.
#[derive(Debug, Deserialize)]
struct Operations {
    get: Option<IgnoredAny>,
    post: Option<IgnoredAny>,
    put: Option<IgnoredAny>,
    patch: Option<IgnoredAny>,
    delete: Option<IgnoredAny>,
}

impl Operations {
    fn methods(&self) -> Vec<&'static str> {
        let Self { get, post, put, patch, delete } = self;
        let all =
            [("GET", get), ("POST", post), ("PUT", put), ("PATCH", patch), ("DELETE", delete)];
        all.into_iter()
            .filter(|(_, operation)| operation.is_some())
            .map(|(method, _)| method)
            .collect()
    }
}

impl Documents {
    /// The operations of a route, with their paths as clients know them.
    pub(super) async fn known(&self, table: &RouteTable, route: &Route, pool: &Pool) -> Known {
        match self.document(pool).await {
            Answer::Listed(operations) => Known::Listed(of_route(table, route, &operations)),
            Answer::None => Known::Unlisted,
            Answer::Unreadable(why) => Known::Unreadable(why),
        }
    }

    /// One question at a time: whoever asks meanwhile gets the same answer.
    async fn document(&self, pool: &Pool) -> Answer {
        let mut kept = self.0.lock().await;
        kept.retain(|_, (at, _)| at.elapsed() < KEPT);
        if let Some((_, answer)) = kept.get(&pool.name) {
            return answer.clone();
        }
        let answer = tokio::time::timeout(LIMIT, ask(pool)).await.unwrap_or_else(|_elapsed| {
            Answer::Unreadable(format!("no answer to {PATH} within {LIMIT:?}"))
        });
        if kept.len() < MAX_KEPT {
            kept.insert(Arc::clone(&pool.name), (Instant::now(), answer.clone()));
        }
        answer
    }
}

async fn ask(pool: &Pool) -> Answer {
    let target = pool.targets().iter().find(|target| target.is_usable());
    let Some((target, address)) = target.and_then(|target| Some((target, target.address()?)))
    else {
        return Answer::Unreadable("no server of it is healthy".to_owned());
    };
    match fetch(address, &target.label).await {
        Ok((StatusCode::OK, body)) => read(&body),
        Ok((status, _)) if status.is_server_error() => {
            Answer::Unreadable(format!("{PATH} is answered with {}", status.as_u16()))
        }
        Ok(_) => Answer::None,
        Err(problem) => Answer::Unreadable(format!("{PATH}: {problem}")),
    }
}

async fn fetch(
    address: std::net::SocketAddr,
    host: &str,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let request = Request::get(PATH)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(TcpStream::connect(address).await?)).await?;
    // Ends when the answer was read or given up, because the sender is dropped then.
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_DOCUMENT).collect().await?.to_bytes();
    connection.abort();
    Ok((status, body))
}

/// A document that is no OpenAPI document lists nothing: many backends answer every path.
fn read(body: &[u8]) -> Answer {
    match serde_json::from_slice::<Document>(body) {
        Ok(Document { openapi: Some(_), paths }) => {
            let listed = paths.into_iter().map(|(path, operations)| (path, operations.methods()));
            Answer::Listed(Arc::new(listed.collect()))
        }
        _ => Answer::None,
    }
}

/// The operations whose requests this route gets, by the table itself: another route may be more specific.
fn of_route(
    table: &RouteTable,
    route: &Route,
    operations: &BTreeMap<String, Vec<&'static str>>,
) -> Vec<String> {
    let mut found = Vec::new();
    for (path, methods) in operations {
        let Some(path) = (match &route.new_path {
            Some(new_path) => new_path.reverse(&route.path, path),
            None => Some(path.clone()),
        }) else {
            continue;
        };
        let example = example(&path);
        for method in methods {
            let matched = table.match_route(method, &example).ok().flatten();
            if matched.is_some_and(|matched| table.route(matched.route).name == route.name) {
                found.push(format!("{method} {path}"));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// A path that a template stands for.
fn example(template: &str) -> String {
    let segments = template.split('/').map(|segment| {
        let is_parameter = segment.starts_with('{') && segment.ends_with('}');
        if is_parameter { "0" } else { segment }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const TABLE: &str = r#"
        format = 1
        [backends.monolith]
        targets = ["http://127.0.0.1:1"]
        [backends.agent-service]
        targets = ["http://127.0.0.1:2"]
        [defaults]
        old = "monolith"
        new = "agent-service"
        fallback = "monolith"
        [[routes]]
        name = "workflows"
        path = "/api/agent/workflows/{*rest}"
        methods = ["GET", "POST"]
        new_path = "/agents/workflows/{rest}"
        [[routes]]
        name = "runs"
        path = "/api/agent/workflows/{id}/runs"
        new_path = "/agents/workflows/{id}/runs"
        [[routes]]
        name = "health"
        path = "/health"
    "#;

    const DOCUMENT: &str = r#"{"openapi": "3.1.0", "info": {"title": "t"}, "paths": {
        "/agents/workflows": {"get": {}, "post": {"x": 1}, "parameters": []},
        "/agents/workflows/{workflow_id}": {"get": {}, "put": {}, "summary": "s"},
        "/agents/workflows/{workflow_id}/runs": {"get": {}, "delete": {}},
        "/health": {"get": {}, "trace": {}}
    }}"#;

    #[test]
    fn each_route_has_the_operations_that_it_gets() {
        let table = RouteTable::parse(Path::new("routes.toml"), TABLE).unwrap();
        let Answer::Listed(operations) = read(DOCUMENT.as_bytes()) else { panic!() };
        let of = |name| of_route(&table, table.route_named(name).unwrap(), &operations);
        assert_eq!(
            of("workflows"),
            [
                "GET /api/agent/workflows",
                "GET /api/agent/workflows/{workflow_id}",
                "POST /api/agent/workflows",
            ]
        );
        assert_eq!(
            of("runs"),
            [
                "DELETE /api/agent/workflows/{workflow_id}/runs",
                "GET /api/agent/workflows/{workflow_id}/runs",
            ]
        );
        assert_eq!(of("health"), ["GET /health"]);
    }

    #[test]
    fn what_is_no_document_lists_nothing() {
        for text in
            ["", "<html>", "{}", "[]", r#"{"backend": "x"}"#, r#"{"openapi": "3", "paths": []}"#]
        {
            assert!(matches!(read(text.as_bytes()), Answer::None), "{text}");
        }
        assert!(matches!(read(br#"{"openapi": "3.1.0"}"#), Answer::Listed(_)));
    }
}
