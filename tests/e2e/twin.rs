//! Mirrored writes: the real service on a clone lives through what the real stand-in lives through.

mod postgres;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use e2e::stack::{Player, StackBuilder};
use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};
use futures::future::join_all;
use routes::admin::{DifferenceKind, RouteEvidence};
use serde_json::{Value, json};

use crate::stack;

const WORKFLOWS: &str = "/api/v1/agents/workflows";
const EXECUTIONS: &str = "/api/v1/agents/executions";

/// Rows are compared as well as answers.
const DATABASES: &str = r#"twin = { shared = "sqlite://shared.db", clone = "sqlite://twin.db" }"#;

async fn twin(lines: &[&str]) -> Stack {
    shadowed(Player::Monolith, Player::Twin, lines).start().await
}

fn shadowed(old: Player, new: Player, lines: &[&str]) -> StackBuilder {
    let route = RouteSpec::new("agents", "/api/v1/agents/{*rest}").stage("shadow").with(
        "compare.timestamp = [\"$..created_at\", \"$..updated_at\", \"$..started_at\", \"$..completed_at\", \
         \"$..estimated_completion\", \"$..timestamp\"]",
    );
    // Each side measures its own.
    let route = route.with("compare.ignore = [\"$..total_execution_time\"]");
    let builder = stack()
        .old(old)
        .new_backend(new)
        .new_line("mirror_writes = \"twin\"")
        .section("[mirroring]\nmax_in_flight = 4000\ntimeout = \"30s\"\n");
    lines.iter().fold(builder, |builder, line| builder.new_line(line)).route(route)
}

/// One client. It counts its requests.
struct Client<'s> {
    stack: &'s Stack,
    key: String,
    sent: &'s AtomicU64,
}

impl Client<'_> {
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let url = self.stack.url(path);
        let request = self.stack.client.request(method.parse().unwrap(), url);
        let mut request = request.header("x-api-key", &self.key);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    async fn create(&self, name: &str) -> String {
        let workflow = json!({
            "name": name, "description": "żółć ✓", "steps": {"a": {"k": 1e-7}, "b": {}}, "tags": ["x", name],
            "dependencies": {"b": ["a"]}, "max_cost_budget": 12.5,
        });
        let (status, made) = self.call("POST", WORKFLOWS, Some(workflow)).await;
        assert_eq!(status, 200, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// Create → read → update → execute → delete.
    async fn life(&self, name: &str) {
        let id = self.create(name).await;
        let path = format!("{WORKFLOWS}/{id}");
        assert_eq!(self.call("GET", &path, None).await.1["name"], name);
        let change = json!({"name": format!("{name} changed"), "tags": ["y"], "is_public": false});
        assert_eq!(self.call("PUT", &path, Some(change)).await.0, 200);
        assert_eq!(self.call("GET", &path, None).await.1["tags"], "[\"y\"]");
        let inputs = json!({"workflow_id": id, "inputs": {"n": 1}});
        let (status, begun) = self.call("POST", &format!("{path}/execute"), Some(inputs)).await;
        assert_eq!(status, 200, "{begun}");
        let execution = begun["execution_id"].as_str().unwrap();
        self.until_completed(execution, &format!("{name} changed")).await;
        for what in ["status", "logs"] {
            let target = format!("{EXECUTIONS}/{execution}/{what}");
            assert_eq!(self.call("GET", &target, None).await.1["status"], "completed");
        }
        let list = self.call("GET", &format!("{EXECUTIONS}?workflow_id={id}"), None).await.1;
        assert_eq!(list[0]["execution_id"], execution);
        let cancel = format!("{EXECUTIONS}/{execution}/cancel");
        assert_eq!(self.call("POST", &cancel, None).await.0, 400);
        assert_eq!(self.call("DELETE", &path, None).await.0, 200);
        assert_eq!(self.call("GET", &path, None).await.0, 404);
    }

    /// Asks both backends themselves: what is asked while an execution runs depends on when it is asked. The twin has
    /// identifiers of its own, so its execution is found by the workflow's name.
    async fn until_completed(&self, execution: &str, workflow: &str) {
        let old = format!("{}{EXECUTIONS}/{execution}/status", self.stack.old.url());
        wait::until("the execution is completed", LIMIT, async || {
            (self.ask(&old).await?["status"] == "completed").then_some(())
        })
        .await;
        let new = self.stack.new.url();
        wait::until("the twin's execution is completed", 3 * LIMIT, async || {
            let workflows = self.ask(&format!("{new}{WORKFLOWS}")).await?;
            let found = workflows.as_array()?.iter().find(|one| one["name"] == workflow)?;
            let id = found["id"].as_str()?;
            let executions = self.ask(&format!("{new}{EXECUTIONS}?workflow_id={id}")).await?;
            (executions[0]["status"] == "completed").then_some(())
        })
        .await;
    }

    async fn ask(&self, url: &str) -> Option<Value> {
        let answer = self.stack.client.get(url).header("x-api-key", &self.key).send().await.ok()?;
        serde_json::from_str(&answer.text().await.ok()?).ok()
    }
}

/// The evidence, once all that was sent is accounted for.
async fn evidence(stack: &Stack, sent: u64) -> RouteEvidence {
    // Every write is written twice, and synced each time: on a disk that others write to as well that is slow.
    wait::until(&format!("{sent} exchanges are accounted for"), 9 * LIMIT, async || {
        let route = stack.evidence().await.routes.pop().unwrap();
        let compared: u64 = route.operations.iter().map(|operation| operation.compared).sum();
        let failed: u64 =
            route.operations.iter().flat_map(|operation| operation.failed.values()).sum();
        let dropped: u64 = route.dropped.values().sum();
        (compared + failed + dropped >= sent).then_some(route)
    })
    .await
}

fn mismatches(route: &RouteEvidence) -> Vec<String> {
    let of = |operation: &routes::admin::OperationEvidence| {
        let name = operation.operation.clone();
        let differences =
            operation.differences.iter().map(move |found| format!("{name}: {found:?}"));
        differences.collect::<Vec<_>>()
    };
    route.operations.iter().flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_lives_of_objects_compare_equal_and_planted_differences_are_found() {
    const CLIENTS: u64 = 8;
    const LIVES: u64 = 13;
    let stack = twin(&[DATABASES]).await;
    let sent = AtomicU64::new(0);
    let client =
        |number: u64| Client { stack: &stack, key: format!("client-{number}"), sent: &sent };
    let lives = async |number: u64| {
        let client = client(number);
        for life in 0..LIVES {
            client.life(&format!("w{number} {life}")).await;
        }
    };
    join_all((0..CLIENTS).map(lives)).await;
    let first = client(0);
    first.create("kept").await;
    evidence(&stack, sent.load(Ordering::Relaxed)).await;
    // With nobody writing beside it, a list is the same as well.
    assert_eq!(first.call("GET", WORKFLOWS, None).await.1.as_array().unwrap().len(), 1);
    let sent_so_far = sent.load(Ordering::Relaxed);
    let route = evidence(&stack, sent_so_far).await;
    let compared: u64 = route.operations.iter().map(|operation| operation.compared).sum();
    let matched: u64 = route.operations.iter().map(|operation| operation.matched).sum();
    eprintln!(
        "{} lives, {compared} exchanges compared, {matched} matched, {:?}",
        CLIENTS * LIVES,
        route.dropped
    );
    assert_eq!(mismatches(&route), Vec::<String>::new());
    // Nothing is lost but reads that the machine has no time for, and lists that others wrote to meanwhile.
    let count = |reason| route.dropped.get(reason).copied().unwrap_or(0);
    let (busy, overlapping) = (count("busy"), count("overlapping"));
    assert!(route.dropped.keys().all(|reason| ["busy", "overlapping"].contains(&reason.as_str())));
    assert!(overlapping <= CLIENTS * LIVES, "one list for each life: {route:#?}");
    let expected = sent_so_far - busy - overlapping;
    assert_eq!((compared, matched), (expected, expected), "{route:#?}");
    assert!(compared > sent_so_far / 2, "{route:#?}");

    let switch = format!("{}/__switch", stack.old.url());
    let plant = async |alter: Value| {
        let answer =
            stack.client.put(&switch).body(json!({"alter": alter}).to_string()).send().await;
        answer.unwrap().error_for_status().unwrap();
    };
    plant(json!([{"path": "$.version", "value": "9.9.9"}])).await;
    first.create("with another version").await;
    // A second thing of the old side under the name of a first one can't be two things of the new side.
    plant(json!([{"path": "$.id", "value": "agent_0123456789ab"}])).await;
    first.create("one").await;
    first.create("two").await;
    let route = evidence(&stack, sent.load(Ordering::Relaxed)).await;
    let found: Vec<_> = route
        .operations
        .iter()
        .flat_map(|operation| &operation.differences)
        .map(|found| (found.kind, found.path.as_str(), found.count))
        .collect();
    assert_eq!(
        found,
        [
            // The row of the planted name is in neither database.
            (DifferenceKind::Row, "ai_agent_workflows", 2),
            (DifferenceKind::Value, "$.version", 1),
            (DifferenceKind::Pairing, "$.id", 1),
        ],
        "{:#?}",
        mismatches(&route)
    );
}

/// What no answer shows is found in the rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_only_one_side_writes_so_is_found() {
    let stack = twin(&[DATABASES]).await;
    let planted = "CREATE TRIGGER planted AFTER INSERT ON agent_executions BEGIN \
                   UPDATE agent_executions SET execution_receipt = '{\"planted\": 1}' WHERE id = NEW.id; END";
    stack.database.query(planted, &[]).await;
    let sent = AtomicU64::new(0);
    let client = Client { stack: &stack, key: "ann".to_owned(), sent: &sent };
    let id = client.create("a").await;
    let inputs = json!({"workflow_id": id, "inputs": {}});
    client.call("POST", &format!("{WORKFLOWS}/{id}/execute"), Some(inputs)).await;
    let route = evidence(&stack, sent.load(Ordering::Relaxed)).await;
    let found: Vec<_> = route
        .operations
        .iter()
        .flat_map(|operation| &operation.differences)
        .map(|found| (found.kind, found.path.as_str()))
        .collect();
    assert_eq!(
        found,
        [(DifferenceKind::Row, "agent_executions.execution_receipt")],
        "{:#?}",
        mismatches(&route)
    );
}

/// The clone is written while a read is mirrored, and by nobody else.
#[tokio::test]
async fn a_read_that_changes_the_database_is_found() {
    let mut stack = stack()
        .new_line("mirror_writes = \"twin\"")
        .new_line(DATABASES)
        .route(RouteSpec::new("w", "/w/{*rest}").stage("shadow"))
        .start()
        .await;
    let clone = stack.database.clone_of();
    for database in [&stack.database, &clone] {
        database.query("CREATE TABLE w (id TEXT PRIMARY KEY, seen INTEGER)", &[]).await;
        database.query("INSERT INTO w VALUES ('w_01f3aa', 0)", &[]).await;
    }
    let (old, new) = stack.fakes();
    old.answer(Answer::json("{}"));
    new.answer(Answer::json("{}").after(Duration::from_millis(800)));
    let asked = new.count();
    stack.get("/w/w_01f3aa").await;
    wait::until("the read is mirrored", LIMIT, async || {
        (stack.new.fake().count() > asked).then_some(())
    })
    .await;
    clone.query("UPDATE w SET seen = seen + 1 WHERE id = ?", &["w_01f3aa"]).await;
    let route = evidence(&stack, 1).await;
    let found: Vec<_> =
        route.operations[0].differences.iter().map(|d| (d.kind, d.path.as_str())).collect();
    assert_eq!(found, [(DifferenceKind::Row, "w")], "{route:#?}");
}
