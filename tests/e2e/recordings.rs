//! The recorded answers of the monolith, asked through the proxy; they lie beside the project, or not at all.

use std::path::PathBuf;
use std::process::Command;

use e2e::programs::{project, python};
use e2e::stack::{Player, run};
use e2e::{LIMIT, RouteSpec, Stack, wait};
use serde_json::Value;

use crate::stack;

const SECTIONS: &str = "base,workflows,executions,networks";

/// Where the recordings are; says loudly when they are not.
fn recordings() -> Option<PathBuf> {
    let folder = project().join("../shared/conformance");
    if !folder.join("drive.py").exists() {
        eprintln!("SKIPPED: no recordings at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Walks the recorded requests through the proxy; returns what the comparison with the recorded answers said.
async fn drive(stack: &Stack, recordings: &std::path::Path) -> String {
    let actual = stack.folder().join("actual.jsonl");
    let mut drive = Command::new(python());
    drive.arg(recordings.join("drive.py")).args(["--base", &stack.url(""), "--only", SECTIONS]);
    drive.arg("--db").arg(stack.database.path()).arg("--out").arg(&actual);
    let driven = run(drive).await;
    assert_eq!(driven.code, Some(0), "{driven:#?}");
    let as_recorded: String =
        std::fs::read_to_string(&actual).unwrap().lines().map(without_the_proxys_id).collect();
    std::fs::write(&actual, as_recorded).unwrap();
    let mut compare = Command::new(python());
    compare.arg(recordings.join("compare.py")).arg(recordings.join("expected.jsonl")).arg(&actual);
    compare.arg("--noise").arg(recordings.join("noise.json")).args(["--sections", SECTIONS]);
    compare.arg("--allowed").arg(recordings.join("meant-to-differ.json"));
    run(compare).await.stdout
}

/// The recorded client sent no id, so validation errors show `null`; behind the proxy every request has one.
fn without_the_proxys_id(line: &str) -> String {
    let mut exchange: Value = serde_json::from_str(line).unwrap();
    let own = exchange["headers"].get("X-Request-ID").is_some();
    if let Some(id) = exchange["response_body"].get_mut("request_id").filter(|_| !own) {
        assert!(id.as_str().is_some_and(|id| id.len() >= 16), "the proxy's id is missing: {line}");
        *id = Value::Null;
    }
    format!("{exchange}\n")
}

async fn real(stage: &str) -> Stack {
    let route = RouteSpec::new("all", "/{*rest}").stage(stage);
    // Every read and every write is compared; a read is asked again of the stand-in, whose background task may have gone on.
    let route = ["mirror.control = 1.0", "mirror.rehearse = 1.0", "mirror.before_budget = \"5s\""]
        .into_iter()
        .fold(route, RouteSpec::with)
        .with(
            "compare.identifier = [\"$.id\", \"$.execution_id\"]",
        )
        .with(
            "compare.timestamp = [\"$..created_at\", \"$..updated_at\", \"$..started_at\", \"$..estimated_completion\", \
             \"$..timestamp\"]",
        );
    stack()
        .old(Player::Monolith)
        .new_backend(Player::Service(Vec::new()))
        .each_backend("mirror_writes = \"dry-run\"")
        .section("[mirroring]\nmax_in_flight = 4000\ntimeout = \"30s\"\n")
        .route(route)
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_proxy_the_service_answers_as_recorded() {
    let Some(recordings) = recordings() else { return };
    let stack = real("service").await;
    let said = drive(&stack, &recordings).await;
    eprintln!("service through the proxy: {}", said.trim());
    assert!(said.contains(" 0 failed,"), "{said}");
}

/// Where the stand-in does what the service does not, by intent: an error of the caller answered as one of the server (with
/// internals in its text), and a receipt of constants.
const MEANT_TO_DIFFER: [(&str, u64); 7] = [
    ("GET /api/v1/agents/executions/exec_missing/receipt", 1),
    ("GET /api/v1/agents/executions/exec_missing/status", 1),
    ("GET /api/v1/agents/executions/{id}/logs", 1),
    ("GET /api/v1/agents/executions/{id}/receipt", 1),
    ("GET /api/v1/agents/executions/{id}/status", 1),
    ("POST /api/v1/agents/executions/{id}/cancel", 1),
    ("PUT /api/v1/agents/workflows/{id}", 2),
];

/// Lists move on with every write of the drive: the copy of a read that comes late sees the next state, and its control
/// request the one after.
const MOVING: [&str; 2] = ["GET /api/v1/agents/executions", "GET /api/v1/agents/workflows"];

/// The stand-in is known to differ in two answers, where the monolith leaks SQL text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_proxy_the_stand_in_answers_as_recorded_and_the_service_as_the_stand_in() {
    let Some(recordings) = recordings() else { return };
    let stack = real("shadow").await;
    let said = drive(&stack, &recordings).await;
    eprintln!("stand-in through the proxy: {}", said.lines().last().unwrap_or_default());
    assert!(said.contains("142 passed, 2 failed,"), "{said}");
    assert_eq!(said.matches("update: explicit null").count(), 2, "{said}");

    let route = wait::until("what was asked is compared or left out", 3 * LIMIT, async || {
        let route = stack.evidence().await.routes.pop()?;
        let compared: u64 = route.operations.iter().map(|operation| operation.compared).sum();
        let dropped: u64 = route.dropped.values().sum();
        (compared >= 90 && compared + dropped >= 150).then_some(route)
    })
    .await;
    let report = stack.migrate(&["mirror", "report", "all", "--bodies"]).await.stdout;
    for operation in route.operations.iter().filter(|operation| operation.mismatched > 0) {
        let meant = MEANT_TO_DIFFER.iter().find(|(name, _)| *name == operation.operation);
        // Where every core is taken, copies of reads are left out, and so may be one that would differ.
        let is_meant = meant.is_some_and(|(_, most)| operation.mismatched <= *most);
        assert!(
            is_meant || MOVING.contains(&operation.operation.as_str()),
            "{} differs {} times\n{report}",
            operation.operation,
            operation.mismatched
        );
    }
}
