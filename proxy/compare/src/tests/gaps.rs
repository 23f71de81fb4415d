//! Every known gap: named, graded, still a difference, and silenced by `compare.allow` of just that gap.

use http::HeaderValue;
use routes::admin::{DifferenceKind as Kind, Gap, Grade};
use routes::compare::CompareRules;

use super::super::*;

struct Exchange {
    gap: Gap,
    method: Method,
    path: &'static str,
    /// Status, media type, `location`, body.
    old: (u16, &'static str, &'static str, &'static str),
    new: (u16, &'static str, &'static str, &'static str),
    found: (Kind, Grade, &'static str),
}

fn compared(exchange: &Exchange, rules: &CompareRules) -> Comparison {
    let headers = |(_, media, location, _): (u16, &'static str, &'static str, &str)| {
        let mut headers = HeaderMap::new();
        for (name, value) in [("content-type", media), ("location", location)] {
            if !value.is_empty() {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        headers
    };
    let (old_headers, new_headers) = (headers(exchange.old), headers(exchange.new));
    let status = |code| StatusCode::from_u16(code).unwrap();
    let (old, new) = (
        Answer {
            status: status(exchange.old.0),
            headers: &old_headers,
            body: exchange.old.3.as_bytes(),
        },
        Answer {
            status: status(exchange.new.0),
            headers: &new_headers,
            body: exchange.new.3.as_bytes(),
        },
    );
    let question =
        Question { method: &exchange.method, path: exchange.path, host: Some("api.test") };
    compare(&question, &old, &new, &rules.clone().into(), 1 << 20).unwrap()
}

fn json(gap: Gap, old: &'static str, new: &'static str, grade: (Kind, Grade)) -> Exchange {
    let (old, new) = ((200, "application/json", "", old), (200, "application/json", "", new));
    Exchange { gap, method: Method::GET, path: "/a", old, new, found: (grade.0, grade.1, "$.a") }
}

fn statuses(
    gap: Gap,
    method: Method,
    path: &'static str,
    old: (u16, &'static str),
    new: u16,
) -> Exchange {
    let (old, new) = ((old.0, "", old.1, ""), (new, "", "", ""));
    Exchange { gap, method, path, old, new, found: (Kind::Status, Grade::Breaking, "status") }
}

fn bytes(gap: Gap, media: &'static str, old: &'static str, new: &'static str) -> Exchange {
    let path = if media == "text/plain" { "body lines" } else { "body" };
    let kind =
        if media == "text/plain" || old.len() == new.len() { Kind::Value } else { Kind::Length };
    let (old, new) = ((200, media, "", old), (200, media, "", new));
    let found = (kind, Grade::Cosmetic, path);
    Exchange { gap, method: Method::GET, path: "/a", old, new, found }
}

fn exchanges() -> Vec<Exchange> {
    let (value, retyped) = ((Kind::Value, Grade::Value), (Kind::Type, Grade::Breaking));
    let cosmetic = (Kind::Value, Grade::Cosmetic);
    let time = |rest| format!(r#"{{"a":"2026-01-02T03:04:05{rest}"}}"#).leak();
    let error = |old, new, found| Exchange {
        gap: Gap::ErrorBody,
        method: Method::GET,
        path: "/a",
        old: (404, "application/json", "", old),
        new: (404, "application/json", "", new),
        found,
    };
    vec![
        json(Gap::IntegerFloat, r#"{"a":1}"#, r#"{"a":1.0}"#, cosmetic),
        json(Gap::DecimalText, r#"{"a":1.5}"#, r#"{"a":"1.50"}"#, retyped),
        json(Gap::LargeInteger, r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992}"#, value),
        json(
            Gap::LargeInteger,
            r#"{"a":36893488147419103233}"#,
            r#"{"a":36893488147419103232}"#,
            value,
        ),
        json(Gap::NotANumber, r#"{"a":NaN}"#, r#"{"a":null}"#, retyped),
        json(Gap::NotANumber, r#"{"a":-Infinity}"#, r#"{"a":"-Infinity"}"#, retyped),
        json(Gap::TimeZone, time("Z"), time("+00:00"), cosmetic),
        json(Gap::TimeZone, time(""), time("Z"), value),
        json(Gap::Microseconds, time(".000000"), time(""), cosmetic),
        json(Gap::NullMissing, r#"{"a":null}"#, "{}", (Kind::Missing, Grade::Breaking)),
        json(Gap::NullMissing, "{}", r#"{"a":null}"#, (Kind::Extra, Grade::Additive)),
        bytes(Gap::Escapes, "text/plain", r#"{"a":"\u00e9"}"#, r#"{"a":"é"}"#),
        bytes(Gap::Escapes, "image/png", r#"{"a":"\u00e9"}"#, r#"{"a":"é"}"#),
        bytes(Gap::KeyOrder, "text/plain", r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#),
        error(
            r#"{"detail":"x"}"#,
            r#"{"error":"x"}"#,
            (Kind::Missing, Grade::Breaking, "$.detail"),
        ),
        error(r#"{"detail":[1]}"#, r#"{"detail":"x"}"#, (Kind::Type, Grade::Breaking, "$.detail")),
        error(r#"{"detail":"x"}"#, "", (Kind::Missing, Grade::Breaking, "body")),
        statuses(Gap::TrailingSlash, Method::GET, "/v1/a/", (307, "http://api.test/v2/a"), 404),
        statuses(Gap::TrailingSlash, Method::POST, "/v1/a?x=1", (308, "/v1/a/?x=1"), 201),
        statuses(Gap::HeadOptions, Method::HEAD, "/a", (405, ""), 200),
        statuses(Gap::HeadOptions, Method::OPTIONS, "/a", (404, ""), 204),
        statuses(Gap::NotFoundMethod, Method::PUT, "/a", (404, ""), 405),
    ]
}

#[test]
fn every_gap_is_named_and_graded() {
    let exchanges = exchanges();
    for gap in Gap::ALL {
        assert!(exchanges.iter().any(|exchange| exchange.gap == gap), "{gap:?}");
    }
    for exchange in &exchanges {
        let found = compared(exchange, &CompareRules::default());
        let first = &found.differences[0];
        let shown = (first.kind, first.grade, first.path.as_str(), first.gap);
        let (kind, grade, path) = exchange.found;
        assert_eq!(shown, (kind, grade, path, Some(exchange.gap)), "{found:?}");
        assert!(found.differences.iter().all(|found| found.gap == first.gap), "{found:?}");
    }
}

#[test]
fn only_the_allowed_gap_is_silenced() {
    for exchange in exchanges() {
        let rules = |allow| CompareRules { allow, ..CompareRules::default() };
        let found = compared(&exchange, &rules(vec![exchange.gap]));
        assert!(found.is_match(), "{found:?}");
        assert!(
            matches!(found.rule_hits[..], [RuleHit { rule: Rule::Allow(gap), .. }] if gap == exchange.gap)
        );
        let others: Vec<_> = Gap::ALL.into_iter().filter(|gap| *gap != exchange.gap).collect();
        assert!(!compared(&exchange, &rules(others)).is_match(), "{:?}", exchange.gap);
    }
}

#[test]
fn what_looks_like_a_gap_and_is_none_has_no_name() {
    let value = (Kind::Value, Grade::Value);
    let retyped = (Kind::Type, Grade::Breaking);
    let some = Gap::IntegerFloat;
    let (get, breaking) = (Method::GET, Grade::Breaking);
    let cases = [
        json(some, r#"{"a":1}"#, r#"{"a":1.5}"#, value),
        json(some, r#"{"a":1.5}"#, r#"{"a":"1.6"}"#, retyped),
        json(some, r#"{"a":NaN}"#, r#"{"a":1}"#, value),
        json(some, r#"{"a":NaN}"#, r#"{"a":[]}"#, retyped),
        json(some, r#"{"a":1}"#, "{}", (Kind::Missing, breaking)),
        json(some, r#"{"a":36893488147419103233}"#, r#"{"a":46893488147419103233}"#, value),
        statuses(some, get.clone(), "/a/", (307, "http://other.test/a"), 404),
        statuses(some, get.clone(), "/a/", (307, "/b"), 404),
        statuses(some, get.clone(), "/a/", (302, "/a"), 404),
        statuses(some, get, "/a", (405, ""), 200),
    ];
    for exchange in cases {
        let all = CompareRules { allow: Gap::ALL.to_vec(), ..CompareRules::default() };
        let found = compared(&exchange, &all);
        let first = &found.differences[0];
        assert_eq!((first.kind, first.gap), (exchange.found.0, None), "{found:?}");
    }
}
