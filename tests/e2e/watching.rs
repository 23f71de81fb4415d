//! What the programs count is what the documentation says, and alerts and dashboard ask for nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use e2e::stack::Player;
use e2e::{RouteSpec, Stack};
use regex::Regex;

use crate::stack;

/// Everything that a program of the toolkit counts begins so.
const OURS: &str = r"\b(?:strangler|agent_service)_[a-z_]+";

/// Where the programs give their metrics names.
const SOURCES: [&str; 5] = [
    include_str!("../../proxy/src/metrics.rs"),
    include_str!("../../proxy/src/edge/metrics.rs"),
    include_str!("../../proxy/src/mirror/metrics.rs"),
    include_str!("../../proxy/src/keep_evidence.rs"),
    include_str!("../../service/src/metrics.rs"),
];

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(project(path)).unwrap()
}

fn documented() -> BTreeSet<String> {
    let row = Regex::new(&format!("(?m)^\\| `({OURS})` \\|")).unwrap();
    let page = read("docs/metrics.md");
    row.captures_iter(&page).map(|found| found[1].to_owned()).collect()
}

/// The names that a program tells, as one would ask for them.
fn told(page: &str) -> BTreeSet<String> {
    let told = Regex::new(r"(?m)^# TYPE (\S+) (\S+)$").unwrap();
    let asked = |name: &str, kind: &str| match kind {
        "counter" => format!("{name}_total"),
        "info" => format!("{name}_info"),
        _ => name.to_owned(),
    };
    told.captures_iter(page).map(|found| asked(&found[1], &found[2])).collect()
}

/// One request to each backend, an error, a path that is refused, something mirrored.
async fn busy() -> Stack {
    let stack = stack()
        .old(Player::Monolith)
        .new_backend(Player::Service(Vec::new()))
        .route(RouteSpec::new("health", "/health").stage("service"))
        .route(RouteSpec::new("version", "/version").stage("shadow"))
        .start()
        .await;
    for target in ["/health", "/version", "/nowhere", "/a/%2e%2e/b"] {
        let _answer = stack.get(target).await;
    }
    stack
}

#[tokio::test]
async fn everything_that_is_counted_is_documented() {
    let stack = busy().await;
    let service = format!("{}/metrics", stack.new.url());
    let proxy = format!("{}/metrics", stack.admin_url());
    let mut all = BTreeSet::new();
    for page in [service, proxy] {
        let page = reqwest::get(&page).await.unwrap().text().await.unwrap();
        let told = told(&page);
        assert!(told.len() > 4, "{page}");
        all.extend(told);
    }
    let documented = documented();
    let unknown: Vec<_> = all.difference(&documented).collect();
    assert!(unknown.is_empty(), "docs/metrics.md lacks {unknown:?}");
}

#[test]
fn everything_that_is_documented_is_counted() {
    // A counter with labels shows up with its first count, which no test can wait for in each case.
    let registered = Regex::new(r#""([a-z_]+)""#).unwrap();
    let names: BTreeSet<&str> = SOURCES
        .iter()
        .flat_map(|source| registered.captures_iter(source))
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    let strangers: Vec<String> = documented()
        .into_iter()
        .filter(|name| {
            let name = name.trim_start_matches("strangler_").trim_start_matches("agent_service_");
            let stem = name.trim_end_matches("_total").trim_end_matches("_info");
            let stem = stem.trim_end_matches("_seconds");
            !names.contains(name) && !names.contains(stem)
        })
        .collect();
    assert!(strangers.is_empty(), "docs/metrics.md has, but no program counts: {strangers:?}");
}

#[test]
fn alerts_and_dashboard_ask_for_what_is_counted() {
    let ours = Regex::new(OURS).unwrap();
    let documented = documented();
    for file in [
        "deploy/prometheus/strangler.rules.yml",
        "deploy/prometheus/strangler.tests.yml",
        "deploy/grafana/strangler.json",
    ] {
        let text = read(file);
        // Words of sentences are none of the figures.
        let asked: BTreeSet<&str> = ours.find_iter(&text).map(|found| found.as_str()).collect();
        assert!(asked.len() > 10, "{file}");
        for name in asked {
            let whole = ["_bucket", "_count", "_sum"];
            let stem = whole.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
            assert!(documented.contains(stem), "{file} asks for {name}, which nobody counts");
        }
    }
}

#[test]
fn each_alert_is_tried_and_says_what_to_type() {
    let rules = read("deploy/prometheus/strangler.rules.yml");
    let tests = read("deploy/prometheus/strangler.tests.yml");
    let alert = Regex::new(r"(?m)- alert: (\w+)$").unwrap();
    let alerts: Vec<&str> =
        alert.captures_iter(&rules).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(alerts.len() > 10 && rules.matches("command:").count() == alerts.len());
    for alert in alerts {
        let fires = format!("alertname: {alert}\n        exp_alerts:");
        assert!(tests.contains(&fires), "no test makes {alert} fire");
    }
}
