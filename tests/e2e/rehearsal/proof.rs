//! The proof that rehearsals leave no trace: the same writes with and without them, on one SQLite file that the monolith
//! and the service share, and the two databases compared row by row.

use std::collections::BTreeMap;

use e2e::stack::Player;
use e2e::{LIMIT, RouteSpec, Stack, wait};
use serde_json::{Value, json};

use crate::stack;

const AGENTS: &str = "/api/v1/agents";
/// Clients that write at the same time.
const CLIENTS: usize = 8;
/// Writes of one item: every write endpoint there is, and a second create for what is deleted.
const WRITES_OF_ITEM: usize = 7;
/// The write operations that evidence must know.
const OPERATIONS: [&str; 6] = [
    "POST /api/v1/agents/workflows",
    "PUT /api/v1/agents/workflows/{id}",
    "DELETE /api/v1/agents/workflows/{id}",
    "POST /api/v1/agents/workflows/{id}/execute",
    "POST /api/v1/agents/executions/{id}/cancel",
    "POST /api/v1/agents/networks",
];
/// Columns that say when; two runs never agree on them.
const TIMES: [&str; 6] = [
    "created_at",
    "updated_at",
    "started_at",
    "completed_at",
    "applied_at",
    "total_execution_time",
];

/// How long the monolith and rehearsals wait for a lock, and how long a rehearsal may hold one; milliseconds.
struct Locks {
    wait: u32,
    hold: u32,
}

/// What is left of one run.
struct Run {
    /// By item, in the order of its writes.
    statuses: Vec<Vec<u16>>,
    /// Every row of every table, without times and with labels in place of identifiers; sorted.
    dump: Vec<String>,
}

#[tokio::test]
async fn some_hundred_rehearsed_writes_leave_no_trace() {
    // Long enough for a machine that has much else to do.
    prove(280, &Locks { wait: 1000, hold: 500 }).await;
}

/// With the service's default limits, and as many writes as the promise names.
#[tokio::test]
#[ignore = "takes minutes and wants the machine for itself: make rehearsal-proof"]
async fn ten_thousand_rehearsed_writes_leave_no_trace() {
    prove(10_003, &Locks { wait: 50, hold: 25 }).await;
}

/// The monolith waits no longer for a lock than a rehearsal does: a write that had to would fail, and its status and its
/// rows would differ from those of the run without rehearsals.
async fn prove(writes: usize, locks: &Locks) {
    let items = writes / WRITES_OF_ITEM;
    let plain = run(items, "monolith", locks, async |_| {}).await;
    let rehearsed = run(items, "shadow", locks, async |stack| {
        check_evidence(stack, items * WRITES_OF_ITEM).await;
    });
    let rehearsed = rehearsed.await;
    let bad = plain.statuses.iter().flatten().filter(|status| **status >= 300).count();
    assert_eq!(bad, 0, "writes failed without any rehearsal");
    let differ = plain.statuses.iter().zip(&rehearsed.statuses).filter(|(a, b)| a != b).count();
    assert_eq!(differ, 0, "items were answered differently because of rehearsals");
    assert_eq!(plain.dump.len(), rehearsed.dump.len());
    for (plain, rehearsed) in plain.dump.iter().zip(&rehearsed.dump) {
        assert_eq!(plain, rehearsed);
    }
    eprintln!(
        "{} writes by {CLIENTS} clients, with and without rehearsals: all answered alike, {} rows alike, no write of \
         the monolith waited longer than {} ms",
        items * WRITES_OF_ITEM,
        plain.dump.len(),
        locks.wait
    );
}

/// Every write was rehearsed, nearly every rehearsal was played to its end and compared, and nothing differed.
async fn check_evidence(stack: &Stack, writes: usize) {
    let rehearsals = async |outcome: &str| {
        let text = stack.client.get(format!("{}/metrics", stack.new.url())).send().await.unwrap();
        let name = format!("agent_service_rehearsals_total{{outcome=\"{outcome}\"}} ");
        let text = text.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&name).map(str::to_owned));
        line.map_or(0, |count| count.parse::<usize>().unwrap())
    };
    let mut outcomes = Vec::new();
    for outcome in ["rolled_back", "busy", "too_long"] {
        outcomes.push(rehearsals(outcome).await);
    }
    let what = "the mirror has compared what it has captured";
    let route = wait::until(what, LIMIT, async || {
        let gauge = stack.metric("strangler_mirror_in_flight", &[]).await;
        let route = stack.evidence().await.routes.pop()?;
        (gauge == 0.0).then_some(route)
    })
    .await;
    eprintln!("rolled back, busy, too long: {outcomes:?}; dropped: {:?}", route.dropped);
    assert_eq!(route.writes_off, None);
    let not_sent: u64 = ["in_flight", "paused", "bytes", "unhealthy"]
        .map(|r| route.dropped.get(r).copied().unwrap_or(0))
        .iter()
        .sum();
    assert_eq!(outcomes.iter().sum::<usize>() + usize::try_from(not_sent).unwrap(), writes);
    assert!(outcomes[0] * 10 >= writes * 5, "most were played to their end: {outcomes:?}");
    for wanted in OPERATIONS {
        let operation = route.operations.iter().find(|found| found.operation == wanted);
        let operation =
            operation.unwrap_or_else(|| panic!("{wanted} was never compared: {route:#?}"));
        assert!(operation.matched > 0, "{operation:#?}");
        assert_eq!(operation.mismatched, 0, "{operation:#?}");
    }
}

async fn run(items: usize, stage: &str, locks: &Locks, check: impl AsyncFn(&Stack)) -> Run {
    let setting = |name: &str, value: String| (name.to_owned(), value);
    let seconds = f64::from(locks.wait) / 1000.0;
    let route = RouteSpec::new("agents", "/api/v1/agents/{*rest}")
        .stage(stage)
        .with("mirror = { rehearse = 1.0, before_budget = \"10s\" }")
        .with("compare.ignore = [\"$.id\", \"$.execution_id\"]")
        .with("compare.timestamp = [\"$..created_at\", \"$..updated_at\", \"$.started_at\", \"$.estimated_completion\"]");
    let stack = stack()
        .alone()
        .old(Player::MonolithWith(vec![setting("SQLITE_TIMEOUT_SECONDS", seconds.to_string())]))
        .new_backend(Player::Service(vec![
            setting("REHEARSAL_LOCK_TIMEOUT_MS", locks.wait.to_string()),
            setting("REHEARSAL_TRANSACTION_TIMEOUT_MS", locks.hold.to_string()),
        ]))
        .each_backend("mirror_writes = \"dry-run\"")
        .section("[mirroring]\nmax_in_flight = 4096")
        .route(route)
        .start()
        .await;
    sow(&stack, items).await;
    let clients = (0..CLIENTS).map(|client| {
        let items = (client..items).step_by(CLIENTS);
        let stack = &stack;
        async move {
            let mut done = Vec::new();
            for item in items {
                done.push((item, play(stack, item).await));
            }
            done
        }
    });
    let done = futures::future::join_all(clients).await;
    let played: BTreeMap<usize, Played> = done.into_iter().flatten().collect();
    wait::until("the monolith has ended its executions", LIMIT, async || {
        let sql = "SELECT count(*) FROM agent_executions WHERE status IN ('PENDING', 'RUNNING')";
        (stack.database.query(sql, &[]).await[0][0] == json!(0)).then_some(())
    })
    .await;
    check(&stack).await;
    let labels = played.values().flat_map(|played| played.labels.clone()).collect();
    let dump = dump(&stack, &labels).await;
    Run { statuses: played.into_values().map(|played| played.statuses).collect(), dump }
}

/// Executions that can be cancelled, because nobody carries them out.
async fn sow(stack: &Stack, items: usize) {
    let workflow = "INSERT INTO ai_agent_workflows (id, owner_id, name, description, steps, dependencies, \
        max_execution_time, max_cost_budget, requires_verification, verification_level, tags, version, is_public, \
        created_at, updated_at) VALUES ('agent_seed', 'alice', 'seed', '', '{}', '{}', 3600, 0.0, 1, 'BASIC', '[]', \
        '1.0.0', 0, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')";
    stack.database.query(workflow, &[]).await;
    let executions = "INSERT INTO agent_executions (id, workflow_id, client_id, status, current_step, step_states, \
        total_cost, total_steps, completed_steps, created_at, updated_at) \
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < CAST(? AS INTEGER)) \
        SELECT printf('exec_%010x', i), 'agent_seed', 'alice', 'RUNNING', 0, '{}', 0.0, 1, 0, \
        '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000' FROM n";
    stack.database.query(executions, &[&items.to_string()]).await;
}

/// The answers to one item's writes.
#[derive(Default)]
struct Played {
    statuses: Vec<u16>,
    /// Labels by identifier.
    labels: Vec<(String, String)>,
}

async fn play(stack: &Stack, item: usize) -> Played {
    let mut played = Played::default();
    let workflow = |name: &str| json!({"name": format!("{name}-{item}"), "steps": {"a": {"n": item}}, "tags": ["t", format!("{item}")]});
    let made = write(stack, &mut played, "POST", "/workflows", Some(workflow("item"))).await;
    let id = label(&mut played, &made["id"], format!("workflow {item}"));
    let changes = json!({"description": format!("żółć {item}"), "max_cost_budget": 0.5});
    write(stack, &mut played, "PUT", &format!("/workflows/{id}"), Some(changes)).await;
    let body = json!({"workflow_id": id, "inputs": {"item": item}});
    let path = format!("/workflows/{id}/execute");
    let begun = write(stack, &mut played, "POST", &path, Some(body)).await;
    label(&mut played, &begun["execution_id"], format!("execution {item}"));
    let path = format!("/executions/exec_{item:010x}/cancel");
    write(stack, &mut played, "POST", &path, None).await;
    let made = write(stack, &mut played, "POST", "/workflows", Some(workflow("short"))).await;
    let short = label(&mut played, &made["id"], format!("short {item}"));
    write(stack, &mut played, "DELETE", &format!("/workflows/{short}"), None).await;
    let network = json!({"name": format!("network-{item}"), "agents": [id]});
    write(stack, &mut played, "POST", "/networks", Some(network)).await;
    played
}

fn label(played: &mut Played, id: &Value, label: String) -> String {
    let id = id.as_str().unwrap_or_default().to_owned();
    played.labels.push((id.clone(), label));
    id
}

async fn write(
    stack: &Stack,
    played: &mut Played,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Value {
    let url = stack.url(&format!("{AGENTS}{path}"));
    let mut request =
        stack.client.request(method.parse().unwrap(), url).header("x-api-key", "alice");
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    played.statuses.push(status);
    let text = answer.text().await.unwrap();
    if status >= 300 {
        eprintln!("{method} {path}: {status} {text}");
    }
    serde_json::from_str(&text).unwrap_or_default()
}

async fn dump(stack: &Stack, labels: &BTreeMap<String, String>) -> Vec<String> {
    let mut dump = Vec::new();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    for table in stack.database.query(tables, &[]).await {
        let table = table[0].as_str().unwrap();
        let columns = stack.database.query("SELECT name FROM pragma_table_info(?)", &[table]).await;
        let columns: Vec<&str> = columns.iter().map(|row| row[0].as_str().unwrap()).collect();
        for row in stack.database.query(&format!("SELECT * FROM {table}"), &[]).await {
            let cells = columns.iter().zip(row).filter(|(column, _)| !TIMES.contains(column));
            let cells =
                cells.map(|(column, cell)| match cell.as_str().and_then(|id| labels.get(id)) {
                    Some(label) => format!("{column}={label}"),
                    None => format!("{column}={cell}"),
                });
            dump.push(format!("{table}: {}", cells.collect::<Vec<_>>().join(" ")));
        }
    }
    dump.sort_unstable();
    dump
}
