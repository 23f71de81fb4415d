//! The rules, read by a third engine of regular expressions, against the proxy's own matcher.

use std::path::Path;

use proptest::prelude::*;
use regex::Regex;
use routes::{RouteTable, Stage};

use super::path::REFUSED;
use super::rules::{self, Piece, Rule};
use super::{Entrance, Front, Kind, Secure};

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

fn straight(routes: &[(&str, Option<&str>)]) -> RouteTable {
    let routes: Vec<_> = routes
        .iter()
        .map(|(path, new_path)| ((*path).to_owned(), new_path.map(str::to_owned), None))
        .collect();
    table(&routes).unwrap()
}

fn entrance(https: Option<Secure>) -> Entrance {
    Entrance { http: "127.0.0.1:80".parse().unwrap(), https }
}

#[test]
fn what_would_mean_something_to_a_front_is_refused() {
    for new_path in ["/a$b", "/a'b", "/a\"b", "/ü"] {
        let table = straight(&[("/x", Some(new_path))]);
        let refused = Front::straight(&table, &entrance(None), Path::new("/")).map(drop);
        let why = refused.unwrap_err().to_string();
        assert!(why.contains("percent-encode"), "{new_path}: {why}");
    }
}

#[test]
fn each_front_is_told_of_its_own() {
    let entrance = entrance(None);
    let table = straight(&[("/a/{x}/{*rest}", Some("/b/{rest}/{x}"))]);
    let front = Front::straight(&table, &entrance, Path::new("/")).unwrap();
    for kind in Kind::ALL {
        let text = front.write(kind).unwrap();
        assert!(text.contains("# r0: /a/{x}/{*rest}"), "{text}");
        let notes = super::notes(kind, false);
        assert!(notes.len() > super::EVERY_FRONT.len());
        assert!(super::notes(kind, true).len() > notes.len());
    }
    let long = format!("/{}", "long-".repeat(100));
    let table = straight(&[(&long, None)]);
    let front = Front::straight(&table, &entrance, Path::new("/")).unwrap();
    assert!(front.write(Kind::Haproxy).unwrap_err().to_string().contains("line of more than"));
    assert!(front.write(Kind::Envoy).is_ok());
}

/// A table whose one backend is described by these lines.
fn of_backend(name: &str, lines: &str) -> RouteTable {
    let text =
        format!("format = 1\n[backends.\"{name}\"]\n{lines}\n[defaults]\nfallback = \"{name}\"\n");
    RouteTable::parse(Path::new("routes.toml"), &text).unwrap()
}

fn written(table: &RouteTable, kind: Kind) -> Result<String, String> {
    let entrance = entrance(None);
    let front = Front::straight(table, &entrance, Path::new("/srv"));
    front.and_then(|front| front.write(kind)).map_err(|why| why.to_string())
}

#[test]
fn an_address_is_verified_only_by_a_front_that_finds_it_in_certificates() {
    let by_address = "targets = [\"https://127.0.0.1:1\"]\ntls = { ca = \"ca.pem\" }";
    let named = by_address.replace("ca = ", "server_name = \"api.example\", ca = ");
    let unverified = by_address.replace("ca = \"ca.pem\"", "verify = false");
    for kind in [Kind::Nginx, Kind::Haproxy] {
        let why = written(&of_backend("old", by_address), kind).unwrap_err();
        assert!(why.contains("backend old") && why.contains("set `tls.server_name`"), "{why}");
        for lines in [&named, &unverified] {
            written(&of_backend("old", lines), kind).unwrap();
        }
    }
    let text = written(&of_backend("old", by_address), Kind::Envoy).unwrap();
    assert!(text.contains("IP_ADDRESS"), "{text}");
}

#[test]
fn no_backend_is_called_like_a_word_of_the_front_or_like_another() {
    for kind in Kind::ALL {
        let table = of_backend("refused", "targets = [\"http://127.0.0.1:1\"]");
        let text = written(&table, kind).unwrap();
        assert!(text.contains("strangler-refused"), "{text}");
    }
    let both =
        "targets = [\"http://127.0.0.1:1\"]\n[backends.a_b]\ntargets = [\"http://127.0.0.1:2\"]";
    let why = written(&of_backend("a.b", both), Kind::Nginx).unwrap_err();
    assert!(why.contains("both would be called strangler-a_b"), "{why}");
}

#[test]
fn what_the_table_says_stays_between_its_quotes() {
    let lines = "targets = [\"https://a:1\"]\nhealth = \"/it's#1\"\ntls = { ca = \"x.pem\" }";
    let text = written(&of_backend("old", lines), Kind::Haproxy).unwrap();
    assert!(text.contains(r"uri '/it'\''s#1' ver"), "{text}");
    assert!(text.contains("ca-file '/srv/x.pem' verifyhost a"), "{text}");
    let spoiled = lines.replace("x.pem", "x'.pem");
    for kind in Kind::ALL {
        let why = written(&of_backend("old", &spoiled), kind).unwrap_err();
        assert!(why.contains("means something to a front"), "{why}");
    }
}

#[test]
fn with_tls_each_front_offers_both_protocols_by_the_table_s_certificate() {
    let (certificate, key) = (Path::new("/srv/c.pem"), Path::new("/srv/k.pem"));
    let to = Path::new("/etc/front");
    let secure = Secure::new("127.0.0.1:443".parse().unwrap(), certificate, key, to).unwrap();
    let entrance = entrance(Some(secure));
    let table = straight(&[("/a", None)]);
    let front = Front::straight(&table, &entrance, Path::new("/")).unwrap();
    let proxies = [routes::Target { host: "127.0.0.1".to_owned(), port: 1 }];
    let back = Front::to_proxy(&table, &entrance, &proxies);
    for (kind, said) in [
        (Kind::Nginx, "listen 127.0.0.1:443 ssl http2 default_server;"),
        (Kind::Haproxy, "bind 127.0.0.1:443 ssl crt '/etc/front/haproxy.tls.pem' alpn h2,http/1.1"),
        (Kind::Envoy, r#""certificate_chain":{"filename":"/srv/c.pem"}"#),
    ] {
        for text in [front.write(kind).unwrap(), back.write(kind).unwrap()] {
            assert!(text.contains(said), "{text}");
        }
    }
    let at = "127.0.0.1:443".parse().unwrap();
    let refused = Secure::new(at, Path::new("/srv/c'.pem"), key, to).unwrap_err();
    assert!(refused.to_string().contains("`[listen] tls`"), "{refused}");
}
