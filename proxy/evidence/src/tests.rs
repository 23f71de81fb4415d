//! What a report says after outcomes went in.

mod store;
mod postgres;
mod trouble;

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use routes::admin::{DifferenceKind, EvidenceReport, Grade};
use routes::compare::CompareRules;

use super::*;
use compare::{Comparison, Difference};

fn time(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn exchange(target: &str, second: i64) -> Exchange {
    Exchange {
        route: "workflows".into(),
        basis: Arc::default(),
        at: time(second),
        method: Method::GET,
        target: target.to_owned(),
        request_id: format!("id-{second}"),
    }
}

fn difference(path: &str) -> Difference {
    Difference {
        kind: DifferenceKind::Value,
        path: path.to_owned(),
        at: path.replace('*', "0"),
        places: 3,
        old: "1".to_owned(),
        new: "2".to_owned(),
        grade: Grade::Value,
        gap: None,
    }
}

fn compared(exchange: Exchange, differences: Vec<Difference>) -> Outcome {
    let answered = |ms| Answered { status: StatusCode::OK, latency: Duration::from_millis(ms) };
    let verdict = Verdict::Compared(Box::new(Compared {
        old: answered(10),
        new: answered(5),
        comparison: Comparison { differences, ..Comparison::default() },
        control: None,
        bodies: None,
    }));
    Outcome { exchange, verdict }
}

/// In memory only.
fn evidence() -> Evidence {
    let evidence = Evidence::new(time(0));
    evidence.keep(&["workflows"]);
    evidence
}

#[tokio::test]
async fn outcomes_are_reported_by_operation_and_fingerprint() {
    let evidence = evidence();
    evidence
        .record(compared(exchange("/a/wf_00ff11?api_key=planted", 1), vec![difference("$[*].x")]));
    evidence.record(compared(
        exchange("/a/wf_00ff22?page=1", 3),
        vec![difference("$[*].x"), difference("$.y")],
    ));
    evidence.record(compared(exchange("/a/wf_00ff33", 2), vec![]));
    let failed = Verdict::Failed(Failure::Timeout);
    evidence.record(Outcome { verdict: failed, ..compared(exchange("/a/wf_00ff33", 2), vec![]) });
    evidence.drops("workflows").add(DropReason::InFlight);
    let report = evidence.report(&["workflows"]).await;
    assert_eq!((report.since, report.routes.len()), (time(0), 1));
    let route = &report.routes[0];
    assert_eq!(route.dropped, BTreeMap::from([("in_flight".to_owned(), 1)]));
    let [operation] = route.operations.as_slice() else { panic!("{:?}", route.operations) };
    assert_eq!(operation.operation, "GET /a/{id}");
    assert_eq!((operation.compared, operation.matched), (3, 1));
    assert_eq!(operation.failed, BTreeMap::from([("timeout".to_owned(), 1)]));
    let (primary, mirrored) = (operation.old_latency, operation.new_latency);
    assert_eq!((primary.count, mirrored.count), (3, 3));
    assert!((primary.p50 - 10.0).abs() < 0.2 && (mirrored.p99 - 5.0).abs() < 0.1);
    insta::assert_json_snapshot!(operation.differences, @r#"
    [
      {
        "fingerprint": "8800856aac659684",
        "kind": "value",
        "grade": "value",
        "path": "$[*].x",
        "count": 2,
        "inconclusive": 0,
        "first_seen": "2027-01-15T08:00:01Z",
        "last_seen": "2027-01-15T08:00:03Z",
        "examples": [
          {
            "seen_at": "2027-01-15T08:00:03Z",
            "request": "GET /a/wf_00ff22?page=1",
            "request_id": "id-3",
            "old_status": 200,
            "new_status": 200,
            "at": "$[0].x",
            "old": "1",
            "new": "2"
          },
          {
            "seen_at": "2027-01-15T08:00:01Z",
            "request": "GET /a/wf_00ff11?api_key=***",
            "request_id": "id-1",
            "old_status": 200,
            "new_status": 200,
            "at": "$[0].x",
            "old": "1",
            "new": "2"
          }
        ]
      },
      {
        "fingerprint": "e5d0572868e068e8",
        "kind": "value",
        "grade": "value",
        "path": "$.y",
        "count": 1,
        "inconclusive": 0,
        "first_seen": "2027-01-15T08:00:03Z",
        "last_seen": "2027-01-15T08:00:03Z",
        "examples": [
          {
            "seen_at": "2027-01-15T08:00:03Z",
            "request": "GET /a/wf_00ff22?page=1",
            "request_id": "id-3",
            "old_status": 200,
            "new_status": 200,
            "at": "$.y",
            "old": "1",
            "new": "2"
          }
        ]
      }
    ]
    "#);
}

#[tokio::test]
async fn no_planted_secret_is_reported() {
    let evidence = evidence();
    let target = "/a?api_key=planted&x-api-key=planted&token=planted&Authorization=planted";
    evidence.record(compared(exchange(target, 1), vec![difference("$.x")]));
    let report = serde_json::to_string(&evidence.report(&["workflows"]).await).unwrap();
    assert!(report.contains("api_key=***"));
    assert!(!report.contains("planted"));
}

#[tokio::test]
async fn evidence_starts_anew_with_other_rules_and_stragglers_are_left_out() {
    let evidence = evidence();
    let rules = CompareRules { tolerance: 0.5, ..CompareRules::default() };
    let other = Arc::new(Basis::new(&rules, None));
    evidence.drops("workflows").add(DropReason::Bytes);
    evidence.record(compared(exchange("/a", 1), vec![]));
    evidence.record(compared(Exchange { basis: Arc::clone(&other), ..exchange("/b", 5) }, vec![]));
    evidence.record(compared(exchange("/a", 4), vec![]));
    let report = evidence.report(&["workflows"]).await;
    let operations: Vec<_> = report.routes[0]
        .operations
        .iter()
        .map(|found| (found.operation.as_str(), found.compared))
        .collect();
    assert_eq!(operations, [("GET /b", 1)]);
    assert!(report.routes[0].dropped.is_empty());
}

#[test]
fn the_basis_tells_rules_and_builds_apart() {
    let rules = |tolerance| CompareRules { tolerance, ..CompareRules::default() };
    assert_eq!(Basis::new(&rules(0.1), None), Basis::new(&rules(0.1), None));
    assert_ne!(Basis::new(&rules(0.1), None), Basis::new(&rules(0.2), None));
    assert_ne!(Basis::new(&rules(0.1), None), Basis::new(&rules(0.1), Some("b1".into())));
}

#[tokio::test]
async fn nothing_grows_without_bound() {
    let evidence = evidence();
    for number in 0..500 {
        let target = format!(
            "/{}",
            "ghijkl".repeat(number % 200 + 1).chars().take(number + 1).collect::<String>()
        );
        let differences =
            (0..100).map(|path| difference(&format!("$.p{}", path + number))).collect();
        evidence.record(compared(exchange(&target, 1), differences));
    }
    let same: Vec<_> = (0..1000).map(|path| difference(&format!("$.q{path}"))).collect();
    evidence.record(compared(exchange("/g", 1), same));
    let report = evidence.report(&["workflows"]).await;
    let operations = &report.routes[0].operations;
    assert!(operations.len() <= 65, "{}", operations.len());
    assert!(operations.iter().all(|operation| operation.differences.len() <= 100));
    let total: u64 = operations.iter().map(|operation| operation.compared).sum();
    assert_eq!(total, 501);
    let rest = operations.iter().find(|operation| operation.operation == "GET /g").unwrap();
    let rest = rest.differences.iter().find(|group| group.path == "…").unwrap();
    assert!(rest.count >= 1000 - 100);
}

#[tokio::test]
async fn outcomes_of_routes_that_the_table_does_not_name_are_forgotten() {
    let evidence = evidence();
    evidence.keep(&["other"]);
    evidence.record(compared(exchange("/a", 1), vec![]));
    evidence.keep(&["workflows", "other"]);
    evidence.record(compared(exchange("/b", 2), vec![]));
    let report = evidence.report(&["other", "workflows"]).await;
    let names: Vec<_> = report
        .routes
        .iter()
        .map(|route| {
            let operations = route.operations.iter().map(|found| found.operation.as_str());
            (route.route.as_str(), operations.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(names, [("other", vec![]), ("workflows", vec!["GET /b"])]);
}

#[tokio::test]
async fn a_store_that_stays_away_costs_old_minutes_their_minute_and_nothing_else() {
    let evidence = evidence();
    let paths = ["/a", "/b", "/c"];
    for minute in 0..1000 {
        for path in paths {
            evidence.record(compared(exchange(path, minute * 60), vec![]));
        }
    }
    let report = evidence.report(&["workflows"]).await;
    let counts = report.routes[0].operations.iter().map(|operation| operation.compared);
    assert_eq!(counts.collect::<Vec<_>>(), [1000; 3]);
    assert_eq!((evidence.pending(), evidence.lost()), (3000, 0));
    let slots = evidence.memory().add_to(None, Basis::default().key("workflows")).unwrap();
    let tallies: usize = slots.tallies.values().map(BTreeMap::len).sum();
    assert!((900..=1024).contains(&tallies), "{tallies}");
}

#[tokio::test]
async fn examples_are_the_newest_and_bounded_in_number_and_bytes() {
    let evidence = evidence();
    let body = "x".repeat(10_000);
    for second in 0..3000 {
        let mut outcome = compared(exchange(&format!("/a{}", second % 40), second), vec![]);
        let Verdict::Compared(found) = &mut outcome.verdict else { unreachable!() };
        found.comparison.differences = (0..10).map(|at| difference(&format!("$.p{at}"))).collect();
        found.bodies = Some(Bodies { old: body.clone(), new: body.clone() });
        evidence.record(outcome);
    }
    let report = evidence.report(&["workflows"]).await;
    let operations = &report.routes[0].operations;
    let groups: Vec<_> = operations.iter().flat_map(|found| &found.differences).collect();
    assert_eq!(groups.iter().map(|group| group.count).sum::<u64>(), 30_000);
    assert!(groups.iter().all(|group| group.examples.len() <= 5));
    let bytes = serde_json::to_string(&report).unwrap().len();
    assert!((1_000_000..10_000_000).contains(&bytes), "{bytes}");
    for group in groups.iter().filter(|group| group.examples.len() == 5) {
        assert!(group.examples.is_sorted_by(|one, next| one.seen_at >= next.seen_at));
    }
}
