//! What holds for any two answers.

use proptest::prelude::*;
use routes::admin::DifferenceKind as Kind;
use routes::compare::CompareRules;
use serde_json::{Value, json};

use super::super::*;
use super::{bodies, found, jsons, path};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        prop::sample::select(vec![0.5, 1.0, 1.000_000_1, 1e300]).prop_map(Value::from),
        prop::sample::select(vec!["", "a", "b", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05"])
            .prop_map(Value::from),
    ];
    let name = prop::sample::select(vec!["id", "at", "v", "w", "it's", "77"]);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

fn any_rules() -> impl Strategy<Value = CompareRules> {
    (any::<bool>(), any::<bool>(), prop::sample::select(vec!["none", "", "id"]), any::<bool>())
        .prop_map(|(ignores, times, key, tolerates)| CompareRules {
            ignore: if ignores { vec![path("$..w")] } else { vec![] },
            timestamp: if times { vec![path("$..at"), path("$[*]")] } else { vec![] },
            unordered: if key == "none" {
                vec![]
            } else {
                vec![(path("$"), key.into()), (path("$..v"), key.into())]
            },
            tolerance: if tolerates { 1e-6 } else { 0.0 },
            headers: vec![],
            ..CompareRules::default()
        })
}

/// What was found, so that two searches can be compared: sorted, examples aside.
fn summary(found: &Comparison, swap: bool) -> Vec<(Kind, String, u64)> {
    let mut summary: Vec<_> = found
        .differences
        .iter()
        .map(|found| {
            let kind = match found.kind {
                Kind::Missing if swap => Kind::Extra,
                Kind::Extra if swap => Kind::Missing,
                kind => kind,
            };
            (kind, found.path.clone(), found.places)
        })
        .collect();
    summary.sort();
    summary
}

/// Equality as the module documents it, written down a second time.
fn same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Number(old), Value::Number(new)) => {
            old.as_f64() == new.as_f64() && old.is_f64() == new.is_f64()
        }
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(old, new))
        }
        (Value::Object(old), Value::Object(new)) => {
            old.len() == new.len()
                && old.iter().all(|(name, old)| new.get(name).is_some_and(|new| same(old, new)))
        }
        _ => old == new,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_document_equals_itself_however_it_is_written(value in any_json(), rules in any_rules()) {
        let (compact, pretty) = (value.to_string(), serde_json::to_string_pretty(&value).unwrap());
        let found = bodies("application/json", compact.as_bytes(), pretty.as_bytes(), &rules);
        prop_assert!(found.is_match() && found.rule_hits.is_empty(), "{:?}", found);
    }

    #[test]
    fn comparing_is_symmetric(old in any_json(), new in any_json(), rules in any_rules()) {
        let (old, new) = (old.to_string(), new.to_string());
        let there = bodies("application/json", old.as_bytes(), new.as_bytes(), &rules);
        let back = bodies("application/json", new.as_bytes(), old.as_bytes(), &rules);
        prop_assert_eq!(summary(&there, false), summary(&back, true));
    }

    #[test]
    fn without_rules_only_equal_documents_match(old in any_json(), new in any_json()) {
        let is_match = jsons(&old, &new, &CompareRules::default()).is_empty();
        prop_assert_eq!(is_match, same(&old, &new));
    }

    #[test]
    fn a_planted_difference_is_found(value in any_json(), rules in any_rules()) {
        let old = json!({"before": value, "planted": 1});
        let new = json!({"planted": 2, "before": value});
        prop_assert_eq!(jsons(&old, &new, &rules), found(Kind::Value, "$.planted"));
    }

    #[test]
    fn texts_compare_symmetrically(old in "([ab]\n){0,12}", new in "([ab]\n){0,12}") {
        let there = bodies("text/plain", old.as_bytes(), new.as_bytes(), &CompareRules::default());
        let back = bodies("text/plain", new.as_bytes(), old.as_bytes(), &CompareRules::default());
        prop_assert_eq!(there.is_match(), old == new);
        prop_assert_eq!(summary(&there, false), summary(&back, true));
    }

    #[test]
    fn no_bytes_panic(
        content_type in prop::sample::select(vec!["application/json", "text/plain", "image/png", ""]),
        old in prop::collection::vec(any::<u8>(), 0..60),
        new in prop::collection::vec(any::<u8>(), 0..60),
        rules in any_rules(),
    ) {
        let there = bodies(content_type, &old, &new, &rules);
        let parse = json::Document::parse;
        let may_match = old == new || (parse(&old).is_ok() && parse(&new).is_ok());
        prop_assert!(may_match || !there.is_match());
        prop_assert!(there.is_match() || old != new);
    }
}
