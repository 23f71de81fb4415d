//! What must hold for every table and every request, checked against a reference that is too slow and too simple to be wrong.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed step is a failed test")]

use std::ops::Range;
use std::path::Path;

use proptest::prelude::*;
use routes::decide::decide;
use routes::edit::{Change, apply};
use routes::{PathRefusal, RequestFacts, RouteTable, Stage};

/// A route as the strategies make it.
#[derive(Debug, Clone)]
struct Sketch {
    /// Segments as written in the pattern.
    segments: Vec<&'static str>,
    methods: Option<Vec<&'static str>>,
    stage: Option<Stage>,
    percent: Option<u16>,
    sticky: bool,
    /// Which way the canary is written.
    form: u8,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let segment = prop::sample::select(vec!["a", "b", "%61", "a%20", "{p}"]);
    let wildcard = prop::option::weighted(0.4, Just("{*w}"));
    let segments =
        (prop::collection::vec(segment, 0..4), wildcard).prop_map(|(mut all, wildcard)| {
            all.extend(wildcard);
            all
        });
    let methods = prop::option::of(prop::sample::subsequence(vec!["GET", "PUT", "POST"], 1..=3));
    let stage = prop::option::of(prop::sample::select(Stage::ALL.to_vec()));
    (segments, methods, stage, prop::option::of(0..=100u16), any::<bool>(), 0..4u8).prop_map(
        |(segments, methods, stage, percent, sticky, form)| Sketch {
            segments,
            methods,
            stage,
            percent,
            sticky,
            form,
        },
    )
}

impl Sketch {
    /// The pattern, with each parameter named after its place.
    fn pattern(&self) -> String {
        let named = self.segments.iter().enumerate().map(|(place, segment)| match *segment {
            "{p}" => format!("/{{p{place}}}"),
            other => format!("/{other}"),
        });
        let pattern: String = named.collect();
        if pattern.is_empty() { "/".to_owned() } else { pattern }
    }

    /// The route in TOML, in one of the ways that people write it.
    fn print(&self, name: usize) -> String {
        let mut lines = vec!["[[routes]] # a route".to_owned(), format!("name = \"r{name}\"")];
        lines.push(format!("path   =   '{}'", self.pattern()));
        if let Some(methods) = &self.methods {
            lines.push(format!("methods = [\n    \"{}\", # all\n]", methods.join("\",\n    \"")));
        }
        if let Some(stage) = self.stage {
            lines.push(format!("stage = '{stage}' # where it stands"));
        }
        let percent = self.percent.map(|percent| format!("percent = {percent}"));
        let sticky = self.sticky.then(|| "sticky = \"header:x-api-key\"".to_owned());
        let fields: Vec<String> = percent.into_iter().chain(sticky).collect();
        match (self.form, fields.is_empty()) {
            (_, true) => {}
            (0, _) => lines.extend(fields.iter().map(|field| format!("canary.{field}"))),
            (1, _) => lines.push(format!("canary = {{{}}}", fields.join(","))),
            (2, _) => lines.push(format!("canary = {{ {} }} # c", fields.join(", "))),
            _ => {
                lines.push("[routes.canary] # c".to_owned());
                lines.extend(fields);
            }
        }
        lines.join("\n") + "\n\n"
    }
}

const HEAD: &str = "# top\nformat = 1 # one\n\n[backends.m]\ntargets = [\"http://m:1\"]\n[backends.s]\n\
                    targets = [\"http://s:1\"]\n[defaults]\nold = \"m\"\nnew = \"s\"\n\n";

fn print(sketches: &[Sketch]) -> String {
    let routes = sketches.iter().enumerate().map(|(name, sketch)| sketch.print(name));
    HEAD.to_owned() + &routes.collect::<String>()
}

fn parse(text: &str) -> Result<RouteTable, routes::Problems> {
    RouteTable::parse(Path::new("routes.toml"), text)
}

fn paths() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "c", "%61", "%20", "%2F", "%2f", ".", "%2e", "%", "%5C", "\\", "\0", "ü", "/",
        "/", "/", "/a", "/b",
    ]);
    let start = prop::sample::select(vec!["/", "/", "/", "/", ""]);
    (start, prop::collection::vec(piece, 0..7))
        .prop_map(|(start, rest)| start.to_owned() + &rest.concat())
}

fn methods() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["GET", "PUT", "POST", "DELETE", "get", ""])
}

// ── The reference: sort all routes by precedence, take the first that fits ──────────────────────────────────────────

fn decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

/// The ranges between separators, for paths that begin with a slash.
fn split(path: &str, separators: &[&str]) -> Vec<Range<usize>> {
    if path == "/" {
        return Vec::new();
    }
    let mut ranges = Vec::new();
    let (mut start, mut at) = (1, 1);
    while at < path.len() {
        let found = separators.iter().find(|separator| path[at..].starts_with(**separator));
        if let Some(separator) = found {
            ranges.push(start..at);
            at += separator.len();
            start = at;
        } else {
            at += path[at..].chars().next().unwrap().len_utf8();
        }
    }
    ranges.push(start..path.len());
    ranges
}

/// What the parameters captured, if the pattern fits.
fn fits(pattern: &[&str], path: &str, segments: &[Range<usize>]) -> Option<Vec<Range<usize>>> {
    let Some((first, rest)) = pattern.split_first() else {
        return segments.is_empty().then(Vec::new);
    };
    let end = path.len();
    match (*first, segments.split_first()) {
        ("{*w}", None) => Some(Vec::from([Range { start: end, end }])),
        ("{*w}", Some((segment, _))) => Some(Vec::from([Range { start: segment.start, end }])),
        (_, None) => None,
        (_, Some((segment, _))) if segment.is_empty() => None,
        ("{p}", Some((segment, others))) => {
            let mut captured = vec![segment.clone()];
            captured.extend(fits(rest, path, others)?);
            Some(captured)
        }
        (literal, Some((segment, others))) => {
            let same = decoded(literal) == decoded(&path[segment.clone()]);
            if same { fits(rest, path, others) } else { None }
        }
    }
}

fn precedence(sketch: &Sketch) -> (Vec<u8>, bool) {
    let ranks = sketch.segments.iter().map(|segment| match *segment {
        "{p}" => 1,
        "{*w}" => 3,
        _ => 0,
    });
    (ranks.chain([2]).collect(), sketch.methods.is_none())
}

type Found = Option<(usize, Vec<Range<usize>>)>;

fn first_fit(sketches: &[Sketch], method: &str, path: &str, separators: &[&str]) -> Found {
    let segments = split(path, separators);
    let mut order: Vec<usize> = (0..sketches.len()).collect();
    order.sort_by_key(|index| precedence(&sketches[*index]));
    order.into_iter().find_map(|index| {
        let sketch = &sketches[index];
        let accepts = sketch.methods.as_ref().is_none_or(|methods| methods.contains(&method));
        let captured = fits(&sketch.segments, path, &segments)?;
        accepts.then_some((index, captured))
    })
}

fn reference(sketches: &[Sketch], method: &str, path: &str) -> Result<Found, PathRefusal> {
    if !path.starts_with('/') {
        return Err(PathRefusal::NotAbsolute);
    }
    let plain = first_fit(sketches, method, path, &["/"]);
    if plain != first_fit(sketches, method, path, &["/", "%2F", "%2f"]) {
        return Err(PathRefusal::AmbiguousSlash);
    }
    Ok(plain)
}

/// Whether the path has anything that is refused whatever the routes are.
fn is_unfit(path: &str) -> bool {
    let text = decoded(path);
    let bad_escape = path.match_indices('%').any(|(at, _)| {
        let digits = path.get(at + 1..at + 3);
        !digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    });
    let dots = text.split(|byte| *byte == b'/').any(|segment| segment == b"." || segment == b"..");
    bad_escape || dots || text.contains(&b'\\') || text.contains(&0)
}

fn same_shape(one: &Sketch, two: &Sketch) -> bool {
    one.segments
        .iter()
        .map(|segment| decoded(segment))
        .eq(two.segments.iter().map(|segment| decoded(segment)))
}

fn is_ambiguous(one: &Sketch, two: &Sketch) -> bool {
    let overlap = match (&one.methods, &two.methods) {
        (None, None) => true,
        (Some(one), Some(two)) => one.iter().any(|method| two.contains(method)),
        _ => false,
    };
    overlap && same_shape(one, two)
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

/// The lines left over on both sides once the longest equal start and end of each gap are taken away: a plain
/// longest-common-subsequence difference.
fn differing_lines<'t>(before: &'t str, after: &'t str) -> (Vec<&'t str>, Vec<&'t str>) {
    let before: Vec<&str> = before.lines().collect();
    let after: Vec<&str> = after.lines().collect();
    let mut common = vec![vec![0usize; after.len() + 1]; before.len() + 1];
    for i in (0..before.len()).rev() {
        for j in (0..after.len()).rev() {
            common[i][j] = if before[i] == after[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == after.len() || i < before.len() && common[i + 1][j] >= common[i][j + 1] {
            gone.push(before[i]);
            i += 1;
        } else {
            come.push(after[j]);
            j += 1;
        }
    }
    (gone, come)
}
