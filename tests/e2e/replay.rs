//! Recorded exchanges are sent to a backend again, and its answers compared with the recorded ones.

use std::path::{Path, PathBuf};

use e2e::har::{self, entry};
use e2e::process::Process;
use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::stack;

fn archive(stack: &Stack, entries: &[Value]) -> PathBuf {
    har::write(stack.folder(), entries)
}

async fn two_backends() -> Stack {
    stack()
        .route(RouteSpec::new("w", "/w/{*rest}").with("new_path = \"/new/w/{rest}\""))
        .start_without_proxy()
        .await
}

async fn replay(stack: &Stack, file: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let url = stack.new.url();
    let words = ["--output", "json", "mirror", "replay", file.to_str().unwrap(), "--against", &url];
    let output = stack.migrate(&[&words, more].concat()).await;
    let report = serde_json::from_str(&output.stdout);
    (output.code, report.unwrap_or_else(|error| panic!("{error}: {output:#?}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_compared_with_the_recorded_ones_by_the_routes_rules() {
    let mut stack = two_backends().await;
    let good = r#"{"id":"a","token":"***"}"#;
    let mut entries: Vec<Value> =
        (0..30).map(|n| entry("GET", &format!("/w/{n}?page=2"), good)).collect();
    entries.push(entry("GET", "/w/odd", r#"{"id":"b","token":"***"}"#));
    entries.push(entry("GET", "/elsewhere", good));
    entries.push(entry("POST", "/w", good));
    let file = archive(&stack, &entries);
    let new = stack.new.fake();
    new.answer(Answer::json(r#"{"token":"planted","id":"a"}"#));

    let key = stack.folder().join("key");
    std::fs::write(&key, "sesame\n").unwrap();
    let header = format!("x-api-key: @{}", key.display());
    let more = ["--header", &header, "--min-match", "0.9", "--rate", "500"];
    let (code, report) = replay(&stack, &file, &more).await;
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!((&report["sent"], &report["matched"]["samples"]), (&31.into(), &31.into()));
    assert_eq!(report["skipped"]["is of no route"], 1);
    assert_eq!(report["skipped"]["is a write (see --include-writes)"], 1);
    let operations = report["evidence"]["routes"][0]["operations"].as_array().unwrap();
    let odd = operations.iter().find(|one| one["mismatched"] == 1).unwrap();
    assert_eq!(odd["operation"], "GET /w/odd");
    assert_eq!(odd["differences"][0]["path"], "$.id");
    assert_eq!(odd["differences"][0]["examples"][0]["new"], r#""a""#);
    assert!(!report.to_string().contains("planted"), "what is masked stays masked");

    let seen = stack.new.fake().seen();
    assert_eq!(seen.len(), 31);
    assert!(seen.iter().any(|request| request.target == "/new/w/29?page=2"));
    assert!(seen.iter().all(|request| request.header("x-api-key") == "sesame"));

    let (code, report) = replay(&stack, &file, &["--min-match", "0.99"]).await;
    assert_eq!(code, Some(3), "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_are_sent_in_order_and_only_when_asked_for() {
    let mut stack = two_backends().await;
    let entries: Vec<Value> =
        (0..20).map(|n| entry("POST", &format!("/w/{n}"), r#"{"ok":true}"#)).collect();
    let file = archive(&stack, &entries);
    stack.new.fake().answer(Answer::json(r#"{"ok":true}"#));
    let (code, report) = replay(&stack, &file, &["--min-match", "0.5"]).await;
    assert_eq!((code, &report["sent"]), (Some(3), &0.into()), "nothing was compared");
    let (code, report) = replay(&stack, &file, &["--include-writes", "--paths", "client"]).await;
    assert_eq!((code, &report["matched"]["rate"]), (Some(0), &1.0.into()), "{report:#}");
    let targets: Vec<String> =
        stack.new.fake().seen().into_iter().map(|request| request.target).collect();
    let wanted: Vec<String> = (0..20).map(|n| format!("/w/{n}")).collect();
    assert_eq!(targets, wanted);
    assert_eq!(stack.new.fake().seen()[0].body, r#"{"name":"x"}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_does_not_answer_matches_nothing() {
    let mut stack = two_backends().await;
    let file = archive(&stack, &[entry("GET", "/w/1", "{}")]);
    stack.new.fake().vanish().await;
    let (code, report) = replay(&stack, &file, &["--min-match", "0.1"]).await;
    assert_eq!(code, Some(3));
    assert_eq!(report["evidence"]["routes"][0]["operations"][0]["failed"]["connect"], 1);
    assert_eq!(report["matched"]["samples"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stopped_is_not_enough() {
    let mut stack = two_backends().await;
    let answer = r#"{"backend":"agent-service"}"#;
    let file = archive(&stack, &[entry("GET", "/w/1", answer), entry("GET", "/w/slow", answer)]);
    stack.new.fake().on("/new/w/slow", Answer::json(answer).after(LIMIT));
    let url = stack.new.url();
    let words = ["mirror", "replay", file.to_str().unwrap(), "--against", &url];
    let more = ["--output", "json", "--min-match", "0.5", "--timeout", "60s"];
    for signal in [Signal::INT, Signal::TERM] {
        stack.new.fake().forget();
        let command = stack.migrate_command(&[&words[..], &more].concat());
        let mut migrate = Process::spawn("migrate", &command, &stack.folder().join("replay.log"));
        wait::until("both were asked for", LIMIT, async || {
            (stack.new.fake().count() == 2).then_some(())
        })
        .await;
        migrate.signal(signal);
        let ended = wait::until("it has ended", LIMIT, async || migrate.ended()).await;
        assert_eq!(ended.code(), Some(3), "{signal:?}: {}", migrate.output());
        assert!(migrate.output().contains("\"stopped\": true"), "{}", migrate.output());
    }
}

#[tokio::test]
async fn what_is_no_archive_is_told() {
    let stack = two_backends().await;
    let file = stack.folder().join("other.har");
    std::fs::write(&file, "{}").unwrap();
    let words = ["mirror", "replay", file.to_str().unwrap(), "--against", "http://127.0.0.1:1"];
    let output = stack.migrate(&words).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("log.version"), "{}", output.stderr);
    let words = ["mirror", "replay", file.to_str().unwrap(), "--against", "ftp://x"];
    assert_eq!(stack.migrate(&words).await.code, Some(2));
}

/// Records twelve exchanges, whose writes ask for other things than its reads.
async fn record(stack: &Stack) -> PathBuf {
    let file = stack.folder().join("recorded.har");
    let out = file.to_str().unwrap();
    let words = ["--output", "json", "mirror", "record", "--limit", "12", "--for", "20s"];
    let words = [&words[..], &["--out", out]].concat();
    let traffic = async {
        // The recorder comes when it comes; it ends by itself once it has its exchanges.
        wait::until("the archive is in its place", LIMIT, async || {
            stack.get("/w/odd?page=2").await;
            let write = stack.client.post(stack.url("/w/1")).header("x-api-key", "planted");
            write.body(r#"{"name":"x"}"#).send().await.unwrap();
            file.exists().then_some(())
        })
        .await;
    };
    let (recorded, ()) = tokio::join!(stack.migrate(&words), traffic);
    assert_eq!(recorded.code, Some(0), "{recorded:#?}");
    let report: Value = serde_json::from_str(&recorded.stdout).unwrap();
    let figures = (&report["exchanges"], &report["lost"], &report["ended"]);
    assert_eq!(figures, (&12.into(), &0.into(), &"limit".into()), "{report:#}");
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_the_proxy_is_recorded_and_replayed() {
    let route = RouteSpec::new("w", "/w/{*rest}").with("new_path = \"/new/w/{rest}\"");
    let mut stack = stack().route(route).start().await;
    let answer = Answer::json(r#"{"id":"a","list":[1,2.5]}"#);
    stack.old.fake().answer(answer.clone());
    stack.new.fake().answer(answer);
    let file = record(&stack).await;
    assert_eq!(stack.new.fake().count(), 0, "stage monolith mirrors nothing");

    let (code, report) = replay(&stack, &file, &["--include-writes", "--min-match", "0.5"]).await;
    assert_eq!(code, Some(0), "{report:#}");
    let matched = &report["matched"];
    assert_eq!((&matched["samples"], &matched["rate"]), (&12.into(), &1.0.into()), "{report:#}");
    let seen = stack.new.fake().seen();
    assert!(seen.iter().any(|request| request.target == "/new/w/odd?page=2"));
    assert!(seen.iter().any(|request| request.body == r#"{"name":"x"}"#));

    let planted = Answer::json(r#"{"id":"b","list":[1,2.5]}"#);
    stack.new.fake().on("/new/w/odd", planted);
    let (code, report) = replay(&stack, &file, &["--include-writes", "--min-match", "0.9"]).await;
    assert_eq!(code, Some(3), "{report:#}");
    let operations = report["evidence"]["routes"][0]["operations"].as_array().unwrap();
    let odd: Vec<_> = operations.iter().filter(|one| one["mismatched"] != 0).collect();
    assert_eq!(odd.len(), 1, "{report:#}");
    assert_eq!(odd[0]["differences"][0]["path"], "$.id");
    assert_eq!(odd[0]["operation"], "GET /w/odd");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_listen_at_a_time_and_one_that_goes_leaves_its_place() {
    let stack = stack().route(RouteSpec::new("w", "/w/{*rest}")).start().await;
    let ask = async |query: &str| {
        let url = format!("{}/api/exchanges{query}", stack.admin_url());
        stack.client.get(url).send().await.unwrap()
    };
    assert_eq!(ask("?route=nobody").await.status(), 404);
    assert_eq!(ask("?limit=0").await.status(), 400);
    let mut listeners = Vec::new();
    for _ in 0..4 {
        listeners.push(ask("?route=w").await);
    }
    assert!(listeners.iter().all(|answer| answer.status() == 200));
    assert_eq!(ask("").await.status(), 503);
    drop(listeners);
    let last = wait::until("a place is free again", LIMIT, async || {
        Some(ask("?limit=1").await).filter(|answer| answer.status() == 200)
    })
    .await;
    stack.get("/w/1").await;
    let text = tokio::time::timeout(LIMIT, last.text()).await.unwrap().unwrap();
    let lines: Vec<Value> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["exchange"]["target"], "/w/1");
    assert_eq!(lines[1], json!({"end": {"exchanges": 1, "lost": 0}}));
}
