//! What must hold for every table and every request.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed step is a failed test")]

mod sketch;
mod reference;
mod difference;

use std::path::Path;

use proptest::prelude::*;
use routes::decide::decide;
use routes::edit::{Change, apply};
use routes::{RequestFacts, RouteTable, Stage};

use difference::differing_lines;
use reference::{is_ambiguous, is_unfit, reference};
use sketch::{HEAD, methods, paths, print, sketch};

fn parse(text: &str) -> Result<RouteTable, routes::Problems> {
    RouteTable::parse(Path::new("routes.toml"), text)
}

struct Key<'k>(Option<&'k str>);

impl RequestFacts for Key<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.0.filter(|_| name == "x-api-key").map(str::as_bytes)
    }
    fn client_ip(&self) -> Option<std::net::IpAddr> {
        None
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_is_refused_exactly_when_two_routes_can_not_be_told_apart(
        sketches in prop::collection::vec(sketch(), 0..7)
    ) {
        let ambiguous = (0..sketches.len())
            .any(|two| (0..two).any(|one| is_ambiguous(&sketches[one], &sketches[two])));
        let parsed = parse(&print(&sketches));
        prop_assert_eq!(parsed.is_err(), ambiguous, "{:?}", parsed.err().map(|problems| problems.to_string()));
    }

    #[test]
    fn a_valid_table_has_exactly_one_answer_for_any_request(
        mut sketches in prop::collection::vec(sketch(), 0..12),
        requests in prop::collection::vec((methods(), paths()), 40),
    ) {
        let mut index = 0;
        while index < sketches.len() {
            let clash = (0..index).any(|earlier| is_ambiguous(&sketches[earlier], &sketches[index]));
            if clash { sketches.remove(index); } else { index += 1; }
        }
        let table = parse(&print(&sketches)).unwrap();
        for (method, path) in requests {
            let found = table.match_route(method, &path);
            prop_assert_eq!(&found, &table.match_route(method, &path), "the same answer every time");
            if is_unfit(&path) {
                prop_assert!(found.is_err(), "{} {:?}", method, path);
                continue;
            }
            let expected = reference(&sketches, method, &path);
            let found = found.map(|found| found.map(|found| {
                let count = table.route(found.route).path.parameters().count();
                let texts: Vec<String> =
                    (0..count).map(|index| found.value(index, &path).to_owned()).collect();
                (found.route.index(), texts)
            }));
            let expected = expected.map(|found| found.map(|(index, captured)| {
                let texts: Vec<String> =
                    captured.into_iter().map(|range| path[range].to_owned()).collect();
                (index, texts)
            }));
            prop_assert_eq!(&found, &expected, "{} {:?}", method, path);
            let explanation = table.explain(method, &path);
            let winner = found.ok().flatten().map(|(index, _)| format!("r{index}"));
            prop_assert_eq!(&explanation.winner, &winner);
            let first = explanation.considered.into_iter()
                .find(|route| route.path_matches && route.method_matches)
                .map(|route| route.route);
            prop_assert_eq!(first, winner, "the first that fits in the order told is the winner");
        }
    }

    #[test]
    fn any_text_is_matched_without_panic(method in ".{0,6}", path in any::<String>()) {
        let table = parse(&(HEAD.to_owned() + "[[routes]]\nname = \"r\"\npath = \"/{a}/{*w}\"\n")).unwrap();
        let path = format!("/{path}");
        if let Ok(Some(found)) = table.match_route(&method, &path) {
            prop_assert!(path.ends_with(found.value(1, &path)));
        }
    }

    #[test]
    fn raising_the_percent_never_moves_a_client_back(
        client in prop::option::weighted(0.9, "[a-z0-9]{0,8}"), low in 0.0..=100.0f64, high in 0.0..=100.0f64,
    ) {
        let (low, high) = if low <= high { (low, high) } else { (high, low) };
        let is_on_new_side = |percent: f64| {
            let canary = format!("canary = {{ percent = {percent:?}, sticky = \"header:x-api-key\" }}\n");
            let route = "[[routes]]\nname = \"r\"\npath = \"/\"\nstage = \"canary\"\n";
            let table = parse(&format!("{HEAD}{route}{canary}")).unwrap();
            let decision = decide(&table.routes[0], &Key(client.as_deref()));
            let (old, new) = (table.routes[0].old, table.routes[0].new);
            // Exactly one of the two sides, with what belongs to it.
            if decision.primary == new {
                assert_eq!((decision.failover, decision.mirror), (Some(old), None));
            } else {
                assert_eq!((decision.primary, decision.failover, decision.mirror), (old, None, Some(new)));
            }
            decision.primary == new
        };
        prop_assert!(!is_on_new_side(low) || is_on_new_side(high), "{} to {}", low, high);
        prop_assert!(!is_on_new_side(0.0) && is_on_new_side(100.0));
    }

    #[test]
    fn an_edit_changes_only_the_lines_that_it_must(
        sketches in prop::collection::vec(sketch(), 1..5),
        chosen in any::<prop::sample::Index>(),
        stage in prop::sample::select(Stage::ALL.to_vec()),
        percent in prop::option::of(0..=100u16),
        windows in any::<bool>(),
        numbered in any::<bool>(),
        ended in any::<bool>(),
    ) {
        // Each route gets a place of its own, so that every table here is valid.
        let routes = sketches.iter().enumerate().map(|(name, sketch)| {
            sketch.print(name).replace("path   =   '/", &format!("path   =   '/{name}/")).replace("/'", "'")
        });
        let mut text = HEAD.to_owned() + &routes.collect::<String>();
        if numbered { text = text.replace("format = 1 # one", "format = 1 # one\ngeneration = 41 # forty-one"); }
        if windows { text = text.replace('\n', "\r\n"); }
        if !ended { text.truncate(text.trim_end().len()); }
        let before = parse(&text).unwrap();
        let name = format!("r{}", chosen.index(sketches.len()));
        let percent = percent.map(f64::from);
        let change = Change::SetStage { route: name.clone(), stage, percent };
        let edited = apply(&text, &[change], 42).unwrap();

        let after = parse(&edited).unwrap();
        prop_assert_eq!(after.generation.number, 42);
        for (old, new) in before.routes.iter().zip(&after.routes) {
            let is_changed = old.name == name;
            prop_assert_eq!(new.stage, if is_changed { stage } else { old.stage });
            let expected = percent.filter(|_| is_changed).unwrap_or(old.canary.percent);
            prop_assert_eq!(new.canary.percent.to_bits(), expected.to_bits());
            prop_assert_eq!((&new.name, &new.path, &new.canary.sticky), (&old.name, &old.path, &old.canary.sticky));
        }

        let (gone, come) = differing_lines(&text, &edited);
        let route = before.route_named(&name).unwrap();
        let moved = usize::from(route.stage != stage);
        let shifted = usize::from(percent.is_some());
        prop_assert!(come.len() <= 1 + moved + shifted, "{:?}", come);
        prop_assert!(gone.len() <= come.len(), "{:?} became {:?}", gone, come);
        for line in &come {
            let known = ["generation = 42", "stage = ", "canary", "percent = "];
            prop_assert!(known.iter().any(|start| line.starts_with(start)), "{:?}", line);
        }
        prop_assert_eq!(edited.contains("\r\n"), windows);
        let bare = edited.replace("\r\n", "").contains('\n');
        prop_assert_eq!(bare, !windows, "line ends are not mixed");
        prop_assert_eq!(edited.ends_with('\n'), ended);
        prop_assert_eq!(apply(&edited, &[], 42).unwrap(), edited, "doing it again changes nothing");
    }

    #[test]
    fn damaged_tables_are_told_with_places_that_exist(
        sketches in prop::collection::vec(sketch(), 1..4), at in any::<prop::sample::Index>(),
        length in 0..6usize, junk in "[\\x00-\\x7fü\"'=\\[\\]{}.#\n]{0,4}",
    ) {
        let mut text = print(&sketches);
        let start = at.index(text.len());
        let end = text.len().min(start + length);
        text.replace_range(start..end, &junk);
        drop(apply(&text, &[Change::SetStage { route: "r0".into(), stage: Stage::Shadow, percent: Some(1.0) }], 1));
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.problems.is_empty());
            prop_assert_eq!(problems.lines().count(), problems.problems.len());
            for problem in &problems.problems {
                prop_assert!(text.get(problem.span.clone()).is_some(), "{:?}", problem);
                let (line, _) = problem.line_column(&text);
                prop_assert!(line <= text.split('\n').count());
            }
        }
    }
}
