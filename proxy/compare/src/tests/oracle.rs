//! What holds for any pair of bodies; the property tests and the fuzzer share it.

use std::sync::LazyLock;

use compare::{Answer, Comparison, Question, Rules, compare, excerpt};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use routes::admin::{DifferenceKind as Kind, Gap, Grade};
use routes::compare::CompareRules;
use serde_json_path::JsonPath;

/// Longest body that a pair has, in bytes; more is a mistake of the test.
const LIMIT: usize = 1 << 20;

/// Steps that each byte may cost: a value has at least one, is visited once, and digested at most three times.
const STEPS_PER_BYTE: usize = 4;

/// Two bodies and how they are compared.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
    /// Chooses media type, status and rules.
    pub(crate) manner: u8,
}

impl Pair {
    /// One byte says how, the rest is cut in two at the first `0xff`, which no text holds, or else in the middle.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let (manner, rest) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
        let (old, new) = match rest.iter().position(|byte| *byte == 0xff) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => rest.split_at(rest.len() / 2),
        };
        Self { old: old.to_vec(), new: new.to_vec(), manner }
    }

    fn headers(&self) -> HeaderMap {
        let types = ["application/json", "application/json", "text/plain", "image/png"];
        let mut headers = HeaderMap::new();
        let chosen = types[usize::from(self.manner) % types.len()];
        headers.insert("content-type", HeaderValue::from_static(chosen));
        headers
    }

    fn status(&self) -> StatusCode {
        if self.manner & 4 == 0 { StatusCode::OK } else { StatusCode::NOT_FOUND }
    }

    fn rules(&self) -> &'static Rules {
        &RULES[usize::from(self.manner >> 3) % RULES.len()]
    }
}

static RULES: LazyLock<[Rules; 4]> = LazyLock::new(|| {
    let paths = |texts: &[&str]| -> Vec<JsonPath> {
        texts.iter().map(|text| JsonPath::parse(text).unwrap()).collect()
    };
    let keyed = |text: &str, field: &str| (JsonPath::parse(text).unwrap(), field.to_owned());
    let rules = CompareRules {
        ignore: paths(&["$..w", "$[0]"]),
        timestamp: paths(&["$..at"]),
        identifier: paths(&["$..id"]),
        number: paths(&["$..n"]),
        unordered: vec![keyed("$", "id"), keyed("$..v", "")],
        tolerance: 1e-6,
        ..CompareRules::default()
    };
    let lenient = CompareRules { allow: Gap::ALL.to_vec(), ..rules.clone() };
    let gaps = CompareRules { allow: Gap::ALL.to_vec(), ..CompareRules::default() };
    [Rules::default(), Rules::new(rules, paths(&["$..v"])), Rules::from(lenient), Rules::from(gaps)]
});

/// No panic, symmetric, equal to itself, a bounded number of steps, explained by itself, and never without a mask.
pub(crate) fn check(pair: &Pair) {
    let headers = pair.headers();
    let found = |old, new| {
        let question = Question { method: &Method::GET, path: "/a", host: None };
        let answer = |body| Answer { status: pair.status(), headers: &headers, body };
        compare(&question, &answer(old), &answer(new), pair.rules(), LIMIT).unwrap()
    };
    let there = found(&pair.old, &pair.new);
    let back = found(&pair.new, &pair.old);
    assert_symmetric(&there, &back);
    for body in [&pair.old, &pair.new] {
        let same = found(body, body);
        assert!(same.is_match() && same.rule_hits.is_empty(), "{same:?}");
    }
    let bound = STEPS_PER_BYTE * (pair.old.len() + pair.new.len()) + 16;
    assert!(there.steps <= bound as u64, "{} steps, at most {bound} expected", there.steps);
    let mut settled = there.clone();
    settled.settle(&there);
    assert!(settled.differences.is_empty());
    let shown = excerpt::shown_body(&headers, &pair.old, &[], 64);
    assert!(shown.is_none_or(|shown| shown.chars().count() <= 64));
}

fn assert_symmetric(there: &Comparison, back: &Comparison) {
    let total = |found: &Comparison| {
        found.more + found.differences.iter().map(|found| found.places).sum::<u64>()
    };
    assert_eq!(total(there), total(back));
    assert_eq!(there.places, back.places);
    let hits = |found: &Comparison| {
        let mut hits: Vec<_> = found.rule_hits.iter().map(|hit| (hit.rule, hit.places)).collect();
        hits.sort();
        hits
    };
    assert_eq!(hits(there), hits(back));
    // Which kinds come first, and are told apart, depends on the side.
    if there.more == 0 {
        assert_eq!(summary(there, false), summary(back, true));
    }
}

type Summary = (Kind, String, u64, Option<Grade>, Option<Gap>);

fn summary(found: &Comparison, is_swapped: bool) -> Vec<Summary> {
    let mut summary: Vec<_> = found
        .differences
        .iter()
        .map(|found| {
            // What one side lacks the other has more of; that is as bad for a client only one way round.
            let (kind, grade) = match found.kind {
                Kind::Missing => (if is_swapped { Kind::Extra } else { Kind::Missing }, None),
                Kind::Extra => (if is_swapped { Kind::Missing } else { Kind::Extra }, None),
                kind => (kind, Some(found.grade)),
            };
            (kind, found.path.clone(), found.places, grade, found.gap)
        })
        .collect();
    summary.sort();
    summary
}
