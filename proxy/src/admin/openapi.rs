//! Which operations the new backend of a route has, as its OpenAPI document says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evidence::gate::Known;
use http::StatusCode;
use routes::{Route, RouteTable};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::ask_backend::{Lately, get};
use crate::backends::Pool;

/// Where FastAPI and most others serve it.
const PATH: &str = "/openapi.json";
/// How long an answer is kept: a document changes with the build only.
const KEPT: Duration = Duration::from_secs(10);

/// What a backend's document names: by path as the backend knows it, the methods.
type Listed = Arc<BTreeMap<String, Vec<&'static str>>>;

/// The documents that were asked for lately, by backend.
#[derive(Debug)]
pub(super) struct Documents(Lately<Answer>);

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
    pub(super) fn new() -> Self {
        Self(Lately::new(KEPT))
    }

    /// The operations of a route, with their paths as clients know them.
    pub(super) async fn known(&self, table: &RouteTable, route: &Route, pool: &Pool) -> Known {
        match self.0.answer(pool, ask(pool)).await {
            Answer::Listed(operations) => Known::Listed(of_route(table, route, &operations)),
            Answer::None => Known::Unlisted,
            Answer::Unreadable(why) => Known::Unreadable(why),
        }
    }
}

async fn ask(pool: &Pool) -> Answer {
    match get(pool, PATH).await {
        Ok((StatusCode::OK, body)) => read(&body),
        Ok((status, _)) if status.is_server_error() => {
            Answer::Unreadable(format!("{PATH} is answered with {}", status.as_u16()))
        }
        Ok(_) => Answer::None,
        Err(problem) => Answer::Unreadable(problem),
    }
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
