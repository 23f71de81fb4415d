//! Bad tables, and what their authors are told: the place, the offending text, and what to write instead.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::path::Path;

use insta::assert_snapshot;
use miette::{GraphicalReportHandler, GraphicalTheme};
use routes::RouteTable;

/// What every table here begins with; 10 lines.
const BASE: &str = r#"format = 1
[backends.monolith]
targets = ["http://127.0.0.1:8011"]
[backends.agent-service]
targets = ["http://127.0.0.1:8012"]
[defaults]
old = "monolith"
new = "agent-service"

# routes
"#;

fn report(text: &str) -> String {
    let problems = RouteTable::parse(Path::new("routes.toml"), text).unwrap_err();
    assert!(problems.problems.iter().all(|problem| text.get(problem.span.clone()).is_some()));
    problems.to_string()
}

fn with(routes: &str) -> String {
    report(&format!("{BASE}{routes}"))
}

#[test]
fn the_base_is_good() {
    assert!(RouteTable::parse(Path::new("routes.toml"), BASE).is_ok());
}

#[test]
fn unknown_keys_are_all_told_with_the_nearest_known_one() {
    assert_snapshot!(with(r#"
[[routes]]
name = "x"
path = "/x"
stages = "shadow"
canary = { percentage = 10 }
compare.ignored = ["$.id"]
mirror.sampel = 0.5
colour = "blue"
[limits]
max_body = 10
[lisen]
"#), @"
    routes.toml:15:1: unknown key `stages` in a route; did you mean `stage`?
    routes.toml:16:12: unknown key `percentage` in `canary`; did you mean `percent`?
    routes.toml:17:9: unknown key `ignored` in `compare`; did you mean `ignore`?
    routes.toml:18:8: unknown key `sampel` in `mirror`; did you mean `sample`?
    routes.toml:19:1: unknown key `colour` in a route; known are `name`, `path`, `methods`, `old_path`, `new_path`, `stage`, `old`, `new`, `mirror`, `verify`, `gate`, `guard`, `canary` and `compare`
    routes.toml:21:1: unknown key `max_body` in [limits]; did you mean `max_body_bytes`?
    routes.toml:22:2: unknown key `lisen` at the top level; did you mean `listen`?
    ");
}

#[test]
fn unknown_names_are_told_with_the_nearest_known_one() {
    assert_snapshot!(with(r#"
[[routes]]
name = "x"
path = "/x"
stage = "shadwo"
methods = ["get", "PSOT", "GET", "GET", "BREW"]
old = "monolit"
new = "nowhere"
canary.sticky = "heder:x-api-key"
[[routes]]
name = "y"
path = "/y"
canary.sticky = "cookie"
"#), @r#"
    routes.toml:15:9: `shadwo` is no stage; did you mean `shadow`?
    routes.toml:16:12: unknown method `get`; did you mean `GET`?
    routes.toml:16:19: unknown method `PSOT`; did you mean `POST`?
    routes.toml:16:34: method `GET` stands twice; remove one of them
    routes.toml:16:41: unknown method `BREW`; known are `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, `TRACE` and `CONNECT`
    routes.toml:17:7: unknown backend `monolit`; did you mean `monolith`?
    routes.toml:18:7: unknown backend `nowhere`; known are `monolith` and `agent-service`; add `[backends.nowhere]`
    routes.toml:19:17: `heder:x-api-key` tells no clients apart; did you mean `header:x-api-key`?
    routes.toml:23:17: `cookie` names no cookie; write `cookie:NAME`
    "#);
}

#[test]
fn values_of_the_wrong_kind_are_told() {
    assert_snapshot!(report(r#"format = "1"
generation = -1
[listen]
http = "localhost:8080"
admin = 8081
[backends.monolith]
targets = "http://127.0.0.1:8011"
health = "health"
connect_timeout = "1 second"
response_timeout = 30
health_interval = "0s"
[defaults]
old = "monolith"
mirror = 0.5
[limits]
max_in_flight = 0
[[routes]]
name = ["x"]
path = "/x"
mirror.sample = 1.5
canary = { percent = 101, sticky = "client-ip" }
compare.tolerance = nan
compare.unordered = { "$" = 1 }
compare.headers = ["a b"]
"#), @r#"
    routes.toml:1:10: `format` is a text, not a whole number; write it without quotes: `format = 1`
    routes.toml:2:14: `generation` is out of range; write a whole number, 0 or more
    routes.toml:4:8: `localhost:8080` is no address to listen on; write an IP address and a port: `127.0.0.1:8080` or `[::1]:8080`
    routes.toml:5:9: `admin` is an integer, not a text; write `admin = "127.0.0.1:8081"`
    routes.toml:7:11: `targets` is a text, not a list; write `targets = ["http://127.0.0.1:8011"]`
    routes.toml:8:10: `health` is no path; write a path such as `/health`
    routes.toml:9:19: `1 second` is no duration; write a whole number with its unit: `250ms`, `10s`, `2m`, `1h`
    routes.toml:10:20: `response_timeout` is an integer, not a text; write `response_timeout = "10s"`
    routes.toml:11:19: `health_interval` of nothing would never succeed; write a whole number with its unit: `250ms`, `10s`, `2m`, `1h`
    routes.toml:14:10: `mirror` is a float, not a table; give its keys in a table of their own, or as `{ key = value }`
    routes.toml:16:17: `max_in_flight` is out of range; write a whole number from 1 to 4294967295
    routes.toml:17:1: the route has no `new` backend; write `new = "…"` here or under `[defaults]`
    routes.toml:18:8: `name` is an array, not a text; write `name = "workflows"`
    routes.toml:20:17: `sample` is out of range; write a number from 0 to 1
    routes.toml:21:22: `percent` is out of range; write a number from 0 to 100
    routes.toml:22:21: `tolerance` is out of range; write a number from 0 to 1
    routes.toml:23:29: `$` is an integer, not a text; write `{ "$.items" = "id" }`, the array and the field that is its key
    routes.toml:24:20: `a b` is no name of a header; write a name such as `cache-control`
    "#);
}

#[test]
fn targets_need_scheme_and_port() {
    assert_snapshot!(report(r#"format = 1
[proxies]
admin = ["127.0.0.1:8081"]
[backends.monolith]
targets = ["127.0.0.1:8011", "http://localhost", "https://localhost:1", "http://a:1", "http://a:1"]
[backends."agent service"]
targets = []
[backends.empty]
[defaults]
old = "monolith"
"#), @r#"
    routes.toml:3:10: `127.0.0.1:8081` has no scheme; write `http://127.0.0.1:8081`
    routes.toml:5:12: `127.0.0.1:8011` has no scheme; write `http://127.0.0.1:8011`
    routes.toml:5:30: `http://localhost` has no port; write `http://localhost:8011`
    routes.toml:5:73: some targets have TLS and some have not; write `https://` for all of them, or make two backends
    routes.toml:5:87: some targets have TLS and some have not; write `https://` for all of them, or make two backends
    routes.toml:6:11: `agent service` is no name for a backend; use up to 64 letters, digits, `.`, `_` and `-`, and no `-` first
    routes.toml:6:11: backend `agent service` has no targets; write `targets = ["http://127.0.0.1:8011"]`
    routes.toml:8:11: backend `empty` has no targets; write `targets = ["http://127.0.0.1:8011"]`
    "#);
}

#[test]
fn paths_and_templates_are_checked_to_the_segment() {
    assert_snapshot!(with(r#"
[[routes]]
name = "a"
path = "api/v1"
[[routes]]
name = "b"
path = "/a/{*rest}/b"
[[routes]]
name = "c"
path = "/a/../b"
[[routes]]
name = "d"
path = "/d/{id}"
old_path = "/old/{ident}"
new_path = "/new/{id"
[[routes]]
name = "e"
path = "/a/{a}{b}"
[[routes]]
name = "f"
path = "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}"
[[routes]]
name = "g"
path = '/a\b'
[[routes]]
name = "h"
path = "/\u0061/{x}/{x}"
"#), @r#"
    routes.toml:14:9: the path does not start with a slash; write `/api/v1`
    routes.toml:17:20: something follows the wildcard `{*rest}`; end the path with `{*rest}`, or make it the parameter `{rest}`
    routes.toml:20:12: `..` is a dot segment; write the path that it stands for
    routes.toml:24:18: the route's path has no parameter `ident`; it has `{id}`
    routes.toml:25:18: `{id` mixes text and braces; a parameter fills a whole segment: `/{id}/`; a brace itself is written `%7B` or `%7D`
    routes.toml:28:12: `a}{b` is no name for a parameter; use letters, digits and `_`, and a letter or `_` first: `{workflow_id}`
    routes.toml:31:9: more than 16 parameters or 64 segments; end the path earlier with a wildcard such as `{*rest}`
    routes.toml:34:10: `a\b` can never match; requests with an encoded slash, a backslash or NUL here are answered with 400
    routes.toml:37:8: the parameter `x` stands twice; give the second one another name, such as `x2`
    "#);
}

#[test]
fn json_paths_are_checked() {
    assert_snapshot!(with(r#"
[[routes]]
name = "a"
path = "/a"
compare.ignore = ["id", "$.a[", "$.ok"]
compare.unordered = { "items" = "id" }
"#), @r#"
    routes.toml:15:20: `id` is no JSON path; start at the root: `$.id`
    routes.toml:15:28: `$.a[` is no JSON path; write a path such as `$.id`, `$[*].id` or `$..created_at`
    routes.toml:16:24: `items` is no JSON path; start at the root: `$.items`
    "#);
}

#[test]
fn routes_that_can_not_be_told_apart_are_named_with_their_lines() {
    assert_snapshot!(with(r#"
[[routes]]
name = "one"
path = "/a/{id}"
methods = ["GET", "PUT", "POST"]
[[routes]]
name = "other"
path = "/%61/{key}"
methods = ["POST", "PUT"]
[[routes]]
name = "every"
path = "/a/{x}"
[[routes]]
name = "every"
path = "/a/{y}"
[[routes]]
name = "apart"
path = "/a/{y}/{*z}"
"#), @r#"
    routes.toml:18:8: routes `one` (line 14) and `other` (line 18) can't be told apart for `POST` and `PUT`; change the path of one, or give each its own `methods`
    routes.toml:24:8: two routes are named `every` (the other in line 21); give one of them another name
    routes.toml:25:8: routes `every` (line 22) and `every` (line 25) can't be told apart for any method; change the path of one, or give each its own `methods`
    "#);
}

#[test]
fn what_is_missing_is_told() {
    assert_snapshot!(report("[[routes]]\n[[routes]]\nname = \"x\"\npath = \"/x\"\nnew = \"y\"\n"), @r#"
    routes.toml:1:1: the file does not say its format; write `format = 1` in its first line
    routes.toml:1:1: nothing says where a path goes that no route names; write `fallback = "monolith"` under `[defaults]`
    routes.toml:1:1: the route has no `name`; write `name = "workflows"`
    routes.toml:1:1: the route has no `path`; write `path = "/api/v1/agent/workflows/{*rest}"`
    routes.toml:1:1: the route has no `old` backend; write `old = "…"` here or under `[defaults]`
    routes.toml:1:1: the route has no `new` backend; write `new = "…"` here or under `[defaults]`
    routes.toml:2:1: the route has no `old` backend; write `old = "…"` here or under `[defaults]`
    routes.toml:5:7: unknown backend `y`; known are none; add `[backends.y]`
    "#);
    assert_snapshot!(report(""), @r#"
    routes.toml:1:1: the file does not say its format; write `format = 1` in its first line
    routes.toml:1:1: nothing says where a path goes that no route names; write `fallback = "monolith"` under `[defaults]`
    "#);
    assert_snapshot!(report("format = 2"), @r#"
    routes.toml:1:1: nothing says where a path goes that no route names; write `fallback = "monolith"` under `[defaults]`
    routes.toml:1:10: format 2 is not known to this version; write `format = 1`, or update
    "#);
}

#[test]
fn clients_are_never_answered_from_a_clone() {
    assert_snapshot!(with(r#"
[backends.twin]
targets = ["http://127.0.0.1:8013"]
mirror_writes = "twin"
[[routes]]
name = "a"
path = "/a"
new = "twin"
stage = "shadow"
[[routes]]
name = "b"
path = "/b"
new = "twin"
stage = "canary"
"#), @r#"routes.toml:22:8: the route is at stage canary, but `twin` is a twin: it writes to a clone; start that backend on the shared database and remove `mirror_writes = "twin"`, or take the route back to `shadow`"#);
}

#[test]
fn what_evidence_gate_guard_and_mirroring_take_is_bounded() {
    assert_snapshot!(with(r#"
[evidence]
url = "mysql://localhost/x"
max_bytes = 10
retention = "forever"
mask = ["email"]
[admin]
allow_flips = "yes"
[backends.twin]
targets = ["http://127.0.0.1:8013"]
mirror_writes = "dryrun"
twin = { shared = "sqlite://a.db", clone = "sqlite://a.db" }
[backends.half]
targets = ["http://127.0.0.1:8014"]
mirror_writes = "twin"
twin = { shared = "sqlite://a.db" }
[backends.same]
targets = ["http://127.0.0.1:8015"]
mirror_writes = "twin"
twin = { shared = "sqlite://a.db", clone = "sqlite://a.db" }
[backends.postgres]
targets = ["http://127.0.0.1:8016"]
mirror_writes = "twin"
twin = { shared = "postgres://a/b?sslmode=verify-full", clone = "postgres://a/c" }
[backends.mixed]
targets = ["http://127.0.0.1:8017"]
mirror_writes = "twin"
twin = { shared = "postgres://a/b?sslmode=prefer", clone = "sqlite://c.db" }
[[routes]]
name = "a"
path = "/a"
verify = 2
gate = { min_samples = 0, min_match = 1.0, max_latency_ratio = 0, minsamples = 1 }
guard = { window = "1ms", min_requests = 0, max_error_rate = 2, webhook = "https://x", enabled = 1 }
mirror = { control = -1, rate = 0, rehearse = 1.5, before_budget = "0ms" }
compare.allow = ["integer-flaot", "moon"]
compare.identifier = ["id"]
"#), @r#"
    routes.toml:13:7: `mysql://localhost/x` is no URL of a database; write `sqlite://PATH` or `postgres://USER@HOST/NAME`
    routes.toml:14:13: `max_bytes` is out of range; write a whole number, 1048576 or more
    routes.toml:15:13: `forever` is no duration; write a whole number with its unit: `250ms`, `10s`, `2m`, `1h`
    routes.toml:16:10: `email` is no JSON path; start at the root: `$.email`
    routes.toml:18:15: `allow_flips` is a text, not true or false; write `allow_flips = true`
    routes.toml:21:17: `dryrun` is no way to mirror writes; did you mean `dry-run`?
    routes.toml:22:1: `twin` names databases, but writes are not mirrored to a twin; write `mirror_writes = "twin"`, or remove `twin`
    routes.toml:26:1: `twin` has no `clone` database; name the database of this backend
    routes.toml:30:1: the twin's `shared` and `clone` database are the same; make a clone with `migrate db clone`, and name it as `clone`
    routes.toml:34:19: `sslmode=verify-full` asks for TLS; the proxy speaks to PostgreSQL without TLS: use a socket, a private network or a TLS tunnel on this machine, and leave `sslmode` out
    routes.toml:38:1: the twin's `shared` and `clone` database are not of the same kind; name two `sqlite://` files or two `postgres://` databases
    routes.toml:42:10: `verify` is out of range; write a number from 0 to 1
    routes.toml:43:24: `min_samples` is out of range; write a whole number from 1 to 1099511627776
    routes.toml:43:39: `min_match` is out of range; write a number from 0 to 0.999999
    routes.toml:43:64: `max_latency_ratio` is out of range; write a number from 0.01 to 1000000
    routes.toml:43:67: unknown key `minsamples` in `gate`; did you mean `min_samples`?
    routes.toml:44:20: `1ms` is no window; write a duration from `1s` to `10m`
    routes.toml:44:42: `min_requests` is out of range; write a whole number from 1 to 1099511627776
    routes.toml:44:62: `max_error_rate` is out of range; write a number from 0 to 1
    routes.toml:44:75: `https://x` is no address to post to; write a URL such as `http://127.0.0.1:9000/alert`; for TLS, post to a relay on this machine
    routes.toml:44:98: `enabled` is an integer, not true or false; write `enabled = true`
    routes.toml:45:22: `control` is out of range; write a number from 0 to 1
    routes.toml:45:33: `rate` is out of range; write a number from 0.001 to 1000000
    routes.toml:45:47: `rehearse` is out of range; write a number from 0 to 1
    routes.toml:45:68: `before_budget` of nothing would never succeed; write a whole number with its unit: `250ms`, `10s`, `2m`, `1h`
    routes.toml:46:18: `integer-flaot` is no known gap; did you mean `integer-float`?
    routes.toml:46:35: `moon` is no known gap; known are `integer-float`, `decimal-text`, `large-integer`, `not-a-number`, `time-zone`, `microseconds`, `null-missing`, `escapes`, `key-order`, `error-body`, `trailing-slash`, `head-options` and `not-found-method`
    routes.toml:47:24: `id` is no JSON path; start at the root: `$.id`
    "#);
}

#[test]
fn one_backend_on_both_sides_moves_nothing() {
    assert_snapshot!(with("[[routes]]\nname = \"x\"\npath = \"/x\"\nnew = \"monolith\"\n"), @r#"routes.toml:11:1: the route's `old` and `new` backend are the same; name the backend that the route moves to as `new`"#);
}

#[test]
fn syntax_errors_have_their_place_and_a_hint() {
    assert_snapshot!(with("[[routes]]\nname = \"x\nstage = \"shadow\"\n"), @r#"routes.toml:12:10: not TOML: invalid basic string, expected `"`; close the quotes"#);
    assert_snapshot!(with("[[routes]]\nstage = shadow # soon\n"), @r#"routes.toml:12:9: not TOML: string values must be quoted, expected literal string; a text stands in quotes: `stage = "shadow"`"#);
    assert_snapshot!(with("[[routes]]\npath =\n"), @r#"routes.toml:12:7: not TOML: string values must be quoted, expected literal string; write a value after `path =`"#);
    assert_snapshot!(with("[[routes]\nname = \"x\"\n"), @r#"routes.toml:11:10: not TOML: unclosed array table, expected `]`"#);
    assert_snapshot!(with("[[routes]]\nname = \"x\"\nname = \"y\"\n"), @r#"routes.toml:13:1: not TOML: duplicate key; remove one of the two"#);
    assert_snapshot!(with("[[routes]]\ncompare.ignore = [\"$.id\"\nname = 1\n"), @r#"routes.toml:13:1: not TOML: missing comma between array elements, expected `,`"#);
    assert_snapshot!(with("[defaults]\n"), @r#"routes.toml:11:2: not TOML: duplicate key; remove one of the two"#);
    assert_snapshot!(report("\u{0}"), @r#"routes.toml:1:1: not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`"#);
}

#[test]
fn the_graphical_report_shows_both_places() {
    let text = format!(
        "{BASE}[[routes]]\nname = \"a\"\npath = \"/a\"\n\n\n\n\n[[routes]]\nname = \"b\"\npath = \"/a\"\n"
    );
    let problems = RouteTable::parse(Path::new("routes.toml"), &text).unwrap_err();
    let mut report = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    let first = miette::Report::new(problems.problems[0].clone()).with_source_code(problems);
    handler.with_width(100).render_report(&mut report, first.as_ref()).unwrap();
    assert_snapshot!(report.trim_end(), @r#"
      × routes `a` (line 13) and `b` (line 20) can't be told apart for any method
        ╭─[routes.toml:20:8]
     12 │ name = "a"
     13 │ path = "/a"
        ·        ──┬─
        ·          ╰── names the same requests
     14 │ 
     15 │ 
     16 │ 
     17 │ 
     18 │ [[routes]]
     19 │ name = "b"
     20 │ path = "/a"
        ·        ────
        ╰────
      help: change the path of one, or give each its own `methods`
    "#);
}

#[test]
fn a_wrong_default_is_told_once_where_it_stands() {
    let routes =
        "[[routes]]\nname = \"x\"\npath = \"/x\"\n[[routes]]\nname = \"y\"\npath = \"/y\"\n";
    let text = format!("{BASE}{routes}")
        .replace("new = \"agent-service\"", "new = \"agent\"\nfallback = \"monolith\"")
        .replace("old = \"monolith\"", "old = \"minolith\"");
    assert_snapshot!(report(&text), @r#"
    routes.toml:7:7: unknown backend `minolith`; did you mean `monolith`?
    routes.toml:8:7: unknown backend `agent`; did you mean `agent-service`?
    "#);
}

#[test]
fn of_very_many_problems_the_first_are_told_and_the_rest_counted() {
    let routes = "[[routes]]\nname = \"x\"\npath = \"/x\"\n".repeat(20_000);
    let problems =
        RouteTable::parse(Path::new("routes.toml"), &format!("{BASE}{routes}")).unwrap_err();
    assert_eq!(problems.problems.len(), 101);
    let last = problems.lines().last().unwrap();
    assert_snapshot!(last, @r#"routes.toml:165:8: 39898 more problems"#);
    let garbage = "[a = \n".repeat(20_000);
    let problems = RouteTable::parse(Path::new("routes.toml"), &garbage).unwrap_err();
    assert!((2..=101).contains(&problems.problems.len()), "{}", problems.problems.len());
}
