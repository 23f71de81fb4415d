//! The real process is ended after each step of a flip: the table is then the old one or the new one, never anything else,
//! and `history` tells which.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a step that fails is a test that fails"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use routes::RouteTable;
use serde_json::Value;

const TABLE: &str = r#"format = 1
[backends.old]
targets = ["http://127.0.0.1:8011"]
[backends.new]
targets = ["http://127.0.0.1:8012"]
[defaults]
old = "old"
new = "new"
fallback = "old"
[[routes]]
name = "workflows"
path = "/workflows/{*rest}"
stage = "shadow"
"#;

/// Steps with the stage that the file then has, and how `history` judges the flip.
const STEPS: [(&str, &str, Option<&str>); 6] = [
    ("locked", "shadow", None),
    ("passed", "shadow", None),
    ("intended", "shadow", Some("interrupted-before-write")),
    ("written", "canary", Some("interrupted-after-write")),
    ("waited", "canary", Some("interrupted-after-write")),
    ("ended", "canary", Some("done")),
];

fn migrate(folder: &Path, failpoint: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_migrate"))
        .current_dir(folder)
        .args(["--output", "json"])
        .args(arguments)
        .env("MIGRATE_FAILPOINT", failpoint)
        .output()
        .expect("migrate starts")
}

fn history(folder: &Path) -> Value {
    let output = migrate(folder, "", &["history"]);
    serde_json::from_slice(&output.stdout).expect("history is JSON")
}

/// No proxy is listed that could have evidence.
const CUTOVER: [&str; 5] = ["cutover", "workflows", "--force", "--reason", "by a test"];

fn stage(folder: &Path) -> String {
    let path = folder.join("routes.toml");
    let text = fs::read_to_string(&path).expect("the table is there");
    let table = RouteTable::parse(&path, &text).expect("the table is whole");
    table.routes[0].stage.to_string()
}

#[test]
fn a_crash_after_any_step_leaves_one_of_the_two_generations() {
    for (step, wanted, outcome) in STEPS {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("routes.toml"), TABLE).expect("a table");
        let output = migrate(folder.path(), step, &CUTOVER);
        assert_eq!(output.status.code(), None, "{step}: ended by a signal");
        assert_eq!(stage(folder.path()), wanted, "{step}");
        let judged = history(folder.path());
        assert_eq!(judged["changes"][0]["outcome"].as_str(), outcome, "{step}");

        // The next flip reports what was interrupted and finishes it in the journal.
        let next = migrate(folder.path(), "", &[&CUTOVER[..], &["--to", "service"]].concat());
        assert_eq!(next.status.code(), Some(0), "{step}");
        assert_eq!(stage(folder.path()), "service");
        let reported = String::from_utf8_lossy(&next.stderr).contains("was interrupted");
        let was_interrupted = outcome.is_some_and(|outcome| outcome.starts_with("interrupted"));
        assert_eq!(reported, was_interrupted, "{step}");
        let finished = history(folder.path());
        let first = finished["changes"][0]["outcome"].as_str();
        let ending = match outcome {
            Some("interrupted-before-write") => Some("put-back"),
            _ => Some("done"),
        };
        assert_eq!(first, ending, "{step}");
        assert_eq!(finished["findings"].as_array().map(Vec::len), Some(0), "{step}");
    }
}

#[test]
fn a_crash_while_the_text_before_is_put_back_leaves_it_in_force() {
    let folder = tempfile::tempdir().expect("a folder");
    // Port 1 of loopback: nobody answers, so nobody follows.
    let table = TABLE
        .replace("[backends.old]", "[proxies]\nadmin = [\"http://127.0.0.1:1\"]\n[backends.old]");
    fs::write(folder.path().join("routes.toml"), &table).expect("a table");
    let forced = ["cutover", "workflows", "--force", "--reason", "try", "--wait", "50ms"];
    let output = migrate(folder.path(), "restored", &forced);
    assert_eq!(output.status.code(), None);
    assert_eq!(stage(folder.path()), "shadow");
    let text = fs::read_to_string(folder.path().join("routes.toml")).expect("the table is there");
    assert_eq!(text, table, "byte for byte");
    assert_eq!(history(folder.path())["changes"][0]["outcome"], "interrupted-before-write");
}

#[test]
fn a_crash_of_a_rollback_leaves_one_of_the_two_generations() {
    for (step, wanted) in [("intended", "canary"), ("written", "shadow")] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("routes.toml"), TABLE).expect("a table");
        assert_eq!(migrate(folder.path(), "", &CUTOVER).status.code(), Some(0));
        migrate(folder.path(), step, &["rollback"]);
        assert_eq!(stage(folder.path()), wanted, "{step}");
        // Asked again, it is done.
        assert_eq!(migrate(folder.path(), "", &["rollback", "workflows"]).status.code(), Some(0));
        let finally = if step == "intended" { "shadow" } else { "monolith" };
        assert_eq!(stage(folder.path()), finally, "{step}");
    }
}
