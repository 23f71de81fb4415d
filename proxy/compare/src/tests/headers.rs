//! Headers are compared by what they mean, and bodies that are empty or of another kind are named as such.

use http::HeaderValue;
use routes::admin::{DifferenceKind as Kind, Grade};
use routes::compare::CompareRules;

use super::super::*;
use super::answers;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

/// What comparing one header at a status shows.
fn found(
    status: u16,
    old: &[(&'static str, &'static str)],
    new: &[(&'static str, &'static str)],
) -> Vec<(String, Grade, String)> {
    let configured = ["vary", "set-cookie", "etag", "x-api-key"].map(str::to_owned).to_vec();
    let rules = CompareRules { headers: configured, ..CompareRules::default() };
    let (old, new) = (headers(old), headers(new));
    let status = StatusCode::from_u16(status).unwrap();
    let answer = |headers| Answer { status, headers, body: b"" };
    let found = answers(&answer(&old), &answer(&new), &rules).differences;
    let shown =
        |found: Difference| (found.path, found.grade, format!("{}|{}", found.old, found.new));
    found.into_iter().map(shown).collect()
}

#[test]
fn a_redirect_is_where_it_leads() {
    for same in ["http://api.test/b?x=1", "https://API.test:443/b?x=1", "/a/../b?x=1", "b?x=1"] {
        assert_eq!(found(302, &[("location", "/b?x=1")], &[("location", same)]), [], "{same}");
    }
    for other in ["/c", "http://other.test/b?x=1", "http://api.test:81/b?x=1", "http://[", ""] {
        assert_eq!(
            found(302, &[("location", "/b?x=1")], &[("location", other)]).len(),
            1,
            "{other}"
        );
    }
    // Elsewhere it is compared only where the table says so.
    assert_eq!(found(201, &[("location", "/b")], &[("location", "/c")]), []);
    let secret = found(302, &[("location", "/b?code=planted")], &[]);
    assert_eq!(secret, [("location".into(), Grade::Breaking, "/b?code=***|".into())]);
}

#[test]
fn cookies_are_their_names_and_attributes() {
    let old = [("set-cookie", "a=planted1; Path=/; HttpOnly"), ("set-cookie", "b=; Max-Age=0")];
    let same = [
        ("set-cookie", "b=; max-age=0"),
        ("set-cookie", "a=planted2; httponly; path=/; Expires=Fri, 01 Jan 2027 00:00:00 GMT"),
    ];
    let shown = found(200, &old, &same);
    assert_eq!(shown.len(), 1, "an expiry was added: {shown:?}");
    assert!(!shown[0].2.contains("planted"));
    assert_eq!(found(200, &old, &[same[0], ("set-cookie", "a=planted3; httponly; path=/")]), []);
    for other in ["a=planted; Path=/", "a=; Path=/; HttpOnly", "c=planted; Path=/; HttpOnly"] {
        assert_eq!(found(200, &old, &[("set-cookie", other), old[1]]).len(), 1, "{other}");
    }
}

#[test]
fn lists_are_sets_and_other_headers_are_texts() {
    let old = [("vary", "Accept, Cookie"), ("etag", "\"A\"")];
    assert_eq!(found(200, &old, &[("vary", "cookie"), ("vary", "accept"), ("etag", "\"A\"")]), []);
    let shown =
        found(200, &old, &[("vary", "accept"), ("etag", "\"a\""), ("x-api-key", "planted")]);
    let shown: Vec<_> =
        shown.iter().map(|(path, grade, sides)| (path.as_str(), *grade, sides.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("vary", Grade::Value, "accept, cookie|accept"),
            ("etag", Grade::Value, "\"A\"|\"a\""),
            ("x-api-key", Grade::Additive, "|***")
        ]
    );
}

#[test]
fn an_empty_body_is_no_broken_one() {
    let json = headers(&[("content-type", "application/json")]);
    let answer = |body| Answer { status: StatusCode::OK, headers: &json, body };
    let (full, empty) = (answer(b"{}"), answer(b""));
    let kinds = |old, new| -> Vec<_> {
        let found = answers(old, new, &CompareRules::default()).differences;
        found.into_iter().map(|found| (found.kind, found.path)).collect()
    };
    assert_eq!(kinds(&full, &empty), [(Kind::Missing, "body".to_owned())]);
    assert_eq!(kinds(&empty, &full), [(Kind::Extra, "body".to_owned())]);
    assert_eq!(kinds(&empty, &empty), []);
    // What follows the head of an answer to `HEAD` is no body.
    let head = Question { method: &Method::HEAD, ..super::QUESTION };
    assert!(compare(&head, &full, &empty, &Rules::default(), 10).unwrap().is_match());
}

#[test]
fn what_is_too_large_is_not_half_compared() {
    let json = headers(&[("content-type", "application/json")]);
    let answer = |body| Answer { status: StatusCode::OK, headers: &json, body };
    let (small, large) = (answer(b"{}"), answer(b"[1,2,3,4,5,6]"));
    let refused = compare(&super::QUESTION, &small, &large, &Rules::default(), 10).unwrap_err();
    assert_eq!(refused.side, Side::New);
    assert!(matches!(refused.source, DecodeError::TooLarge { limit: 10 }));
}
