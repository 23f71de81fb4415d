//! The recorded answers of the monolith, asked through the proxy; they lie beside the project, or not at all.

use std::path::PathBuf;
use std::process::Command;

use e2e::programs::{project, python};
use e2e::stack::{Player, run};
use e2e::{RouteSpec, Stack};
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
    stack()
        .old(Player::Monolith)
        .new_backend(Player::Service(Vec::new()))
        .route(RouteSpec::new("all", "/{*rest}").stage(stage))
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

/// The stand-in is known to differ in two answers, where the monolith leaks SQL text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_the_proxy_the_stand_in_answers_as_recorded_while_reads_are_mirrored() {
    let Some(recordings) = recordings() else { return };
    let stack = real("shadow").await;
    let said = drive(&stack, &recordings).await;
    eprintln!("stand-in through the proxy: {}", said.lines().last().unwrap_or_default());
    assert!(said.contains("142 passed, 2 failed,"), "{said}");
    assert_eq!(said.matches("update: explicit null").count(), 2, "{said}");
}
