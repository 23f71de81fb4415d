//! The rules, read by a third engine of regular expressions, against the proxy's own matcher.

use std::path::Path;

use proptest::prelude::*;
use regex::Regex;
use routes::{RouteTable, Stage};

use super::path::REFUSED;
use super::rules::{self, Piece, Rule};
use super::{Front, Kind};

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
enum Went {
    Refused,
    To(usize, String),
}

fn table(routes: &[(String, Option<String>, Option<&str>)]) -> Option<RouteTable> {
    let mut text = "format = 1\n[backends.old]\ntargets = [\"http://127.0.0.1:1\"]\n[backends.new]\ntargets = [\"http://127.0.0.1:2\"]\n\
        [defaults]\nold = \"old\"\nnew = \"new\"\nfallback = \"old\"\n"
        .to_owned();
    for (number, (path, new_path, method)) in routes.iter().enumerate() {
        let new_path = new_path.as_ref().map(|path| format!("new_path = {path:?}\n"));
        let methods = method.map(|method| format!("methods = [\"{method}\"]\n"));
        text.push_str("[[routes]]\n");
        text.extend([format!("name = \"r{number}\"\npath = '{path}'\nstage = \"service\"\n")]);
        text.extend(new_path);
        text.extend(methods);
    }
    RouteTable::parse(Path::new("routes.toml"), &text).ok()
}

/// By the proxy's matcher.
fn wanted(table: &RouteTable, method: &str, path: &str) -> Went {
    let Ok(found) = table.match_route(method, path) else { return Went::Refused };
    let Some(found) = found else { return Went::To(table.fallback.index(), path.to_owned()) };
    let route = table.route(found.route);
    assert_eq!(route.stage, Stage::Service);
    let mut target = String::new();
    match &route.new_path {
        Some(template) => template.fill(path, &found, &mut target),
        None => path.clone_into(&mut target),
    }
    Went::To(route.new.index(), target)
}

/// A rule, its regular expressions compiled.
struct Compiled<'r> {
    rule: &'r Rule,
    clean: Regex,
    ambiguous: Option<Regex>,
    rewrite: Option<(Regex, &'r [Piece])>,
}

fn compiled(rule: &Rule) -> Compiled<'_> {
    let whole = |regex: &str| Regex::new(&format!("^(?:{regex})$")).unwrap();
    Compiled {
        rule,
        clean: whole(&rule.paths.clean),
        ambiguous: rule.paths.ambiguous.as_deref().map(whole),
        rewrite: rule.rewrite.as_ref().map(|rewrite| (whole(&rewrite.from), &rewrite.to[..])),
    }
}

/// By the rules, as each front follows them.
fn found(
    rules: &[Compiled<'_>],
    refused: &[Regex],
    fallback: usize,
    method: &str,
    path: &str,
) -> Went {
    if refused.iter().any(|regex| regex.is_match(path)) {
        return Went::Refused;
    }
    for Compiled { rule, clean, ambiguous, rewrite } in rules {
        if rule.methods.as_ref().is_some_and(|known| !known.iter().any(|known| known == method)) {
            continue;
        }
        if clean.is_match(path) {
            let Some((from, to)) = rewrite else { return Went::To(rule.servers, path.to_owned()) };
            let captured = from.captures(path).unwrap();
            let to = to.iter().map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Group(number) => captured.get(*number).map_or("", |group| group.as_str()),
            });
            return Went::To(rule.servers, to.collect());
        }
        if ambiguous.as_ref().is_some_and(|regex| regex.is_match(path)) {
            return Went::Refused;
        }
    }
    Went::To(fallback, path.to_owned())
}

fn pattern() -> impl Strategy<Value = (String, Vec<&'static str>)> {
    let segment =
        prop::sample::select(vec!["a", "b", "a%20b", "v1.0", "{x}", "{y}", "%C3%BC", "a+b"]);
    (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(mut segments, is_wild)| {
        if is_wild {
            segments.push("{*rest}");
        }
        let names =
            segments.iter().filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        let names = names.map(|name| name.trim_start_matches('*')).collect();
        (format!("/{}", segments.join("/")), names)
    })
}

fn route() -> impl Strategy<Value = (String, Option<String>, Option<&'static str>)> {
    let template = prop::collection::vec(prop::sample::select(vec![0_usize, 1, 2, 9]), 0..4);
    let method = prop::option::of(prop::sample::select(vec!["GET", "POST"]));
    (pattern(), prop::option::of(template), method).prop_map(|((path, names), template, method)| {
        let new_path = template.map(|parts| {
            let part = |part: &usize| {
                names.get(*part).map_or("/n%20".to_owned(), |name| format!("/{{{name}}}"))
            };
            let text: String = parts.iter().map(part).collect();
            if text.is_empty() { "/".to_owned() } else { text }
        });
        (path, new_path, method)
    })
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec![
        "a", "b", "%61", "%62", "a%20b", "v1.0", "v1%2e0", "v1x0", "%C3%bc", "a+b", "a%2Bb", "x",
        "", "", "%2F", "a%2fb", "b%2Fa", "a%2F", "..", "%2e", "...", "%5C", "%00", "%zz", "%",
        "%4", "%25",
    ]);
    prop::collection::vec(segment, 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn the_first_rule_that_fits_is_what_the_proxy_does(
        routes in prop::collection::vec(route(), 1..6),
        paths in prop::collection::vec(path(), 48),
        method in prop::sample::select(vec!["GET", "POST", "PUT"]),
    ) {
        let Some(table) = table(&routes) else { return Ok(()) };
        let rules = rules::of(&table).unwrap();
        let rules: Vec<Compiled<'_>> = rules.iter().map(compiled).collect();
        let refused = REFUSED.map(|(_, regex)| Regex::new(regex).unwrap());
        for path in paths {
            prop_assert_eq!(
                found(&rules, &refused, table.fallback.index(), method, &path),
                wanted(&table, method, &path),
                "{} {} of {:?}", method, path, routes
            );
        }
    }
}

fn straight(routes: &[(&str, Option<&str>)]) -> (RouteTable, std::net::SocketAddr) {
    let routes: Vec<_> = routes
        .iter()
        .map(|(path, new_path)| ((*path).to_owned(), new_path.map(str::to_owned), None))
        .collect();
    (table(&routes).unwrap(), "127.0.0.1:80".parse().unwrap())
}

#[test]
fn what_would_mean_something_to_a_front_is_refused() {
    for new_path in ["/a$b", "/a'b", "/a\"b", "/ü"] {
        let (table, listen) = straight(&[("/x", Some(new_path))]);
        let refused = Front::straight(&table, listen, Path::new("/"));
        let why = refused.unwrap_err().to_string();
        assert!(why.contains("percent-encode"), "{new_path}: {why}");
    }
}

#[test]
fn each_front_is_told_of_its_own() {
    let (table, listen) = straight(&[("/a/{x}/{*rest}", Some("/b/{rest}/{x}"))]);
    let front = Front::straight(&table, listen, Path::new("/")).unwrap();
    for kind in Kind::ALL {
        let text = front.write(kind).unwrap();
        assert!(text.contains("# r0: /a/{x}/{*rest}"), "{text}");
        assert!(super::notes(kind).len() > super::EVERY_FRONT.len());
    }
    let long = format!("/{}", "long-".repeat(100));
    let (table, listen) = straight(&[(&long, None)]);
    let front = Front::straight(&table, listen, Path::new("/")).unwrap();
    assert!(front.write(Kind::Haproxy).unwrap_err().to_string().contains("line of more than"));
    assert!(front.write(Kind::Envoy).is_ok());
}
