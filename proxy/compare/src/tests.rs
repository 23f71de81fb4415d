//! What the comparison finds, end to end.

mod gaps;
mod headers;
mod oracle;
mod pairs;
mod planted;
mod properties;
mod rules;

use http::HeaderValue;
use routes::admin::DifferenceKind as Kind;
use routes::compare::CompareRules;
use serde_json::{Value, json};
use serde_json_path::JsonPath;

use super::*;

const LIMIT: usize = 1 << 20;

fn headers(content_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
    headers
}

fn bodies(content_type: &str, old: &[u8], new: &[u8], rules: &CompareRules) -> Comparison {
    let headers = headers(content_type);
    let answer = |body| Answer { status: StatusCode::OK, headers: &headers, body };
    answers(&answer(old), &answer(new), rules)
}

const QUESTION: Question<'static> =
    Question { method: &Method::GET, path: "/items", host: Some("api.test") };

fn answers(old: &Answer<'_>, new: &Answer<'_>, rules: &CompareRules) -> Comparison {
    compare(&QUESTION, old, new, &rules.clone().into(), LIMIT).unwrap()
}

fn jsons(old: &Value, new: &Value, rules: &CompareRules) -> Vec<(Kind, String)> {
    let (old, new) = (old.to_string(), new.to_string());
    let found = bodies("application/json", old.as_bytes(), new.as_bytes(), rules);
    found.differences.into_iter().map(|found| (found.kind, found.path)).collect()
}

fn path(text: &str) -> JsonPath {
    JsonPath::parse(text).unwrap()
}

fn found(kind: Kind, path: &str) -> Vec<(Kind, String)> {
    vec![(kind, path.to_owned())]
}

#[test]
fn every_kind_of_json_difference_has_its_path() {
    let none = CompareRules::default();
    let old = json!({"id": "a", "tags": ["x", "y"], "steps": [{"n": 1, "gone": null}], "ok": true});
    let cases = [
        (
            json!({"id": "b", "tags": ["x", "y"], "steps": [{"n": 1, "gone": null}], "ok": true}),
            Kind::Value,
            "$.id",
        ),
        (
            json!({"id": "a", "tags": ["y", "x"], "steps": [{"n": 1, "gone": null}], "ok": true}),
            Kind::Order,
            "$.tags",
        ),
        (
            json!({"id": "a", "tags": ["x"], "steps": [{"n": 1, "gone": null}], "ok": true}),
            Kind::Length,
            "$.tags",
        ),
        (
            json!({"id": "a", "tags": ["x", "y"], "steps": [{"n": 1}], "ok": true}),
            Kind::Missing,
            "$.steps[*].gone",
        ),
        (
            json!({"id": "a", "tags": ["x", "y"], "steps": [{"n": "1", "gone": null}], "ok": true}),
            Kind::Type,
            "$.steps[*].n",
        ),
        (
            json!({"id": "a", "tags": ["x", "y"], "steps": [{"n": 1, "gone": null, "new one": 1}], "ok": true}),
            Kind::Extra,
            "$.steps[*]['new one']",
        ),
        (json!([1]), Kind::Type, "$"),
    ];
    for (new, kind, path) in cases {
        assert_eq!(jsons(&old, &new, &none), found(kind, path));
    }
    let reordered =
        json!({"ok": true, "steps": [{"gone": null, "n": 1}], "tags": ["x", "y"], "id": "a"});
    assert_eq!(jsons(&old, &reordered, &none), []);
}

#[test]
fn a_thousand_mismatches_show_as_the_kinds_they_are() {
    let list =
        |tag: &str| -> Vec<Value> { (0..1000).map(|n| json!({"n": n, "tag": tag})).collect() };
    let (old, new) = (Value::from(list("a")), Value::from(list("b")));
    let found = bodies(
        "application/json",
        old.to_string().as_bytes(),
        new.to_string().as_bytes(),
        &CompareRules::default(),
    );
    assert_eq!(found.differences.len(), 1);
    assert_eq!(found.differences[0].path, "$[*].tag");
    assert_eq!(found.differences[0].at, "$[0].tag");
    assert_eq!(found.differences[0].places, 1000);
    assert_eq!(
        (found.differences[0].old.as_str(), found.differences[0].new.as_str()),
        ("\"a\"", "\"b\"")
    );
}

#[test]
fn differences_are_bounded_and_the_rest_is_counted() {
    let many = |value: i32| -> Value {
        (0..1000)
            .map(|n| (format!("field{n}"), Value::from(value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let found = bodies(
        "application/json",
        many(1).to_string().as_bytes(),
        many(2).to_string().as_bytes(),
        &CompareRules::default(),
    );
    assert_eq!(found.differences.len(), 100);
    assert_eq!(found.more, 900);
}

#[test]
fn ignored_places_are_not_compared_on_either_side() {
    let rules =
        CompareRules { ignore: vec![path("$..id"), path("$.only_new")], ..CompareRules::default() };
    let old = json!({"id": 1, "list": [{"id": "x", "name": "a"}, {"name": "b"}]});
    let new = json!({"id": 2, "list": [{"name": "a"}, {"id": [], "name": "b"}], "only_new": 1});
    assert_eq!(jsons(&old, &new, &rules), []);
    let renamed = json!({"id": 2, "list": [{"name": "c"}, {"id": [], "name": "b"}]});
    assert_eq!(jsons(&old, &renamed, &rules), found(Kind::Value, "$.list[*].name"));
}

#[test]
fn timestamps_are_equal_when_both_are_times() {
    let rules = CompareRules { timestamp: vec![path("$..at")], ..CompareRules::default() };
    let old = json!({"at": "2026-01-02T03:04:05.123456", "list": [{"at": "2026-01-02 03:04:05"}]});
    let new = json!({"at": "2027-01-02T03:04:05Z", "list": [{"at": "2026-01-02T03:04:06+02:00"}]});
    assert_eq!(jsons(&old, &new, &rules), []);
    let broken = json!({"at": "soon", "list": [{"at": null}]});
    assert_eq!(
        jsons(&old, &broken, &rules),
        [(Kind::Value, "$.at".to_owned()), (Kind::Type, "$.list[*].at".to_owned())]
    );
}

#[test]
fn unordered_arrays_are_sets_keyed_by_a_field() {
    let by_id =
        CompareRules { unordered: vec![(path("$"), "id".into())], ..CompareRules::default() };
    let old = json!([{"id": 1, "v": "a"}, {"id": "2", "v": "b"}, {"id": 3, "v": "c"}]);
    let new = json!([{"id": 3, "v": "c"}, {"id": 1, "v": "a"}, {"id": "2", "v": "b"}]);
    assert_eq!(jsons(&old, &new, &by_id), []);
    assert_eq!(jsons(&old, &new, &CompareRules::default()), found(Kind::Order, "$"));
    let new = json!([{"id": 3, "v": "C"}, {"id": 1, "v": "a"}, {"id": 4, "v": "b"}]);
    assert_eq!(
        jsons(&old, &new, &by_id),
        [
            (Kind::Missing, "$[*]".to_owned()),
            (Kind::Value, "$[*].v".to_owned()),
            (Kind::Extra, "$[*]".to_owned())
        ]
    );
    let ignored_key = CompareRules { ignore: vec![path("$[*].id")], ..by_id.clone() };
    assert_eq!(
        jsons(&json!([{"id": 1}, {"id": 2}]), &json!([{"id": 2}, {"id": 1}]), &ignored_key),
        []
    );
}

#[test]
fn unordered_arrays_without_a_field_are_sets_of_whole_elements() {
    let rules = CompareRules {
        unordered: vec![(path("$.tags"), String::new()), (path("$.tags[*]"), String::new())],
        ignore: vec![path("$.tags[*].at")],
        ..CompareRules::default()
    };
    let old = json!({"tags": [["a", "b"], {"x": 1, "at": 1}, 7, 7]});
    let new = json!({"tags": [7, {"at": 2, "x": 1}, 7, ["b", "a"]]});
    assert_eq!(jsons(&old, &new, &rules), []);
    let fewer = json!({"tags": [7, {"at": 2, "x": 1}, ["b", "a"]]});
    assert_eq!(jsons(&old, &fewer, &rules), found(Kind::Missing, "$.tags[*]"));
}

#[test]
fn numbers_are_exact_unless_a_tolerance_says_otherwise() {
    let rules = |tolerance| CompareRules { tolerance, ..CompareRules::default() };
    let (old, new) = (json!({"x": 0.123_456_7, "n": 1}), json!({"x": 0.123_456_8, "n": 1}));
    assert_eq!(jsons(&old, &new, &rules(0.0)), found(Kind::Value, "$.x"));
    assert_eq!(jsons(&old, &new, &rules(1e-5)), []);
    let (old, new) = (json!([9_007_199_254_740_993_u64]), json!([9_007_199_254_740_992_u64]));
    assert_eq!(jsons(&old, &new, &rules(0.0)), found(Kind::Value, "$[*]"));
}

#[test]
fn repeated_members_and_invalid_json_are_differences() {
    let rules = CompareRules::default();
    let repeated = bodies("application/json", br#"{"a": 1, "a": 2}"#, br#"{"a":2}"#, &rules);
    assert_eq!(repeated.differences[0].kind, Kind::Missing);
    assert_eq!(repeated.differences[0].path, "$..a");
    let same = bodies("application/json", br#"{"a":1,"a":2}"#, br#"{"a": 1, "a": 2}"#, &rules);
    assert!(same.is_match());
    let broken = bodies("application/json", br#"{"a": 1}"#, br#"{"a": 1]"#, &rules);
    assert_eq!(
        (broken.differences[0].kind, broken.differences[0].path.as_str()),
        (Kind::Type, "$")
    );
    let both = bodies("application/json", b"oops", b"ooops", &rules);
    assert_eq!(both.differences[0].path, "body lines");
}

#[test]
fn texts_are_compared_by_line() {
    let found = bodies("text/plain", b"a\nb\nc\nd\n", b"a\nB\nc\nd\ne\n", &CompareRules::default());
    let shown: Vec<_> = found
        .differences
        .iter()
        .map(|found| (found.kind, found.at.as_str(), found.old.as_str(), found.new.as_str()))
        .collect();
    assert_eq!(
        shown,
        [(Kind::Value, "body line 2", "b", "B"), (Kind::Extra, "body line 5", "", "e")]
    );
    let (old, new) = ("x\n".repeat(50_000), "y\n".repeat(50_000));
    assert_eq!(
        bodies("text/plain", old.as_bytes(), new.as_bytes(), &CompareRules::default())
            .differences
            .len(),
        1
    );
}

#[test]
fn bytes_are_compared_by_length_and_hash() {
    let rules = CompareRules::default();
    assert_eq!(bodies("image/png", &[1, 2], &[1, 3], &rules).differences[0].kind, Kind::Value);
    assert_eq!(bodies("image/png", &[1, 2], &[1, 2, 3], &rules).differences[0].kind, Kind::Length);
    assert_eq!(bodies("text/plain", &[0xff, 2], &[0xff, 3], &rules).differences[0].path, "body");
}

#[test]
fn status_and_headers_come_first() {
    let json_type = headers("application/json");
    let old = Answer { status: StatusCode::OK, headers: &json_type, body: b"{}" };
    let new = Answer {
        status: StatusCode::NOT_FOUND,
        body: br#"{"detail":"gone","api_key":"planted"}"#,
        ..old
    };
    let found = answers(&old, &new, &CompareRules::default());
    assert_eq!(found.differences.len(), 1);
    assert_eq!(found.differences[0].kind, Kind::Status);
    assert_eq!(found.differences[0].new, r#"404 {"detail":"gone","api_key":"***"}"#);

    let mut new_headers = headers("Application/JSON; charset=utf-8");
    new_headers.insert("etag", HeaderValue::from_static("\"1\""));
    new_headers.insert("set-cookie", HeaderValue::from_static("session=planted"));
    let rules = CompareRules {
        headers: vec!["etag".into(), "set-cookie".into()],
        ..CompareRules::default()
    };
    let new = Answer { headers: &new_headers, ..old };
    let found = answers(&old, &new, &rules);
    let shown: Vec<_> = found
        .differences
        .iter()
        .map(|found| (found.kind, found.path.as_str(), found.new.as_str()))
        .collect();
    assert_eq!(
        shown,
        [(Kind::Header, "etag", "\"1\""), (Kind::Header, "set-cookie", "session=***")]
    );

    let text_type = headers("text/html");
    let new = Answer { headers: &text_type, body: b"<html>", ..old };
    let found = answers(&old, &new, &CompareRules::default());
    let shown: Vec<_> =
        found.differences.iter().map(|found| (found.kind, found.path.as_str())).collect();
    assert_eq!(shown, [(Kind::Header, "content-type"), (Kind::Type, "body")]);
}

#[test]
fn the_content_coding_does_not_matter_and_a_broken_one_is_named() {
    let mut gzipped = headers("application/json");
    gzipped.insert("content-encoding", HeaderValue::from_static("zstd"));
    let body = zstd::encode_all(br#"{"a": 1}"#.as_slice(), 1).unwrap();
    let plain_headers = headers("application/json");
    let old = Answer { status: StatusCode::OK, headers: &plain_headers, body: br#"{"a":1}"# };
    let new = Answer { headers: &gzipped, body: &body, ..old };
    assert!(answers(&old, &new, &CompareRules::default()).is_match());
    let broken = Answer { body: b"no zstd", ..new };
    let refused = compare(&QUESTION, &old, &broken, &Rules::default(), LIMIT).unwrap_err();
    assert_eq!(refused.side, Side::New);
}

#[test]
fn hostile_shapes_take_linear_time() {
    // Each would take minutes if aligning, matching or rendering were quadratic.
    let deep = |leaf: u8| {
        let mut text = vec![b'['; 126];
        text.extend((0..100_000).flat_map(|n| format!("[{n},{leaf}],").into_bytes()));
        text.push(b'0');
        text.extend(vec![b']'; 126]);
        text
    };
    let rules =
        CompareRules { unordered: vec![(path("$..*"), String::new())], ..CompareRules::default() };
    assert!(!bodies("application/json", &deep(1), &deep(2), &rules).is_match());
    assert!(!bodies("application/json", &deep(1), &deep(2), &CompareRules::default()).is_match());
    let long_name = "n".repeat(400_000);
    let wide = |leaf: u8| format!("{{\"{long_name}\":[{}0]}}", format!("{leaf},").repeat(100_000));
    assert!(
        !bodies(
            "application/json",
            wide(1).as_bytes(),
            wide(2).as_bytes(),
            &CompareRules::default()
        )
        .is_match()
    );
    let same_key =
        |leaf: u8| format!("[{}0]", format!("{{\"id\":1,\"v\":{leaf}}},").repeat(50_000));
    let rules =
        CompareRules { unordered: vec![(path("$"), "id".into())], ..CompareRules::default() };
    assert!(
        !bodies("application/json", same_key(1).as_bytes(), same_key(2).as_bytes(), &rules)
            .is_match()
    );
}
