//! What is learned from control requests, and what is proposed for it.

use std::collections::BTreeMap;
use std::time::Duration;

use compare::{Comparison, Difference};
use http::StatusCode;
use proptest::prelude::*;
use routes::admin::{
    DifferenceExample, DifferenceGroup, Grade, Likely, OperationEvidence, ProposalKind,
};

use super::*;
use crate::outcome::Answered;

const OPERATION: &str = "GET /w/{id}";

fn difference(kind: DifferenceKind, path: &str, old: &str, new: &str) -> Difference {
    Difference {
        kind,
        path: path.to_owned(),
        at: path.to_owned(),
        places: 1,
        old: old.to_owned(),
        new: new.to_owned(),
        grade: Grade::Value,
        gap: None,
    }
}

/// An exchange whose control request showed these differences.
fn controlled(differences: Vec<Difference>) -> Compared {
    let answered = Answered { status: StatusCode::OK, latency: Duration::from_millis(1) };
    Compared {
        old: answered,
        new: answered,
        comparison: Comparison::default(),
        control: Some(Comparison { differences, ..Comparison::default() }),
        bodies: None,
    }
}

/// A pseudo-random number, the same in every run.
fn random(index: u64) -> u64 {
    let mut value = index.wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// The evidence of a mismatch at each of these paths.
fn evidence(groups: Vec<(DifferenceKind, &str, &str, &str, u64)>) -> RouteEvidence {
    let example = |old: &str, new: &str| DifferenceExample {
        seen_at: chrono::DateTime::UNIX_EPOCH,
        request: "GET /w/1".to_owned(),
        request_id: "r".to_owned(),
        old_status: 200,
        new_status: 200,
        at: "$".to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        old_body: None,
        new_body: None,
    };
    let differences = groups.into_iter().map(|(kind, path, old, new, count)| DifferenceGroup {
        fingerprint: "0".to_owned(),
        kind,
        grade: Grade::Value,
        gap: None,
        path: path.to_owned(),
        count,
        inconclusive: 0,
        first_seen: chrono::DateTime::UNIX_EPOCH,
        last_seen: chrono::DateTime::UNIX_EPOCH,
        examples: vec![example(old, new)],
    });
    RouteEvidence {
        route: "w".to_owned(),
        basis: None,
        dropped: BTreeMap::new(),
        writes_off: None,
        operations: vec![OperationEvidence {
            operation: OPERATION.to_owned(),
            compared: 200,
            matched: 0,
            mismatched: 200,
            inconclusive: 0,
            controlled: 200,
            trust: wilson::trust(0, 200),
            failed: BTreeMap::new(),
            new_failed_alone: 0,
            old_failed_alone: 0,
            old_latency: routes::admin::Latency::default(),
            new_latency: routes::admin::Latency::default(),
            differences: differences.collect(),
        }],
    }
}

/// Two hundred control requests, each with these differences.
fn learned(differences: impl Fn(u64) -> Vec<Difference>) -> NoiseModel {
    let mut model = NoiseModel::default();
    (0..200).for_each(|index| model.learn(OPERATION, &controlled(differences(index))));
    model
}

#[expect(clippy::needless_pass_by_value, reason = "a number is as good as a text")]
fn value<T: ToString>(path: &str, old: T, new: T) -> Difference {
    difference(DifferenceKind::Value, path, &old.to_string(), &new.to_string())
}

/// Every sort of noise at once.
fn noisy(index: u64) -> Vec<Difference> {
    let id = |salt: u64| format!("\"{:016x}\"", random(index * 2 + salt));
    let at = |second: u64| format!("\"2026-01-02T03:04:{:02}Z\"", (index + second) % 60);
    // Up and down in turn, by less than a hundred millionth.
    let jitter = |side: u64| format!("0.{}", 300_000_000_000 + 2000 * ((index + side) % 2));
    let load = |side: u64| random(index) % 90 + 100 * ((index + side) % 2);
    let order =
        [r#"[{"id":1,"n":"a"},{"id":2,"n":"a"}]"#, r#"[{"id":2,"n":"a"},{"id":1,"n":"a"}]"#];
    vec![
        value("$.request_id", id(0), id(1)),
        value("$.at", at(0), at(1)),
        value("$.served", index, index + 1),
        value("$.score", jitter(0), jitter(1)),
        value("$.load", load(0), load(1)),
        value("$.state", "\"queued\"", "\"failed\""),
        difference(DifferenceKind::Order, "$.steps", order[0], order[1]),
        difference(DifferenceKind::Missing, "$.maybe", "1", ""),
        difference(DifferenceKind::Type, "$.loose", "1", "\"1\""),
    ]
}

#[test]
fn a_random_field_is_learned_within_two_hundred_control_requests() {
    let report = learned(noisy).report(&evidence(vec![]), &CompareRules::default());
    let likely: BTreeMap<&str, Likely> =
        report.volatile.iter().map(|found| (found.path.as_str(), found.likely)).collect();
    assert_eq!(
        likely,
        BTreeMap::from([
            ("$.at", Likely::Time),
            ("$.load", Likely::Unknown),
            ("$.loose", Likely::Unknown),
            ("$.maybe", Likely::Unknown),
            ("$.request_id", Likely::Identifier),
            ("$.score", Likely::FloatJitter),
            ("$.served", Likely::Counter),
            ("$.state", Likely::Unknown),
            ("$.steps", Likely::Order),
        ])
    );
    let id = report.volatile.iter().find(|found| found.path == "$.request_id").unwrap();
    assert_eq!((id.controls, id.changed), (200, 200));
    assert!(id.lower > 0.98 && id.upper > 0.999, "{id:?}");
}

#[test]
fn rules_are_narrow_and_never_hide_what_was_added_removed_or_retyped() {
    let report = learned(noisy).report(&evidence(vec![]), &CompareRules::default());
    let mut rules: Vec<_> = report
        .proposals
        .iter()
        .map(|rule| (rule.kind, rule.path.as_str(), rule.value.as_str()))
        .collect();
    rules.sort_unstable();
    assert_eq!(
        rules,
        [
            (ProposalKind::Timestamp, "$.at", ""),
            (ProposalKind::Identifier, "$.request_id", ""),
            (ProposalKind::Number, "$.load", ""),
            (ProposalKind::Number, "$.served", ""),
            (ProposalKind::Unordered, "$.steps", "id"),
            (ProposalKind::Tolerance, "", "2e-8"),
        ]
    );
    let at = report.proposals.iter().find(|rule| rule.path == "$.at").unwrap();
    assert_eq!(at.origin, "GET /w/{id}: 200 of 200 control requests differ at $.at (98 to 100 %)");
}

#[test]
fn a_state_that_moves_now_and_then_is_no_noise() {
    let model = learned(|index| {
        let time = value("$.at", "\"2026-01-02T03:04:05Z\"", "\"2026-01-02T03:04:06Z\"");
        if index % 20 == 0 { vec![time] } else { vec![] }
    });
    let report = model.report(&evidence(vec![]), &CompareRules::default());
    assert_eq!((report.volatile.len(), report.volatile[0].changed), (1, 10));
    assert_eq!(report.proposals, []);
}

#[test]
fn a_proposal_says_how_many_mismatches_it_would_have_silenced() {
    let ids = ("\"0123456789abcdef\"", "\"fedcba9876543210\"");
    let evidence = evidence(vec![
        (DifferenceKind::Value, "$.request_id", ids.0, ids.1, 190),
        (DifferenceKind::Type, "$.request_id", ids.0, "7", 10),
        (DifferenceKind::Value, "$.at", "\"2026-01-02T03:04:05Z\"", "\"soon\"", 5),
        (DifferenceKind::Order, "$.steps", "[1,2", "[2,1", 3),
    ]);
    let report = learned(noisy).report(&evidence, &CompareRules::default());
    let silenced: BTreeMap<&str, u64> =
        report.proposals.iter().map(|rule| (rule.path.as_str(), rule.would_silence)).collect();
    assert_eq!(silenced["$.request_id"], 190, "the retyped one stays a mismatch");
    assert_eq!(silenced["$.at"], 0, "no time on one side");
    assert_eq!(silenced["$.steps"], 3);
    assert_eq!(report.proposals[0].path, "$.request_id", "what silences most comes first");
}

#[test]
fn a_control_that_shows_nothing_still_counts() {
    let model =
        learned(
            |index| {
                if index % 2 == 0 { vec![value("$.served", index, index + 1)] } else { vec![] }
            },
        );
    let report = model.report(&evidence(vec![]), &CompareRules::default());
    assert_eq!((report.volatile[0].controls, report.volatile[0].changed), (200, 100));
    assert!(report.volatile[0].lower > 0.42 && report.volatile[0].upper < 0.58);
}

#[test]
fn paths_that_no_table_takes_are_not_proposed() {
    let cut = format!("$['{}']", "x".repeat(64));
    let model = learned(|index| {
        vec![
            value("body", index, index + 1),
            value("$.broken[", index, index + 1),
            value(&format!("$.{}", "y".repeat(300)), index, index + 1),
            value(&cut, index, index + 1),
        ]
    });
    let report = model.report(&evidence(vec![]), &CompareRules::default());
    let paths: Vec<&str> = report.proposals.iter().map(|rule| rule.path.as_str()).collect();
    assert_eq!(paths, [cut.as_str()]);
    assert_eq!(report.volatile.len(), 3);
}

#[test]
fn nothing_grows_without_bound() {
    let mut model = NoiseModel::default();
    for operation in 0..200 {
        let many = (0..100).map(|path| value(&format!("$.p{path}x{operation}"), 1, 2)).collect();
        model.learn(&format!("GET /{operation}"), &controlled(many));
    }
    assert_eq!(model.operations.len(), MAX_OPERATIONS);
    assert_eq!(model.places(), MAX_PLACES);
    let mut other = NoiseModel::default();
    other.learn("GET /more", &controlled(vec![value("$.more", 1, 2)]));
    model.merge(&other);
    assert_eq!((model.operations.len(), model.places()), (MAX_OPERATIONS, MAX_PLACES));
    assert!(serde_json::to_string(&model).unwrap().len() < 256 * 1024);
}

proptest! {
    /// Learned in two places and merged is learned in one, in whatever order; and the state survives being written.
    #[test]
    fn models_merge(kinds in proptest::collection::vec((0_usize..9, any::<bool>()), 1..60)) {
        let (mut all, mut one, mut other) =
            (NoiseModel::default(), NoiseModel::default(), NoiseModel::default());
        for (index, (kind, is_one)) in kinds.iter().enumerate() {
            let seen = controlled(vec![noisy(index as u64).swap_remove(*kind)]);
            all.learn(OPERATION, &seen);
            if *is_one { &mut one } else { &mut other }.learn(OPERATION, &seen);
        }
        let mut merged = one.clone();
        merged.merge(&other);
        prop_assert_eq!(&merged.operations, &all.operations);
        let mut turned = other.clone();
        turned.merge(&one);
        prop_assert_eq!(&turned.operations, &all.operations);
        let text = serde_json::to_string(&merged).unwrap();
        let read: NoiseModel = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read, merged);
    }
}
