//! Writes that are rehearsed before they go to the primary.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};

use super::backend::Manner;
use super::rig::{Rig, SMALL, Written};

const SENT: &[u8] = br#"{"name": "a"}"#;
const JSON: &[u8] = br#"{"id": 1, "name": "a"}"#;

fn write() -> Written<'static> {
    Written {
        method: Method::POST,
        path: "/agent/7",
        headers: HeaderMap::new(),
        length: Some(SENT.len() as u64),
        body: SENT,
    }
}

fn rolled_back(body: &[u8]) -> Manner {
    Manner::RolledBack(body.to_vec())
}

#[test]
fn a_rehearsal_is_the_write_with_the_mark_and_the_wish_to_roll_back() {
    let rig = Rig::start(rolled_back(JSON), SMALL);
    let mut headers = HeaderMap::new();
    headers.insert("prefer", HeaderValue::from_static("wait=5"));
    assert!(rig.rehearse(&Written { headers, ..write() }, JSON));
    let route = rig.until_report(|route| !route.operations.is_empty());
    assert_eq!(route.operations[0].operation, "POST /agent/{id}");
    assert_eq!((route.operations[0].matched, route.operations[0].mismatched), (1, 0));
    let seen = rig.backend.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].starts_with("POST /new/7 HTTP/1.1\r\n"), "{}", seen[0]);
    for line in ["prefer: wait=5\r\n", "prefer: tx=rollback\r\n", "x-strangler-mirror: "] {
        assert!(seen[0].contains(line), "{line} in {}", seen[0]);
    }
    assert!(seen[0].ends_with(r#"{"name": "a"}"#), "{}", seen[0]);
    assert_eq!(rig.writes_off(), None);
    rig.until_nothing_is_held();
}

#[test]
fn a_difference_between_rehearsal_and_write_is_found() {
    let rig = Rig::start(rolled_back(br#"{"id": 2, "name": "a"}"#), SMALL);
    assert!(rig.rehearse(&write(), JSON));
    let route = rig.until_report(|route| !route.operations.is_empty());
    assert_eq!(route.operations[0].differences[0].path, "$.id");
}

#[test]
fn one_answer_without_proof_ends_rehearsals_of_the_route() {
    let rig = Rig::start(Manner::Answer(JSON.to_vec()), SMALL);
    for _ in 0..3 {
        assert!(!rig.rehearse(&write(), JSON));
    }
    assert_eq!(rig.backend.seen().len(), 1);
    let dropped = rig.report().dropped;
    assert_eq!((dropped["not_rolled_back"], dropped["writes_off"]), (1, 2));
    assert!(rig.writes_off().unwrap().contains("Preference-Applied"));
    let line =
        r#"mirrored_requests_total{route="agents",outcome="dropped",reason="not_rolled_back"} 1"#;
    assert!(rig.metrics().contains(line), "{}", rig.metrics());
    // Another build has to show it anew.
    rig.build.set(Some("other".into()));
    assert_eq!(rig.writes_off(), None);
    assert!(!rig.rehearse(&write(), JSON));
    assert_eq!(rig.backend.seen().len(), 2);
}

#[test]
fn a_late_answer_is_no_evidence_but_is_looked_at() {
    let late = Duration::from_millis(300);
    let rig = Rig::start(Manner::RolledBackLate(JSON.to_vec(), late), SMALL);
    assert!(!rig.rehearse(&write(), JSON));
    assert_eq!(rig.report().dropped["late"], 1);
    rig.until_nothing_is_held();
    assert!(rig.report().operations.is_empty());
    assert_eq!(rig.writes_off(), None);

    let rig = Rig::start(Manner::Slow(JSON.to_vec(), late), SMALL);
    assert!(!rig.rehearse(&write(), JSON));
    rig.until("the late answer to be looked at", || rig.writes_off().is_some());
}

#[test]
fn a_hung_backend_costs_three_waits_and_then_none() {
    // Nobody gives an answer in time, and there is no proof either, so each goes alone.
    let rig = Rig::start(Manner::Hang, SMALL);
    for _ in 0..3 {
        assert!(!rig.rehearse(&write(), JSON));
        rig.until_nothing_is_held();
    }
    for _ in 0..5 {
        assert!(!rig.rehearse(&write(), JSON));
    }
    let dropped = rig.report().dropped;
    assert_eq!(dropped["late"], 3);
    // Unless this machine was so slow that a pause was over.
    assert!(dropped["paused"] + dropped.get("in_flight").unwrap_or(&0) >= 3, "{dropped:?}");
}

#[test]
fn what_the_backend_gave_up_or_failed_is_no_comparison() {
    let rig = Rig::start(Manner::GivenUp, SMALL);
    assert!(!rig.rehearse(&write(), JSON));
    assert_eq!(rig.report().dropped["given_up"], 1);
    assert_eq!(rig.writes_off(), None);

    let rig = Rig::start(Manner::Reset, SMALL);
    assert!(!rig.rehearse(&write(), JSON));
    let route = rig.until_report(|route| !route.operations.is_empty());
    assert_eq!(route.operations[0].failed["reset"], 1);
}

#[test]
fn only_writes_of_a_known_length_are_rehearsed() {
    let rig = Rig::start(rolled_back(JSON), SMALL);
    let mut expecting = HeaderMap::new();
    expecting.insert("expect", HeaderValue::from_static("100-continue"));
    for refused in [
        Written { length: None, ..write() },
        Written { length: Some(crate::mirror::MAX_BODY + 1), ..write() },
        Written { headers: expecting, ..write() },
    ] {
        assert!(!rig.rehearse(&refused, JSON));
    }
    assert_eq!(rig.report().dropped["request_body"], 3);
    assert!(!rig.rehearse(&Written { method: Method::GET, ..write() }, JSON));
    assert!(rig.backend.seen().is_empty());
    let empty = Written { method: Method::DELETE, length: Some(0), body: b"", ..write() };
    assert!(rig.rehearse(&empty, JSON));
}
