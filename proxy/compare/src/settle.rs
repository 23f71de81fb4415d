//! Tells noise from mismatch: what the old backend shows against itself explains what the new one shows against it.

use routes::admin::DifferenceKind as Kind;

use super::difference::{Comparison, Difference};

impl Comparison {
    /// Moves from `differences` to `noise` what `control` explains: the same old answer against the old backend's answer
    /// to the control request.
    ///
    /// A difference in control explains those at its own path and below; a status that changed explains any. Something
    /// added, removed or retyped, and another status, are explained only by the very same kind at the very same path:
    /// that a value moves says nothing about a field that is gone.
    pub fn settle(&mut self, control: &Self) {
        if control.differences.is_empty() {
            return;
        }
        let is_noise =
            |found: &mut Difference| control.differences.iter().any(|moved| explains(moved, found));
        self.noise.extend(self.differences.extract_if(.., is_noise));
    }
}

fn explains(moved: &Difference, found: &Difference) -> bool {
    match found.kind {
        Kind::Value | Kind::Order | Kind::Length | Kind::Header => covers(&moved.path, &found.path),
        Kind::Status | Kind::Missing | Kind::Extra | Kind::Type | Kind::Pairing | Kind::Row => {
            moved.kind == found.kind && moved.path == found.path
        }
    }
}

/// Whether a general path is another one or stands above it.
fn covers(above: &str, path: &str) -> bool {
    match above {
        // Answers with different statuses speak of different things, bodies that are no JSON have no inside.
        "status" => true,
        "body" if path.starts_with('$') || path == "body lines" => true,
        _ => path.strip_prefix(above).is_some_and(|rest| {
            rest.is_empty() || (above.starts_with('$') && rest.starts_with(['.', '[']))
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use routes::admin::Grade;

    use super::*;

    fn difference(kind: Kind, path: &str) -> Difference {
        Difference {
            kind,
            path: path.to_owned(),
            at: path.to_owned(),
            places: 1,
            old: "1".to_owned(),
            new: "2".to_owned(),
            grade: Grade::Value,
            gap: None,
        }
    }

    fn comparison(found: &[(Kind, &str)]) -> Comparison {
        let differences = found.iter().map(|(kind, path)| difference(*kind, path)).collect();
        Comparison { differences, ..Comparison::default() }
    }

    fn is_settled(found: (Kind, &str), control: (Kind, &str)) -> bool {
        let mut settled = comparison(&[found]);
        settled.settle(&comparison(&[control]));
        assert_eq!(settled.differences.len() + settled.noise.len(), 1);
        settled.differences.is_empty()
    }

    #[test]
    fn a_value_is_explained_at_its_path_or_above() {
        for (path, control, explained) in [
            ("$.at", (Kind::Value, "$.at"), true),
            ("$.items[*].n", (Kind::Length, "$.items"), true),
            ("$.items[*].n", (Kind::Order, "$"), true),
            ("$.items", (Kind::Value, "$.items[*].n"), false),
            ("$.items2", (Kind::Length, "$.items"), false),
            ("$.a", (Kind::Value, "$.b"), false),
            ("$.a", (Kind::Missing, "$.a"), true),
            ("$.a", (Kind::Status, "status"), true),
            ("$.a", (Kind::Type, "body"), true),
            ("$.a", (Kind::Header, "etag"), false),
        ] {
            assert_eq!(is_settled((Kind::Value, path), control), explained, "{path} {control:?}");
        }
        assert!(is_settled((Kind::Header, "etag"), (Kind::Header, "etag")));
        assert!(!is_settled((Kind::Header, "etag2"), (Kind::Header, "etag")));
    }

    #[test]
    fn what_is_added_removed_or_retyped_needs_the_very_same_in_control() {
        for kind in [Kind::Missing, Kind::Extra, Kind::Type, Kind::Status] {
            assert!(is_settled((kind, "$.a"), (kind, "$.a")), "{kind:?}");
            for control in [(Kind::Value, "$.a"), (Kind::Length, "$"), (kind, "$")] {
                assert!(!is_settled((kind, "$.a"), control), "{kind:?} {control:?}");
            }
        }
        assert!(!is_settled((Kind::Missing, "$.a"), (Kind::Extra, "$.a")));
        assert!(!is_settled((Kind::Missing, "$.a"), (Kind::Status, "status")));
    }

    fn any_comparison() -> impl Strategy<Value = Comparison> {
        let kind = prop::sample::select(vec![
            Kind::Status,
            Kind::Header,
            Kind::Missing,
            Kind::Extra,
            Kind::Type,
            Kind::Value,
            Kind::Order,
            Kind::Length,
        ]);
        let path = prop::sample::select(vec![
            "$", "$.a", "$.a[*]", "$.a[*].b", "$.ab", "body", "status", "etag",
        ]);
        prop::collection::vec((kind, path), 0..6).prop_map(|found| comparison(&found))
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_once_is_enough(found in any_comparison(), control in any_comparison()) {
            let mut settled = found.clone();
            settled.settle(&control);
            let key = |found: &Difference| (found.kind, found.path.clone());
            let mut before: Vec<_> = found.differences.iter().map(key).collect();
            let mut after: Vec<_> =
                settled.differences.iter().chain(&settled.noise).map(key).collect();
            before.sort();
            after.sort();
            prop_assert_eq!(before, after);
            let mut twice = settled.clone();
            twice.settle(&control);
            prop_assert_eq!(twice, settled);
        }

        #[test]
        fn a_quiet_backend_explains_nothing_and_the_same_noise_all(found in any_comparison()) {
            let mut quiet = found.clone();
            quiet.settle(&Comparison::default());
            prop_assert_eq!(&quiet, &found);
            let mut same = found.clone();
            same.settle(&found);
            prop_assert_eq!(same.differences, vec![]);
        }

        #[test]
        fn more_noise_never_explains_less(
            found in any_comparison(), control in any_comparison(), other in any_comparison(),
        ) {
            let mut more = control.clone();
            more.differences.extend(other.differences);
            let (mut once, mut again) = (found.clone(), found);
            once.settle(&control);
            again.settle(&more);
            prop_assert!(again.differences.iter().all(|left| once.differences.contains(left)));
        }

        #[test]
        fn gone_fields_stay_unless_they_come_and_go(found in any_comparison(), control in any_comparison()) {
            let mut settled = found;
            settled.settle(&control);
            for noise in &settled.noise {
                if matches!(noise.kind, Kind::Status | Kind::Missing | Kind::Extra | Kind::Type) {
                    prop_assert!(control.differences.iter()
                        .any(|moved| (moved.kind, &moved.path) == (noise.kind, &noise.path)));
                }
            }
        }
    }
}
