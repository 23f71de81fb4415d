//! No secret of a client reaches the evidence file, a report, a log or a recording.

use std::path::Path;
use std::time::Duration;

use e2e::{Answer, LIMIT, RouteSpec, Stack, wait};

use crate::stack;

/// Stands in every planted secret, so that one search finds them all.
const PLANTED: &str = "pl4nted-s3cret";

/// Secrets where clients and backends put them: headers, query, cookies, members of JSON, text, and a configured path.
async fn exchange(stack: &Stack) {
    let target = format!("/w/1?page=2&api_key={PLANTED}&access_token={PLANTED}");
    let request = stack.client.get(stack.url(&target));
    let request = request
        .header("x-api-key", format!("{PLANTED}-key"))
        .header("authorization", format!("Bearer {PLANTED}-bearer"))
        .header("cookie", format!("session={PLANTED}-cookie; theme=dark"));
    request.send().await.unwrap();
}

fn answer(name: &str) -> Answer {
    let body = format!(
        r#"{{"name": "{name}", "api_key": "{PLANTED}-{name}", "nested": {{"password": "{PLANTED}-{name}"}},
            "owner": {{"email": "{PLANTED}-{name}@example.org"}}, "visible": "in-the-clear-{name}"}}"#
    );
    Answer::json(&body)
        .header("set-cookie", &format!("session={PLANTED}-{name}; HttpOnly"))
        .header("x-version", name)
}

/// Every file below a folder, with what stands in it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    walk(folder)
        .into_iter()
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect()
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_planted_secret_reaches_a_file_a_report_or_a_log() {
    let route = RouteSpec::new("w", "/w/{*rest}")
        .stage("shadow")
        .with(r#"compare.headers = ["x-version", "set-cookie"]"#)
        .with("mirror.control = 1.0");
    let evidence = "[evidence]\nurl = \"sqlite://evidence.db\"\nmask = [\"$..email\"]\n";
    let mut stack = stack().section(evidence).route(route).start().await;
    let (old, new) = stack.fakes();
    old.answer(answer("old"));
    new.answer(answer("new"));
    let har = stack.folder().join("recorded.har");
    let words = ["mirror", "record", "--route", "w", "--limit", "5", "--for", "20s", "--out"];
    let mut words = words.to_vec();
    let har_text = har.display().to_string();
    words.push(&har_text);
    let recording = stack.migrate(&words);
    let traffic = async {
        // The recorder may come late; it ends by itself once it has its five exchanges.
        for _ in 0..400 {
            exchange(&stack).await;
            if har.exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    let (recorded, ()) = tokio::join!(recording, traffic);
    assert_eq!(recorded.code, Some(0), "{recorded:#?}");
    let report = wait::until("the evidence is stored with its examples", LIMIT, async || {
        let evidence = stack.evidence().await;
        let has_examples = |route: &routes::admin::RouteEvidence| {
            route.operations.iter().flat_map(|o| &o.differences).any(|d| !d.examples.is_empty())
        };
        let is_stored = evidence.store.pending == 0 && evidence.store.degraded.is_none();
        (is_stored && evidence.routes.iter().any(has_examples)).then_some(evidence)
    })
    .await;
    let differences: Vec<&str> = report.routes[0]
        .operations
        .iter()
        .flat_map(|o| &o.differences)
        .map(|d| d.path.as_str())
        .collect();
    assert!(differences.contains(&"$.api_key"), "a masked field still differs: {differences:?}");
    let html = stack.folder().join("report.html").display().to_string();
    stack.migrate_ok(&["mirror", "report", "w", "--html", &html]).await;
    let shown = stack.migrate_ok(&["mirror", "report", "w", "--bodies"]).await;
    let json = stack.migrate_ok(&["mirror", "report", "w", "--output", "json"]).await;
    let noise = stack.client.get(format!("{}/api/noise", stack.admin_url())).send().await.unwrap();
    let noise = noise.text().await.unwrap();
    for (what, text) in [
        ("report", &shown.stdout),
        ("JSON", &json.stdout),
        ("noise", &noise),
        ("record", &recorded.stderr),
    ] {
        assert!(!text.contains(PLANTED), "a secret is in the {what}: {text}");
    }
    assert!(
        shown.stdout.contains("in-the-clear-new"),
        "masking must leave the rest: {}",
        shown.stdout
    );
    assert!(!stack.proxy().output().contains(PLANTED), "{}", stack.proxy().tail());
    let files = files(stack.folder());
    for (name, bytes) in &files {
        assert!(!contains(bytes, PLANTED), "a secret is in {name}");
    }
    for wanted in ["evidence.db", "recorded.har", "report.html", "proxy.log"] {
        let found = files.iter().find(|(name, bytes)| name.ends_with(wanted) && !bytes.is_empty());
        assert!(found.is_some(), "{wanted} is missing or empty, so nothing was searched");
    }
    let recorded = files.iter().find(|(name, _)| name.ends_with("recorded.har")).unwrap();
    assert!(contains(&recorded.1, "in-the-clear-old"), "the recording has the answers");
}
