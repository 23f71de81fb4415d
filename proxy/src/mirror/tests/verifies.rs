//! After the flip: the old backend is asked what the new one answered.

use std::time::Duration;

use http::{HeaderMap, Method};
use routes::admin::DifferenceKind;

use super::backend::Manner;
use super::rig::{Rig, SMALL};

#[test]
fn the_old_backend_is_compared_as_the_old_side_by_its_own_path() {
    let slow = Manner::Slow(br#"{"old": true, "n": 1}"#.to_vec(), Duration::from_millis(30));
    let rig = Rig::start(slow, SMALL);
    rig.exchange(&Method::GET, "/verified/7?x=1", &HeaderMap::new(), br#"{"n": 2}"#);
    let route = rig.until_report_of("verified", |route| !route.operations.is_empty());
    let operation = &route.operations[0];
    let found: Vec<_> = operation
        .differences
        .iter()
        .map(|group| {
            (group.kind, group.path.as_str(), &*group.examples[0].old, &*group.examples[0].new)
        })
        .collect();
    let expected =
        [(DifferenceKind::Missing, "$.old", "true", ""), (DifferenceKind::Value, "$.n", "1", "2")];
    for difference in expected {
        assert!(found.contains(&difference), "{difference:?} in {found:?}");
    }
    assert_eq!(found.len(), 2);
    // The backend that took its time was the old one.
    assert!(operation.old_latency.p50 >= 30.0, "{operation:?}");
    assert!(operation.new_latency.p50 < operation.old_latency.p50);
    assert!(rig.backend.seen()[0].starts_with("GET /old/7?x=1 HTTP/1.1\r\n"));
    // The primary was the new backend: asking it again would tell nothing of the old one.
    assert!(rig.primary.seen().is_empty());
    assert_eq!(operation.controlled, 0);
}
