//! Differences planted into the answers of a backend: each is found and named by its path, and nothing else is.

use compare::{Answer, Comparison, Question, Rules, compare};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use routes::admin::{DifferenceKind as Kind, Gap, Grade};
use routes::compare::CompareRules;
use serde_json::{Value, json};

struct Backend {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

fn backend(number: u64) -> Backend {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    let body = json!({"items": [
        {"id": format!("wf_{number:04x}"), "name": "first", "budget": number, "cost": 0.123_456_7,
            "created_at": "2026-01-02T03:04:05.123456", "tags": ["a", "b", "c"]},
        {"id": "wf_ffff", "name": "second", "budget": 7, "cost": 1.5,
            "created_at": "2026-01-02T03:04:06.000001", "tags": []}]});
    Backend { status: StatusCode::OK, headers, body }
}

fn compared(old: &Backend, new: &Backend) -> Comparison {
    let rules = CompareRules { headers: vec!["cache-control".into()], ..CompareRules::default() };
    // Written in two ways, so that equal bytes are not all that is seen.
    let (old_body, new_body) = (old.body.to_string(), format!("{:#}", new.body));
    let question = Question { method: &Method::GET, path: "/items", host: None };
    compare(
        &question,
        &Answer { status: old.status, headers: &old.headers, body: old_body.as_bytes() },
        &Answer { status: new.status, headers: &new.headers, body: new_body.as_bytes() },
        &Rules::from(rules),
        1 << 20,
    )
    .unwrap()
}

type Found = (Kind, Grade, Option<Gap>, String);

/// What 500 answers show, the planted difference standing in those that `is_planted` names.
fn found(is_planted: impl Fn(u64) -> bool, plant: impl Fn(&mut Backend)) -> Vec<(Found, u64)> {
    let mut all: Vec<(Found, u64)> = Vec::new();
    for number in 0..500 {
        let (old, mut new) = (backend(number), backend(number));
        if is_planted(number) {
            plant(&mut new);
        }
        for found in compared(&old, &new).differences {
            let found = (found.kind, found.grade, found.gap, found.path);
            match all.iter_mut().find(|(known, _)| *known == found) {
                Some((_, count)) => *count += 1,
                None => all.push((found, 1)),
            }
        }
    }
    all
}

fn every(plant: impl Fn(&mut Backend)) -> Vec<Found> {
    let found = found(|_| true, plant);
    assert!(found.iter().all(|(_, count)| *count == 500), "{found:?}");
    found.into_iter().map(|(found, _)| found).collect()
}

fn first(backend: &mut Backend) -> &mut serde_json::Map<String, Value> {
    backend.body["items"][0].as_object_mut().unwrap()
}

#[test]
fn an_identical_backend_shows_nothing() {
    assert_eq!(found(|_| true, |_| {}), []);
}

#[test]
fn a_renamed_field() {
    let shown = every(|new| {
        let name = first(new).remove("name").unwrap();
        first(new).insert("title".into(), name);
    });
    assert_eq!(
        shown,
        [
            (Kind::Missing, Grade::Breaking, None, "$.items[*].name".into()),
            (Kind::Extra, Grade::Additive, None, "$.items[*].title".into())
        ]
    );
}

#[test]
fn a_value_off_by_one_in_one_of_500_answers() {
    let shown = found(
        |number| number == 321,
        |new| {
            let budget = first(new)["budget"].as_u64().unwrap();
            first(new)["budget"] = json!(budget + 1);
        },
    );
    assert_eq!(shown, [((Kind::Value, Grade::Value, None, "$.items[*].budget".into()), 1)]);
}

#[test]
fn a_status() {
    let shown = every(|new| new.status = StatusCode::CREATED);
    assert_eq!(shown, [(Kind::Status, Grade::Breaking, None, "status".into())]);
}

#[test]
fn a_missing_header() {
    let shown = every(|new| drop(new.headers.remove("cache-control")));
    assert_eq!(shown, [(Kind::Header, Grade::Breaking, None, "cache-control".into())]);
}

#[test]
fn a_reordered_array() {
    let shown = every(|new| first(new)["tags"].as_array_mut().unwrap().swap(0, 2));
    assert_eq!(shown, [(Kind::Order, Grade::Value, None, "$.items[*].tags".into())]);
}

#[test]
fn a_float_in_the_seventh_digit() {
    let shown = every(|new| first(new)["cost"] = json!(0.123_456_8));
    assert_eq!(shown, [(Kind::Value, Grade::Value, None, "$.items[*].cost".into())]);
}

#[test]
fn a_timestamp_in_another_form() {
    let shown = every(|new| first(new)["created_at"] = json!("2026-01-02T03:04:05.123456Z"));
    let gap = Some(Gap::TimeZone);
    assert_eq!(shown, [(Kind::Value, Grade::Value, gap, "$.items[*].created_at".into())]);
}
