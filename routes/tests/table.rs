//! A table as users write it: what it means, and how requests are decided by it.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::net::IpAddr;
use std::path::Path;

use routes::decide::{decide, fallback};
use routes::{PathRefusal, RequestFacts, RouteTable, Stage, StickyValue};

const TABLE: &str = r#"
format = 1
generation = 7

[listen]
http = "127.0.0.1:9080"

[proxies]
admin = ["http://127.0.0.1:8081/"]

[limits]
max_body_bytes = 1_000
client_timeout = "5s"

[backends.monolith]
targets = ["http://127.0.0.1:8011"]
health = "/v1/health"
response_timeout = "2m"

[backends.agent-service]
targets = ["http://127.0.0.1:8012", "http://[::1]:8013"]
health_interval = "250ms"
mirror_writes = "never"

[defaults]
old = "monolith"
new = "agent-service"
fallback = "monolith"
mirror.sample = 0.5
compare.timestamp = ["$..created_at"]

[[routes]]
name = "workflows"
path = "/api/v1/agent/workflows/{*rest}"
methods = ["POST", "GET"]
old_path = "/v1/agents/workflows/{rest}"
new_path = "/api/v1/agent/workflows/{rest}"
stage = "canary"
canary = { percent = 10, sticky = "header:X-Api-Key" }
compare.ignore = ["$.id"]
compare.unordered = { "$" = "id" }

[[routes]]
name = "one"
path = "/api/v1/agent/workflows/{id}"
methods = ["GET"]
old_path = "/old/{id}/x"
stage = "shadow"
mirror.sample = 1

[[routes]]
name = "fixed"
path = "/api/v1/agent/workflows/fixed"
stage = "service"

[[routes]]
name = "exchange"
path = "/x/{a}/{b}"
new_path = "/y/{b}/{a}"
"#;

fn table() -> RouteTable {
    RouteTable::parse(Path::new("routes.toml"), TABLE).unwrap()
}

struct Facts {
    header: Option<(&'static str, String)>,
    ip: Option<IpAddr>,
}

const NOBODY: Facts = Facts { header: None, ip: None };

impl RequestFacts for Facts {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.header.as_ref().filter(|(found, _)| *found == name).map(|(_, value)| value.as_bytes())
    }
    fn client_ip(&self) -> Option<IpAddr> {
        self.ip
    }
}

/// Name of the route and the two rewritten paths.
fn matched(table: &RouteTable, method: &str, path: &str) -> Option<(String, String, String)> {
    let found = table.match_route(method, path).unwrap()?;
    let route = table.route(found.route);
    let fill = |template: Option<&routes::target_path::TargetPath>| {
        let mut out = String::new();
        match template {
            Some(template) => template.fill(path, &found, &mut out),
            None => out.push_str(path),
        }
        out
    };
    Some((route.name.clone(), fill(route.old_path.as_ref()), fill(route.new_path.as_ref())))
}

#[test]
fn what_is_written_is_what_is_meant_and_the_rest_has_defaults() {
    let table = table();
    assert_eq!(table.generation.number, 7);
    assert_eq!(table.generation.digest, routes::Digest::of(TABLE));
    assert_eq!(table.listen.http.to_string(), "127.0.0.1:9080");
    assert_eq!(table.listen.admin.to_string(), "127.0.0.1:8081");
    assert_eq!(table.proxies, ["http://127.0.0.1:8081"]);
    assert_eq!((table.limits.max_body_bytes, table.limits.max_header_bytes), (1000, 32 << 10));
    assert_eq!(table.limits.client_timeout.as_secs(), 5);
    assert_eq!(table.mirroring.max_in_flight, 64);
    let names: Vec<&str> = table.backends.iter().map(|backend| backend.name.as_str()).collect();
    assert_eq!(names, ["monolith", "agent-service"], "in order of the file");
    let [monolith, service] = table.backends.as_slice() else { panic!("two backends") };
    assert_eq!((monolith.response_timeout.as_secs(), monolith.health_interval.as_secs()), (120, 1));
    assert_eq!((service.targets.len(), service.health_interval.as_millis()), (2, 250));
    let workflows = table.route_named("workflows").unwrap();
    assert_eq!(workflows.methods.as_deref(), Some(&["GET".to_owned(), "POST".to_owned()][..]));
    assert!(workflows.old_path.is_some());
    assert!(workflows.new_path.is_none(), "the pattern itself is no rewrite");
    assert_eq!((workflows.mirror.sample, workflows.canary.percent), (0.5, 10.0));
    assert_eq!(workflows.canary.sticky.to_string(), "header:x-api-key");
    assert_eq!(workflows.compare.timestamp.len(), 1, "from the defaults");
    assert_eq!(TABLE.lines().nth(workflows.line - 1), Some("[[routes]]"));
    assert_eq!(TABLE.lines().nth(workflows.line), Some("name = \"workflows\""));
    assert!((table.route_named("one").unwrap().mirror.sample - 1.0).abs() < f64::EPSILON);
    assert_eq!(table.route_named("exchange").unwrap().stage, Stage::Monolith);
    assert_eq!(table.nearest_route("workflow"), Some("workflows"));
    assert_eq!(table.nearest_route("something"), None);
}

#[test]
fn a_table_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<RouteTable>();
    shared::<routes::RouteMatch>();
}

#[test]
fn the_more_specific_route_wins_and_paths_are_rewritten() {
    let table = table();
    let base = "/api/v1/agent/workflows";
    for (method, path, expected) in [
        ("GET", "", Some(("workflows", "/v1/agents/workflows", ""))),
        ("GET", "/", Some(("workflows", "/v1/agents/workflows/", "/"))),
        ("GET", "/a%20b", Some(("one", "/old/a%20b/x", "/a%20b"))),
        ("POST", "/a", Some(("workflows", "/v1/agents/workflows/a", "/a"))),
        ("GET", "/a/", Some(("workflows", "/v1/agents/workflows/a/", "/a/"))),
        ("GET", "/a//b", Some(("workflows", "/v1/agents/workflows/a//b", "/a//b"))),
        ("GET", "//b", Some(("workflows", "/v1/agents/workflows//b", "//b"))),
        ("GET", "/fixed", Some(("fixed", "/api/v1/agent/workflows/fixed", "/fixed"))),
        ("DELETE", "/f%69xed", Some(("fixed", "/api/v1/agent/workflows/f%69xed", "/f%69xed"))),
        ("GET", "/Fixed", Some(("one", "/old/Fixed/x", "/Fixed"))),
        ("DELETE", "/a", None),
        ("get", "/a", None),
        ("GET", "x", None),
    ] {
        let found = matched(&table, method, &format!("{base}{path}"));
        let expected = expected
            .map(|(name, old, new)| (name.to_owned(), old.to_owned(), format!("{base}{new}")));
        assert_eq!(found, expected, "{method} {path}");
    }
    let exchanged = matched(&table, "GET", "/x/1/2").unwrap();
    assert_eq!((exchanged.1.as_str(), exchanged.2.as_str()), ("/x/1/2", "/y/2/1"));
}

#[test]
fn an_encoded_slash_is_refused_only_where_it_would_matter() {
    let table = table();
    let base = "/api/v1/agent/workflows";
    let matching =
        |method, path: &str| table.match_route(method, path).map(|found| found.is_some());
    assert_eq!(matching("GET", &format!("{base}/a%2Fb")), Err(PathRefusal::AmbiguousSlash));
    assert_eq!(matching("GET", &format!("{base}%2fa")), Err(PathRefusal::AmbiguousSlash));
    assert_eq!(matching("GET", "/x/1%2F2"), Err(PathRefusal::AmbiguousSlash));
    assert_eq!(
        matching("POST", &format!("{base}/a%2Fb")),
        Ok(true),
        "within the wildcard either way"
    );
    assert_eq!(matching("GET", &format!("{base}/a/b%2Fc")), Ok(true));
    assert_eq!(matching("GET", "/elsewhere/a%2Fb"), Ok(false));
    assert_eq!(matching("GET", "/elsewhere/..%2Fb"), Err(PathRefusal::DotSegment));
}

#[test]
fn stages_decide_who_answers_and_who_gets_a_copy() {
    let table = table();
    let (old, new) = (table.route_named("one").unwrap().old, table.route_named("one").unwrap().new);
    let decided = |name| {
        let decision = decide(table.route_named(name).unwrap(), &NOBODY);
        (decision.primary, decision.failover, decision.mirror, decision.sticky)
    };
    assert_eq!(decided("exchange"), (old, None, None, StickyValue::NotNeeded));
    assert_eq!(decided("one"), (old, None, Some(new), StickyValue::NotNeeded));
    assert_eq!(decided("fixed"), (new, Some(old), None, StickyValue::NotNeeded));
    assert_eq!(decided("workflows"), (old, None, Some(new), StickyValue::Absent));
    assert_eq!(fallback(&table).primary, old);
}

#[test]
fn a_canary_takes_about_its_share_of_clients() {
    let table = table();
    let route = table.route_named("workflows").unwrap();
    let on_new = (0..20_000)
        .map(|client| Facts { header: Some(("x-api-key", format!("key-{client}"))), ip: None })
        .filter(|facts| decide(route, facts).primary == route.new)
        .count();
    assert!((1_850..2_150).contains(&on_new), "{on_new} of 20,000 at 10 %");
}

#[test]
fn a_mapped_address_is_the_same_client() {
    let text = TABLE.replace("header:X-Api-Key", "client-ip");
    let table = RouteTable::parse(Path::new("routes.toml"), &text).unwrap();
    let route = table.route_named("workflows").unwrap();
    let bucket = |address: &str| {
        decide(route, &Facts { header: None, ip: Some(address.parse().unwrap()) }).sticky
    };
    assert_eq!(bucket("203.0.113.9"), bucket("::ffff:203.0.113.9"));
    assert_ne!(bucket("203.0.113.9"), bucket("203.0.113.10"));
    assert!(matches!(bucket("::1"), StickyValue::Bucket(0..10_000)));
}

#[test]
fn an_explanation_names_every_route_and_the_winner() {
    let mut explanation = table().explain("GET", "/api/v1/agent/workflows/a?b=c");
    let considered: Vec<(&str, bool, bool)> = explanation
        .considered
        .iter()
        .map(|route| (route.route.as_str(), route.path_matches, route.method_matches))
        .collect();
    assert_eq!(
        considered,
        [
            ("fixed", false, true),
            ("one", true, true),
            ("workflows", true, true),
            ("exchange", false, true)
        ]
    );
    explanation.considered.clear();
    insta::assert_json_snapshot!(explanation, @r#"
    {
      "method": "GET",
      "path": "/api/v1/agent/workflows/a",
      "refusal": null,
      "considered": [],
      "winner": "one",
      "why": "`one` is the most specific of 2 routes that name this path and method",
      "captured": [
        [
          "id",
          "a"
        ]
      ],
      "old_path": "/old/a/x",
      "new_path": "/api/v1/agent/workflows/a"
    }
    "#);
    let refused = table().explain("GET", "/a/../b");
    assert_eq!((refused.refusal, refused.considered.len()), (Some(PathRefusal::DotSegment), 0));
    let unnamed = table().explain("DELETE", "/api/v1/agent/workflows/a");
    assert_eq!(
        unnamed.why,
        "no route that names this path has this method: the fallback `monolith` answers"
    );
}

#[test]
fn the_table_at_the_top_of_the_repository_is_good() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../routes.toml"));
    let text = std::fs::read_to_string(path).unwrap();
    let problems = RouteTable::parse(path, &text).err().map(|problems| problems.to_string());
    assert_eq!(problems, None);
}

#[test]
fn what_a_route_says_goes_before_the_defaults_key_by_key() {
    let text = r#"format = 1
[evidence]
url = "postgres://migrate@localhost/evidence"
retention = "48h"
mask = ["$..email"]
[admin]
allow_flips = true
[backends.monolith]
targets = ["http://127.0.0.1:8011"]
[backends.twin]
targets = ["http://127.0.0.1:8012"]
mirror_writes = "twin"
twin = { shared = "sqlite://shared.db", clone = "sqlite://twin.db" }
[backends.service]
targets = ["http://127.0.0.1:8013"]
[defaults]
old = "monolith"
new = "twin"
gate = { min_samples = 10, min_match = 0.9 }
guard = { window = "5s", webhook = "http://127.0.0.1:9000/alert" }
mirror = { control = 0.1, rate = 50 }
verify = 0.05
[[routes]]
name = "a"
path = "/a"
gate = { min_match = 0.5 }
guard = { max_error_rate = 0.1 }
mirror = { control = 1, before_budget = "20ms" }
compare = { allow = ["integer-float"], identifier = ["$.id"], number = ["$.n"] }
[[routes]]
name = "b"
path = "/b"
new = "service"
stage = "service"
verify = 0
guard = { enabled = false }
"#;
    let table = RouteTable::parse(Path::new("routes.toml"), text).unwrap();
    assert_eq!(table.evidence.url, "postgres://migrate@localhost/evidence");
    assert_eq!((table.evidence.retention.as_secs(), table.evidence.examples), (172_800, 5));
    assert_eq!((table.evidence.mask.len(), table.admin.allow_flips), (1, true));
    let twin = &table.backends[1];
    assert_eq!(twin.mirror_writes, routes::backend::MirrorWrites::Twin);
    assert_eq!(twin.twin.as_ref().unwrap().clone, "sqlite://twin.db");
    let [a, b] = table.routes.as_slice() else { panic!("two routes") };
    assert_eq!((a.gate.min_samples, a.gate.min_match, a.gate.max_latency_ratio), (10, 0.5, 1.5));
    assert_eq!((a.guard.window.as_secs(), a.guard.max_error_rate), (5, 0.1));
    assert_eq!(a.guard.webhook.as_deref(), Some("http://127.0.0.1:9000/alert"));
    assert_eq!((a.mirror.control, a.mirror.rate, a.mirror.verify), (1.0, Some(50.0), 0.05));
    assert_eq!(a.mirror.before_budget.as_millis(), 20);
    assert_eq!(
        (a.compare.allow.len(), a.compare.identifier.len(), a.compare.number.len()),
        (1, 1, 1)
    );
    assert!(a.guard.enabled && !b.guard.enabled);
    let nobody = |route| decide(route, &NOBODY);
    assert_eq!(nobody(b).mirror, None, "nothing to verify");
}
