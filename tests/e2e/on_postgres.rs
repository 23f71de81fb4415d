//! The old backend and two processes of the new one on one database of a PostgreSQL server.

use std::collections::BTreeSet;

use e2e::port::PortGuard;
use e2e::stack::Player;
use e2e::{LIMIT, RouteSpec, Stack, wait};
use serde_json::{Map, Value, json};
use throwaway::postgres::Postgres;

use crate::shared_database::workflow;
use crate::stack;

const WORKFLOWS: &str = "/api/v1/agents/workflows";
/// A server has no folder to keep a key in.
const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// What a service must be told to use this server.
fn on(postgres: &Postgres, more: &[(&str, &str)]) -> Player {
    let url = postgres.url("shared");
    let told = [("DATABASE_URL", url.as_str()), ("RECEIPT_SIGNING_KEY_HEX", KEY)];
    let all =
        told.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Player::Service(all.collect())
}

async fn server() -> Postgres {
    let postgres = Postgres::start().await;
    postgres.query("postgres", "CREATE DATABASE shared").await;
    postgres
}

async fn ask(stack: &Stack, backend: &str, method: &str, path: &str, body: Option<Value>) -> Value {
    let request = stack.client.request(method.parse().unwrap(), format!("{backend}{path}"));
    let mut request = request.header("x-api-key", "alice");
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(status, 200, "{method} {path}: {text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn rows_of_either_side_read_the_same_on_the_other() {
    let postgres = server().await;
    let python = [("DATABASE_URL".to_owned(), postgres.python_url("shared"))];
    let stack = stack()
        .old(Player::MonolithWith(python.to_vec()))
        .new_backend(on(&postgres, &[]))
        .route(RouteSpec::new("w", "/api/v1/agents/{*rest}").stage("shadow"))
        .start()
        .await;
    let (old, new) = (stack.old.url(), stack.new.url());
    for (writer, reader) in [(&old, &new), (&new, &old)] {
        let made = ask(&stack, writer, "POST", WORKFLOWS, Some(workflow("w"))).await;
        let path = format!("{WORKFLOWS}/{}", made["id"].as_str().unwrap());
        assert_eq!(ask(&stack, reader, "GET", &path, None).await, made);
        let change = json!({"description": "changed", "tags": [], "dependencies": {}});
        let changed = ask(&stack, reader, "PUT", &path, Some(change)).await;
        assert_eq!(ask(&stack, writer, "GET", &path, None).await, changed);
    }
    let [by_old, by_new] = [
        ask(&stack, &old, "GET", WORKFLOWS, None).await,
        ask(&stack, &new, "GET", WORKFLOWS, None).await,
    ];
    assert_eq!((by_old.as_array().unwrap().len(), &by_old), (2, &by_new));
    // The database is as both need it, whoever made its tables.
    let url = postgres.url("shared");
    let checked = stack.migrate(&["schema", "check", "--all", "--database", &url]).await;
    assert_eq!(checked.code, Some(0), "{checked:#?}");
    // And `migrate` finds nothing to make.
    let applied = stack.migrate(&["schema", "apply", "--database", &url]).await;
    assert!(applied.stdout.ends_with("0 tables and 0 indexes made\n"), "{applied:#?}");
}

#[tokio::test]
async fn the_service_speaks_tls_with_its_server_where_it_is_told_to() {
    let postgres = Postgres::start_with_tls(PortGuard::take().release().port()).await;
    postgres.query("postgres", "CREATE DATABASE shared").await;
    let url = |mode: &str| postgres.tls_url("shared", &format!("sslmode={mode}"));
    let told = |url: &str| {
        let all = [("DATABASE_URL", url), ("RECEIPT_SIGNING_KEY_HEX", KEY)];
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    };
    let stack = stack()
        .new_backend(Player::Service(told(&url("require"))))
        .route(RouteSpec::new("w", "/api/v1/agents/{*rest}").stage("service"))
        .start()
        .await;
    ask(&stack, &stack.new.url(), "POST", WORKFLOWS, Some(workflow("w"))).await;
    let sessions = "SELECT DISTINCT s.ssl FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid) \
                    WHERE a.application_name = 'agent-service'";
    assert_eq!(postgres.query("shared", sessions).await, "t");

    // Nobody vouches for this server.
    let mut strict = std::process::Command::new(crate::BINARIES.service);
    strict.arg("--check").env_clear().envs(told(&url("verify-full"))).env("APP_PORT", "0");
    let refused = throwaway::command::run(strict).await;
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("certificate"), "{refused:#?}");
}

const EXECUTIONS: usize = 20;
const STEPS: usize = 6;

/// The steps of a workflow, one after the other, each of which takes half a second.
async fn sow(stack: &Stack, postgres: &Postgres) -> String {
    let ids: Vec<String> = (0..STEPS).map(|n| format!("step_{n}")).collect();
    let dependencies: Map<_, _> =
        ids.windows(2).map(|pair| (pair[1].clone(), json!([pair[0]]))).collect();
    let body = json!({"name": "long", "steps": {"a": {}}, "dependencies": dependencies});
    let made = ask(stack, &stack.new.url(), "POST", WORKFLOWS, Some(body)).await;
    let workflow = made["id"].as_str().unwrap().to_owned();
    for (order, id) in ids.iter().enumerate() {
        let sql = format!(
            "INSERT INTO agent_steps (id, workflow_id, step_order, name, step_type, model_requirements, input_mappings, \
             output_mappings, timeout_seconds, retry_policy, max_retries, requires_proof, verification_level, depends_on, \
             created_at, updated_at) VALUES ('{id}', '{workflow}', {order}, 'n', 'TRAINING', '{{}}', '{{}}', '{{}}', 300, '{{}}', \
             3, TRUE, 'FULL', '', '2026-01-01', '2026-01-01')"
        );
        postgres.query("shared", &sql).await;
    }
    workflow
}

/// Both work on what either recorded; when one is killed the other goes on at the first step that had not ended.
#[tokio::test]
async fn what_a_killed_worker_held_another_process_ends() {
    let postgres = server().await;
    let settings = [("EXECUTION_WORKERS", "20"), ("EXECUTION_LEASE_SECONDS", "6")];
    let stack = &mut stack()
        .old(on(&postgres, &settings))
        .new_backend(on(&postgres, &settings))
        .route(RouteSpec::new("w", "/api/v1/agents/{*rest}").stage("service"))
        .start()
        .await;
    let workflow = sow(stack, &postgres).await;
    let mut executions = BTreeSet::new();
    for number in 0..EXECUTIONS {
        let backend = if number % 2 == 0 { stack.old.url() } else { stack.new.url() };
        let path = format!("{WORKFLOWS}/{workflow}/execute");
        let body = json!({"workflow_id": workflow, "inputs": {"n": number}});
        let begun = ask(stack, &backend, "POST", &path, Some(body)).await;
        executions.insert(begun["execution_id"].as_str().unwrap().to_owned());
    }
    let count = async |of: &str| -> usize {
        let answer = postgres.query("shared", &format!("SELECT count(*) FROM {of}")).await;
        answer.parse().unwrap()
    };
    let owners =
        "(SELECT DISTINCT lease_owner FROM agent_service_runs WHERE lease_owner IS NOT NULL) AS o";
    wait::until("both work, and some steps have ended", LIMIT, async || {
        let ended = count("agent_step_executions WHERE status = 'COMPLETED'").await;
        (ended >= EXECUTIONS && count(owners).await == 2).then_some(())
    })
    .await;
    stack.new.program().process().kill();
    let finished = "SELECT id, output_data, completed_at, retry_count FROM agent_step_executions \
                    WHERE status = 'COMPLETED' ORDER BY id";
    let before = postgres.query("shared", finished).await;
    wait::until("the other has ended every execution", 3 * LIMIT, async || {
        (count("agent_executions WHERE status = 'COMPLETED'").await == EXECUTIONS).then_some(())
    })
    .await;
    let after = postgres.query("shared", finished).await;
    let after: BTreeSet<&str> = after.lines().collect();
    assert!(before.lines().all(|row| after.contains(row)), "what was finished stayed");
    let each = postgres
        .query(
            "shared",
            "SELECT e.id, e.completed_steps, count(s.id), count(DISTINCT s.step_id), count(DISTINCT p.step_execution_id) \
             FROM agent_executions e JOIN agent_step_executions s ON s.execution_id = e.id AND s.status = 'COMPLETED' \
             LEFT JOIN agent_service_step_proofs p ON p.step_execution_id = s.id GROUP BY e.id, e.completed_steps",
        )
        .await;
    let expected: BTreeSet<String> =
        executions.iter().map(|id| format!("{id}|{STEPS}|{STEPS}|{STEPS}|{STEPS}")).collect();
    assert_eq!(each.lines().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    assert!(count("agent_step_executions WHERE retry_count > 0").await > 0, "some were cut off");
}
