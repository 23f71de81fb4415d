//! The cost of one request in a table of 100 routes: match, decide, rewrite.
#![expect(clippy::expect_used, reason = "a broken table stops the benchmark")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::IpAddr;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use routes::decide::decide;
use routes::{RequestFacts, RouteTable};

struct Facts;

impl RequestFacts for Facts {
    fn header(&self, name: &str) -> Option<&[u8]> {
        (name == "x-api-key").then_some(b"client_dev_key_1_valid")
    }
    fn client_ip(&self) -> Option<IpAddr> {
        Some(IpAddr::from([203, 0, 113, 9]))
    }
}

/// Twenty nouns with five routes each, as an API has them.
fn table() -> RouteTable {
    let mut text = "format = 1\n[backends.m]\ntargets = [\"http://m:1\"]\n[backends.s]\ntargets = \
                    [\"http://s:1\"]\n[defaults]\nold = \"m\"\nnew = \"s\"\ncanary.sticky = \"header:x-api-key\"\n"
        .to_owned();
    let kinds = [
        ("list", "", "GET"),
        ("make", "", "POST"),
        ("one", "/{id}", "GET"),
        ("run", "/{id}/execute", "POST"),
        ("rest", "/{id}/{*rest}", "GET"),
    ];
    for noun in 0..20 {
        for (kind, tail, method) in kinds {
            writeln!(
                text,
                "[[routes]]\nname = \"{kind}-{noun}\"\npath = \"/api/v1/agent/noun-{noun}{tail}\"\nmethods = \
                 [\"{method}\"]\nstage = \"canary\"\nold_path = \"/v1/agents/noun-{noun}{}\"",
                tail.replace('*', "")
            )
            .expect("writing to a string");
        }
    }
    RouteTable::parse(Path::new("bench.toml"), &text).expect("the table is good")
}

fn request(table: &RouteTable, method: &str, path: &str, out: &mut String) -> bool {
    let Ok(Some(found)) = table.match_route(method, path) else { return false };
    let route = table.route(found.route);
    let decision = decide(route, &Facts);
    out.clear();
    if let Some(template) = route.rewrite_for(decision.primary) {
        template.fill(path, &found, out);
    }
    true
}

fn benches(criterion: &mut Criterion) {
    let table = table();
    assert_eq!(table.routes.len(), 100);
    let id = "5d3c9b1e-6f0a-4f57-9a27-4c1de3f1a001";
    let mut out = String::with_capacity(256);
    for (name, method, path) in [
        ("literal", "GET", "/api/v1/agent/noun-13".to_owned()),
        ("parameter", "POST", format!("/api/v1/agent/noun-13/{id}/execute")),
        ("wildcard after going back", "GET", format!("/api/v1/agent/noun-13/{id}/execute")),
        ("percent-encoded", "GET", format!("/api/v1/%61gent/noun-13/{id}")),
        ("no route", "GET", "/v1/jobs/history".to_owned()),
    ] {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| request(&table, black_box(method), black_box(&path), &mut out));
        });
    }
}

criterion_group!(matching, benches);
criterion_main!(matching);
