//! Every write that the API knows, rehearsed: the answer is the ordinary one, and nothing else happens.

pub(super) mod portfolio;
mod seeds;
mod talk;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use futures::FutureExt as _;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::http::{Action, Input, Reply, dispatch};
use crate::logic::plan::tests::step;
use crate::tables::agents::StepType;
use crate::testing::{Answer, TestApp};
use crate::work::{Effect, Work};
use seeds::Seeds;

/// Writes whose real run changes no row either.
const STORES_NOTHING: [&str; 7] = [
    // Nobody is blocked, and everybody is in the group.
    "DELETE /communication/agents/{agent_id}/blocked/{other_id}",
    "POST /creativity/ideation/generate",
    "POST /learning/agents/{learner_id}/act",
    "POST /learning/agents/{learner_id}/evaluate",
    "POST /networks",
    "POST /proofs/verify",
    "PUT /communication/channels/{channel_id}/participants/{agent_id}",
];

/// For machines that have much else to do.
const PATIENT: [(&str, &str); 2] =
    [("REHEARSAL_LOCK_TIMEOUT_MS", "1000"), ("REHEARSAL_TRANSACTION_TIMEOUT_MS", "1000")];

/// One write of the API's own description.
#[derive(Debug)]
struct Write {
    method: String,
    /// With parameters in braces.
    path: String,
    /// The parameters that must be sent.
    query: String,
    body: Option<Value>,
}

impl Write {
    /// Below the prefix under which it stands.
    fn name(&self) -> String {
        let path = ["/api/v1/agents", "/v1/agents", "/api/v1/agent"]
            .into_iter()
            .find_map(|prefix| self.path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')));
        format!("{} {}", self.method, path.unwrap_or(&self.path))
    }

    /// Whether it is one that stands under the first prefix as well.
    fn is_alias(&self) -> bool {
        ["/v1/", "/api/v1/agent/"].iter().any(|prefix| self.path.starts_with(prefix))
    }

    async fn send(&self, test: &TestApp, seeds: &Seeds, headers: &[(&str, &str)]) -> Answer {
        let address = seeds.fill(&format!("{}?{}", self.path, self.query));
        let mut request = Request::builder().method(self.method.as_str()).uri(address);
        request = request.header("x-api-key", "alice").header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = self.body.as_ref().map(|body| seeds.name(&body.to_string()));
        let body = body.map_or_else(Body::empty, Body::from);
        test.send(request.body(body).unwrap()).await
    }
}

/// Everything that the service's own description calls a write, with the body that it shows as an example.
async fn writes() -> Vec<Write> {
    let test = TestApp::new().await;
    let document = test.send(Request::get("/openapi.json").body(Body::empty()).unwrap()).await;
    let document = document.json();
    let export = talk::exported().await;
    let mut writes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if ["get", "head"].contains(&method.as_str()) {
                continue;
            }
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let body = Some(body.clone()).filter(|body| !body.is_null());
            let mut body = portfolio::body(path).or(body);
            talk::adapt(path, &mut body, &export);
            let (method, path, query) = (method.to_uppercase(), path.clone(), query(operation));
            writes.push(Write { method, path, query, body });
        }
    }
    writes.retain(|write| !write.is_alias());
    writes
}

/// The query parameters that an operation must have.
fn query(operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().unwrap();
    let required = parameters.iter().filter(|p| p["in"] == "query" && p["required"] == true);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for parameter in required {
        let name = parameter["name"].as_str().unwrap();
        let value = &parameter["example"];
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        query.append_pair(name, &text);
    }
    // What names a row names the one that stands in the path elsewhere.
    query.finish().replace("workflow_id=text", "workflow_id={workflow_id}")
}

/// In halves, so that they are tried at once. One endpoint stands under several prefixes; one of them is enough.
mod every_write_answers_as_ever_and_leaves_the_database_as_it_was {
    use super::{rehearse, writes};

    #[tokio::test]
    async fn each_first() {
        rehearse(writes().await.iter().step_by(2)).await;
    }

    #[tokio::test]
    async fn each_second() {
        rehearse(writes().await.iter().skip(1).step_by(2)).await;
    }
}

async fn rehearse(writes: impl Iterator<Item = &Write>) {
    let writes: Vec<&Write> = writes.collect();
    assert!(writes.len() >= 50, "{writes:#?}");
    let mut stored_nothing = BTreeSet::new();
    for write in &writes {
        let name = write.name();
        let test = TestApp::with(&PATIENT).await;
        let seeds = Seeds::sow(&test).await;
        let before = test.app.store.dump().await;
        let rehearsed = write.send(&test, &seeds, &[("prefer", "tx=rollback")]).await;
        assert!(rehearsed.status.is_success(), "{name}: {rehearsed:?}");
        assert_eq!(rehearsed.headers["preference-applied"], "tx=rollback", "{name}");
        assert_eq!(test.app.store.dump().await, before, "{name}");
        assert!(test.app.bell.heard().now_or_never().is_none(), "{name} woke a worker");
        assert!(test.app.trainer_bell.heard().now_or_never().is_none(), "{name} woke a trainer");
        let meta_bell = &test.app.meta_training_bell;
        assert!(meta_bell.heard().now_or_never().is_none(), "{name} woke who ends trainings");
        assert!(test.app.courier_bell.heard().now_or_never().is_none(), "{name} woke a courier");

        // The same in earnest: as good an answer, and now it counts.
        let real = write.send(&test, &seeds, &[]).await;
        assert_eq!(real.status, rehearsed.status, "{name}: {real:?}");
        assert!(!real.headers.contains_key("preference-applied"), "{name}");
        assert_eq!(keys(&real.json()), keys(&rehearsed.json()), "{name}");
        if test.app.store.dump().await == before {
            stored_nothing.insert(name);
        }
    }
    let names: BTreeSet<String> = writes.iter().map(|write| write.name()).collect();
    let meant = STORES_NOTHING.map(str::to_owned).into_iter().filter(|name| names.contains(name));
    assert_eq!(stored_nothing, meant.collect());
}

fn keys(value: &Value) -> Vec<&String> {
    value.as_object().unwrap().keys().collect()
}

#[tokio::test]
async fn refusals_of_a_rehearsal_say_that_nothing_lasts() {
    let test = TestApp::with(&PATIENT).await;
    let before = test.app.store.dump().await;
    for (method, path, body, status) in [
        ("POST", "/v1/agents/workflows", "{\"name\": 5}", 422),
        ("POST", "/v1/agents/workflows", "{", 422),
        ("PUT", "/v1/agents/workflows/none", "{}", 404),
        ("POST", "/v1/agents/executions/none/cancel", "", 404),
        ("POST", "/nowhere", "", 404),
        ("DELETE", "/v1/agents/workflows/", "", 307),
        ("PATCH", "/v1/agents/workflows/none", "", 405),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        let request = request.header("prefer", "tx=rollback").body(Body::from(body)).unwrap();
        let answer = test.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        assert_eq!(answer.headers["preference-applied"], "tx=rollback", "{method} {path}");
    }
    let too_large = Request::post("/v1/agents/workflows")
        .header("prefer", "tx=rollback")
        .header("content-length", 11 * 1024 * 1024)
        .body(Body::empty());
    let answer = test.send(too_large.unwrap()).await;
    assert_eq!(answer.status.as_u16(), 413);
    assert_eq!(answer.headers["preference-applied"], "tx=rollback");
    assert_eq!(test.app.store.dump().await, before);
}

#[tokio::test]
async fn a_rehearsal_of_what_fails_after_writing_leaves_nothing_either() {
    let test = TestApp::with(&PATIENT).await;
    let id = test.workflow(&[]).await;
    let path = format!("/workflows/{id}");
    test.ask("alice", "PUT", &path, Some(json!({"steps": null}))).await;
    let before = test.app.store.dump().await;
    let request = Request::post(format!("/v1/agents{path}/execute"))
        .header("content-type", "application/json")
        .header("x-api-key", "alice")
        .header("prefer", "tx=rollback");
    let body = json!({"workflow_id": id, "inputs": {}}).to_string();
    let answer = test.send(request.body(Body::from(body)).unwrap()).await;
    // In earnest this leaves a failed execution.
    assert_eq!(answer.status.as_u16(), 400);
    assert_eq!(answer.headers["preference-applied"], "tx=rollback");
    assert_eq!(test.app.store.dump().await, before);
}

#[tokio::test]
async fn a_rehearsal_gives_up_on_a_busy_database_and_says_so() {
    let test = TestApp::with(&[("REHEARSAL_LOCK_TIMEOUT_MS", "30")]).await;
    let other = crate::store::Store::open(&test.app.config.database).await.unwrap();
    let writing = other.write().await.unwrap();
    let request = Request::post("/v1/agents/workflows")
        .header("content-type", "application/json")
        .header("prefer", "tx=rollback")
        .body(Body::from(r#"{"name":"w","steps":{}}"#));
    let answer = test.send(request.unwrap()).await;
    assert_eq!(answer.status.as_u16(), 503);
    assert_eq!(answer.headers["preference-applied"], "tx=rollback");
    assert_eq!(answer.headers["retry-after"], "1");
    drop(writing);
    other.close().await;
    let figures = test.app.metrics.text().unwrap();
    assert!(figures.contains(r#"agent_service_rehearsals_total{outcome="busy"} 1"#), "{figures}");
}

#[tokio::test]
async fn a_mirrored_read_answers_as_any() {
    let test = TestApp::new().await;
    let id = test.workflow(&[]).await;
    let path = format!("/v1/agents/workflows/{id}");
    let get = async |mark: &str| {
        let request = Request::get(&path).header("x-api-key", "alice").header(mark, "0123");
        test.send(request.body(Body::empty()).unwrap()).await
    };
    let (plain, mirrored) = (get("x-nothing").await, get("x-strangler-mirror").await);
    assert_eq!((plain.status, plain.text), (mirrored.status, mirrored.text));
    assert!(!mirrored.headers.contains_key("preference-applied"));
}

/// Rows that a mirrored `GET` leaves, whose handler writes one and wakes a worker, and whether a worker was woken.
async fn what_a_mirrored_read_leaves(settings: &[(&str, &str)]) -> (usize, bool) {
    let mut all = PATIENT.to_vec();
    all.extend(settings);
    let test = TestApp::with(&all).await;
    let action = Action::new("Writes although it only reads", async |work: Work, _: Input| {
        let mut row = step("a", 0, StepType::Inference);
        row.workflow_id = "agent_0a1b2c".to_owned();
        let mut writing = work.store.write().await?;
        writing.put(&row).await?;
        writing.commit().await?;
        work.afterwards(Effect::WakeWorker);
        Ok(Reply::ok(&json!({})))
    });
    let app = Arc::clone(&test.app);
    let router = Router::new().route(
        "/writes",
        any(move |request: Request<Body>| dispatch::serve(app, action, "/writes", request)),
    );
    let before = test.app.store.dump().await.len();
    let request = Request::get("/writes").header("x-strangler-mirror", "0123");
    let request = request.header("x-api-key", "alice").body(Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let left = test.app.store.dump().await.len() - before;
    (left, test.app.bell.heard().now_or_never().is_some())
}

#[tokio::test]
async fn what_a_mirrored_read_writes_lasts_only_in_a_database_that_is_a_clone() {
    assert_eq!(what_a_mirrored_read_leaves(&[]).await, (0, false));
    assert_eq!(what_a_mirrored_read_leaves(&[("DATABASE_IS_CLONE", "true")]).await, (1, true));
}
