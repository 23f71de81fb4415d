//! `migrate doctor` with the real programs: a healthy stack is good, and each planted fault is named.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use e2e::stack::{CommandOutput, Player, StackBuilder};
use e2e::{RouteSpec, Stack};
use serde_json::Value;

use crate::{BINARIES, stack};

const KEY: &str = "an-api-key-of-the-tests";

fn settings(key: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = [("APP_ENV", "production"), ("ADMIN_API_KEYS", key), ("CLIENT_API_KEYS", key)];
    let all = own.iter().chain(more);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Monolith and service with these settings; a table whose routes both know.
fn real(old: Vec<(String, String)>, new: Vec<(String, String)>) -> StackBuilder {
    stack()
        .old(Player::MonolithWith(old))
        .new_backend(Player::Service(new))
        .route(RouteSpec::new("workflows", "/api/v1/agents/workflows/{*rest}"))
}

async fn doctor(stack: &Stack, more: &[&str]) -> (CommandOutput, Value) {
    std::fs::write(stack.folder().join("key.txt"), KEY).unwrap();
    let words = ["doctor", "--output", "json", "--header", "x-api-key: @key.txt"];
    let output = stack.migrate(&[&words, more].concat()).await;
    let report = serde_json::from_str(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {output:#?}"));
    (output, report)
}

/// The checks with this outcome, as `group: what: found`.
fn told(report: &Value, outcome: &str) -> Vec<String> {
    let word = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let all = report["checks"].as_array().unwrap().iter();
    all.filter(|check| check["outcome"] == outcome)
        .map(|check| {
            format!("{}: {}: {}", word(check, "group"), word(check, "what"), word(check, "found"))
        })
        .collect()
}

/// Fails unless exactly these checks fail, each told with this.
fn assert_named(report: &Value, faults: &[&str]) {
    let failed = told(report, "failed");
    for fault in faults {
        assert!(failed.iter().any(|failed| failed.contains(fault)), "{fault}: {failed:#?}");
    }
    let is_planted = |failed: &String| faults.iter().any(|fault| failed.contains(fault));
    assert!(failed.iter().all(is_planted), "more than what was planted: {failed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_stack_is_good_and_nothing_is_written() {
    let same = settings(KEY, &[]);
    let stack = real(same.clone(), same).start().await;
    let (output, report) =
        doctor(&stack, &["--host", "app.example.com", "--junit", "doctor.xml"]).await;
    assert_named(&report, &[]);
    assert_eq!((output.code, &report["result"]), (Some(0), &Value::from("good")), "{output:#?}");
    let passed = told(&report, "passed").join("\n");
    for check in [
        "backends: monolith at",
        "has this table in force",
        "sees agent-service as it is seen from here",
        "identity: /api/v1/agents/workflows with the x-api-key given is accepted by both: both answer 200",
        "identity: /api/v1/agents/workflows with a wrong x-api-key is refused by both: both answer 401",
        "identity: /api/v1/agents/workflows without an identity is refused by both: both answer 401",
        "host name: agent-service answers under it as under its own",
        "limits: a header of",
        "clocks: the clock of monolith agrees with this one",
        "time zone: monolith gives times in UTC",
        "ports: listen.http",
        "files: the route table",
    ] {
        assert!(passed.contains(check), "{check}: {passed}");
    }
    assert!(!output.stdout.contains(KEY) && !output.stderr.contains(KEY), "the key is told nobody");
    let junit = std::fs::read_to_string(stack.folder().join("doctor.xml")).unwrap();
    assert!(
        junit.contains("name=\"migrate doctor\"") && junit.contains("failures=\"0\""),
        "{junit}"
    );
    let rows = stack.database.query("SELECT count(*) FROM ai_agent_workflows", &[]).await;
    assert_eq!(rows[0][0], 0);

    // A file that can't be written does not hide what was found.
    let (output, report) = doctor(&stack, &["--junit", "nowhere/doctor.xml"]).await;
    assert_eq!((output.code, &report["result"]), (Some(1), &Value::from("good")), "{output:#?}");
    assert!(output.stderr.contains("nowhere/doctor.xml can't be written"), "{output:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_and_another_mode_are_named() {
    let stack = real(settings(KEY, &[]), settings("another-key-of-the-tests", &[])).start().await;
    let (output, report) = doctor(&stack, &[]).await;
    assert_eq!(output.code, Some(3));
    assert_named(
        &report,
        &["with the x-api-key given is accepted by both: monolith answers 200, agent-service 401"],
    );

    let stack = real(settings(KEY, &[]), vec![]).start().await;
    let (_, report) = doctor(&stack, &[]).await;
    assert_named(
        &report,
        &[
            "with a wrong x-api-key is refused by both: monolith answers 401, agent-service 200",
            "without an identity is refused by both: monolith answers 401, agent-service 200",
        ],
    );
}

#[tokio::test]
async fn what_fakes_do_otherwise_is_named() {
    let mut stack = stack().route(RouteSpec::new("api", "/api/{*rest}")).start().await;
    let (old, new) = stack.fakes();
    let local =
        (chrono::Utc::now() + chrono::Duration::hours(2)).format("%Y-%m-%dT%H:%M:%S").to_string();
    let now = chrono::Utc::now().to_rfc3339();
    let early =
        (chrono::Utc::now() - chrono::Duration::hours(1)).to_rfc2822().replace("+0000", "GMT");
    old.answer(e2e::Answer::json(&format!("{{\"timestamp\": \"{now}\"}}")));
    new.answer(e2e::Answer::json(&format!("{{\"timestamp\": \"{local}\"}}")));
    let (output, report) = doctor(&stack, &[]).await;
    assert_eq!(output.code, Some(3));
    assert_named(
        &report,
        &["time zone: agent-service gives times in UTC, or with their zone: `timestamp` is"],
    );

    let (old, new) = stack.fakes();
    old.answer(e2e::Answer::json("{}"));
    new.answer(e2e::Answer::json("{}").header("date", &early));
    let (_, report) = doctor(&stack, &[]).await;
    assert_named(&report, &["clocks: the clock of agent-service agrees with this one: 3"]);

    let (_, new) = stack.fakes();
    new.answer(e2e::Answer::json("{}"));
    new.on("/api?migrate-doctor=", e2e::Answer::status(414));
    let (_, report) = doctor(&stack, &[]).await;
    assert_named(&report, &["limits: a query of"]);
}

#[tokio::test]
async fn ports_files_and_other_views_are_named() {
    let mut stack = stack().route(RouteSpec::new("api", "/api/{*rest}")).start().await;
    let secret = stack.folder().join("service.env");
    std::fs::write(&secret, "KEY=x").unwrap();
    std::fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    let table = stack.routes_path();
    std::fs::set_permissions(&table, Permissions::from_mode(0o666)).unwrap();
    let secret = secret.display().to_string();
    let (_, report) = doctor(&stack, &["--secret", &secret]).await;
    assert_named(
        &report,
        &[
            "service.env is read by its owner alone: others may read",
            "files: the route table: every user may change",
        ],
    );
    std::fs::set_permissions(&table, Permissions::from_mode(0o644)).unwrap();

    // Somebody else listens where the proxy is to, and the proxy that answers has another table.
    let text = stack.read_routes();
    let old = stack.old.fake().address().to_string();
    let other = stack.folder().join("other.toml");
    std::fs::write(
        &other,
        text.replace(&format!("http = \"{}\"", stack.table.http), &format!("http = \"{old}\"")),
    )
    .unwrap();
    let mut command = std::process::Command::new(BINARIES.migrate);
    command
        .args(["--routes", "other.toml", "doctor", "--output", "json"])
        .current_dir(stack.folder());
    let report = serde_json::from_str(&e2e::stack::run(command).await.stdout).unwrap();
    assert_named(&report, &["ports: listen.http", "has this table in force: generation"]);

    stack.new.fake().set_healthy(false);
    let (_, report) = doctor(&stack, &[]).await;
    assert!(
        told(&report, "failed").iter().any(|failed| failed.contains("backends: agent-service at"))
    );
}
