//! Control requests: old, new, old.

use http::{HeaderMap, Method};
use routes::admin::RouteEvidence;

use super::backend::Manner;
use super::rig::{Rig, SMALL};

/// The client's answer says 5 of what counts up.
const FIRST: &[u8] = br#"{"id": 1, "n": 5}"#;

/// What is known after one exchange whose control request is answered in this manner.
fn settled(new: &str, again: Manner) -> (RouteEvidence, Rig) {
    let rig = Rig::with_primary(Manner::Answer(new.into()), again, SMALL);
    rig.exchange(&Method::GET, "/controlled/7?x=1", &HeaderMap::new(), FIRST);
    let is_done =
        |route: &RouteEvidence| !(route.operations.is_empty() && route.dropped.is_empty());
    (rig.until_report_of("controlled", is_done), rig)
}

fn again(body: &str) -> Manner {
    Manner::Answer(body.into())
}

#[test]
fn the_old_backend_is_asked_again_by_its_own_path_with_the_mark() {
    let (route, rig) = settled(r#"{"id": 1, "n": 5}"#, again(r#"{"id": 1, "n": 5}"#));
    let operation = &route.operations[0];
    assert_eq!((operation.matched, operation.controlled), (1, 1));
    let seen = rig.primary.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].starts_with("GET /old/7?x=1 HTTP/1.1\r\n"), "{}", seen[0]);
    assert!(seen[0].contains("x-strangler-mirror: "), "{}", seen[0]);
    let metrics = rig.metrics();
    let line = r#"mirror_control_requests_total{route="controlled",outcome="same"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
}

#[test]
fn what_the_old_backend_differs_in_from_itself_is_no_mismatch() {
    let (route, _rig) = settled(r#"{"id": 1, "n": 7}"#, again(r#"{"id": 1, "n": 6}"#));
    let operation = &route.operations[0];
    assert_eq!((operation.inconclusive, operation.mismatched), (1, 0));

    let (route, _rig) = settled(r#"{"id": 2, "n": 7}"#, again(r#"{"id": 1, "n": 6}"#));
    let operation = &route.operations[0];
    assert_eq!((operation.inconclusive, operation.mismatched), (0, 1));
    let mismatches: Vec<_> = operation
        .differences
        .iter()
        .map(|group| (group.path.as_str(), group.count, group.inconclusive))
        .collect();
    assert_eq!(mismatches, [("$.id", 1, 0), ("$.n", 0, 1)]);
}

#[test]
fn a_failed_control_request_is_counted_and_makes_no_mismatch() {
    for failure in [Manner::Reset, Manner::Hang, Manner::Endless, Manner::BrokenGzip] {
        let (route, rig) = settled(r#"{"id": 2, "n": 7}"#, failure.clone());
        assert_eq!(route.dropped.get("control"), Some(&1), "{failure:?}");
        assert!(route.operations.is_empty());
        rig.until_nothing_is_held();
    }
}

#[test]
fn without_a_share_nobody_is_asked_again() {
    let rig = Rig::with_primary(again("{}"), again("{}"), SMALL);
    rig.exchange(&Method::GET, "/agent/7", &HeaderMap::new(), b"{}");
    let route = rig.until_report(|route| !route.operations.is_empty());
    assert_eq!((route.operations[0].matched, route.operations[0].controlled), (1, 0));
    assert!(rig.primary.seen().is_empty());
}
