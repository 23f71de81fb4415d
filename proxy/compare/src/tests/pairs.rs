//! Any pair of bodies: bytes, JSON, JSON with a few changes, JSON that is broken.

use super::oracle::{Pair, check};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Words that stand in the bodies of both kinds of backend, and that comparing treats each in its own way.
const SCALARS: [&str; 22] = [
    "null",
    "true",
    "0",
    "1",
    "1.0",
    "-0.0",
    "1e300",
    "1e400",
    "0.1",
    "0.10000001",
    "9007199254740993",
    "18446744073709551616",
    "123456789012345678901234567890123456789012345678901234567890",
    "NaN",
    "-Infinity",
    "\"NaN\"",
    "\"1.0\"",
    "\"2026-01-02T03:04:05Z\"",
    "\"2026-01-02 03:04:05.000000\"",
    "\"wf_0a1b\"",
    "\"\\u0000\\u00e9\"",
    "\"\"",
];

/// JSON as text, since a value could hold neither `NaN` nor members that come twice.
fn any_json() -> impl Strategy<Value = String> {
    let scalar = select(SCALARS.to_vec()).prop_map(str::to_owned);
    let name = select(vec!["id", "at", "n", "v", "w", "it's", "77", "\\u0000"]);
    scalar.prop_recursive(4, 40, 5, move |inner| {
        let member =
            (name.clone(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(member, 0..4)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// The same text with a few of its parts replaced by others, so that much is equal and something is not.
fn mutated(text: &str, changes: &[(Index, Index)]) -> String {
    let mut text = text.to_owned();
    for (place, scalar) in changes {
        let present = SCALARS.iter().filter(|word| text.contains(**word)).collect::<Vec<_>>();
        if !present.is_empty() {
            let (from, to): (&&&str, &&str) = (place.get(&present), scalar.get(&SCALARS));
            text = text.replacen(**from, to, 1);
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn of_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&Pair::from_bytes(&bytes));
    }

    #[test]
    fn of_json(old in any_json(), new in any_json(), manner: u8) {
        check(&Pair { old: old.into_bytes(), new: new.into_bytes(), manner });
    }

    #[test]
    fn of_json_with_a_few_changes(
        old in any_json(),
        changes in prop::collection::vec(any::<(Index, Index)>(), 1..4),
        manner: u8,
    ) {
        let new = mutated(&old, &changes);
        check(&Pair { old: old.into_bytes(), new: new.into_bytes(), manner });
    }

    #[test]
    fn of_json_that_is_broken(old in any_json(), at: Index, byte: u8, manner: u8) {
        let mut new = old.clone().into_bytes();
        let at = at.index(new.len());
        new[at] = byte;
        check(&Pair { old: old.into_bytes(), new, manner });
    }
}
