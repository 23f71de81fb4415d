//! What the rules silence, what they never do, and how both are counted.

use routes::compare::CompareRules;
use serde_json::{Value, json};

use super::super::*;
use super::{bodies, path};

fn hits(old: &Value, new: &Value, rules: &CompareRules) -> Vec<(Rule, u64)> {
    let (old, new) = (old.to_string(), new.to_string());
    let found = bodies("application/json", old.as_bytes(), new.as_bytes(), rules);
    assert!(found.is_match(), "{found:?}");
    found.rule_hits.into_iter().map(|hit| (hit.rule, hit.places)).collect()
}

fn every_rule() -> CompareRules {
    CompareRules {
        ignore: vec![path("$.unused"), path("$.list[*].ignored")],
        timestamp: vec![path("$..at")],
        identifier: vec![path("$..id")],
        number: vec![path("$..count")],
        unordered: vec![(path("$.list"), "key".to_owned())],
        tolerance: 1e-3,
        allow: routes::admin::Gap::ALL.to_vec(),
        ..CompareRules::default()
    }
}

#[test]
fn each_rule_counts_what_it_silenced() {
    let element = |key: u32, side: u32| {
        json!({"key": key, "ignored": side, "at": format!("2026-01-02T03:04:0{side}"),
            "id": format!("wf_0a1{side}"), "count": side, "near": 1.0 + f64::from(side) * 1e-4})
    };
    let old = json!({"list": [element(1, 1), element(2, 1)]});
    let new = json!({"list": [element(2, 2), element(1, 2)]});
    assert_eq!(
        hits(&old, &new, &every_rule()),
        [
            (Rule::Ignore(1), 2),
            (Rule::Timestamp(0), 2),
            (Rule::Identifier(0), 2),
            (Rule::Number(0), 2),
            (Rule::Tolerance, 2),
            (Rule::Unordered(0), 1)
        ]
    );
    assert_eq!(hits(&old, &old.clone(), &every_rule()), []);
}

#[test]
fn no_rule_but_ignore_hides_what_is_added_removed_or_retyped() {
    let rules = CompareRules { allow: vec![], ..every_rule() };
    for field in ["at", "id", "count", "list", "near"] {
        let old = json!({field: "2026-01-02T03:04:05"});
        for new in [json!({}), json!({field: true}), json!({field: null}), json!({field: {}})] {
            let (old, new) = (old.to_string(), new.to_string());
            let found = bodies("application/json", old.as_bytes(), new.as_bytes(), &rules);
            assert_eq!(found.differences.len(), 1, "{old} {new}");
            assert_eq!(found.differences[0].path, format!("$.{field}"));
        }
    }
}

#[test]
fn identifiers_and_numbers_may_be_others_of_their_kind() {
    let rules = every_rule();
    for (field, old, new, is_silenced) in [
        ("id", json!("wf_0a1b"), json!("wf_9c2d"), true),
        ("id", json!("wf_0a1b"), json!("wf_9c2"), false),
        ("id", json!(9), json!(10), true),
        ("id", json!(9), json!("9c"), false),
        ("id", json!("active"), json!("paused"), false),
        ("count", json!(1), json!(-2.5), true),
        ("count", json!(1), json!("1x"), false),
    ] {
        let (old, new) = (json!({field: old}).to_string(), json!({field: new}).to_string());
        let found = bodies("application/json", old.as_bytes(), new.as_bytes(), &rules);
        assert_eq!(found.is_match(), is_silenced, "{old} {new}");
    }
    let found = bodies("application/json", br#"{"count":NaN}"#, br#"{"count":1}"#, &rules);
    assert!(!found.is_match());
}

#[test]
fn the_worst_place_is_the_example() {
    let none = CompareRules::default();
    let found = bodies("application/json", b"[1, 1, 5, 1]", b"[1.0, 2, 5.0, 1]", &none);
    let found = &found.differences[..];
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].grade, found[0].gap), (routes::admin::Grade::Value, None));
    assert_eq!((found[0].at.as_str(), found[0].places), ("$[1]", 3));
}

#[test]
fn masked_places_are_compared_and_never_shown() {
    let rules = Rules::new(CompareRules::default(), vec![path("$..owner"), path("$.list[*]")]);
    let body = |secret: &str| {
        json!({"owner": {"name": secret}, "list": [secret], "in": {"owner": secret},
            "log": format!("password={secret}"), "api_key": secret, secret: {"owner": secret}})
        .to_string()
    };
    let headers = super::headers("application/json");
    let (old, new) = (body("planted_old"), body("planted_new"));
    let answer = |body| Answer { status: StatusCode::OK, headers: &headers, body };
    let (old, new) = (answer(old.as_bytes()), answer(new.as_bytes()));
    let found = compare(&super::QUESTION, &old, &new, &rules, 1 << 20).unwrap();
    assert_eq!(found.differences.len(), 7);
    let shown = |found: &Difference| format!("{} {}", found.old, found.new);
    assert!(found.differences.iter().all(|found| !shown(found).contains("planted")), "{found:?}");
    let gone = Answer { status: StatusCode::NOT_FOUND, ..new };
    let found = compare(&super::QUESTION, &old, &gone, &rules, 1 << 20).unwrap();
    assert!(!shown(&found.differences[0]).contains(r#""owner":"planted"#), "{found:?}");
    assert!(!shown(&found.differences[0]).contains(r#"["planted"#), "{found:?}");
}
