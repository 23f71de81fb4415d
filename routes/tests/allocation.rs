//! Matching, deciding and rewriting touch no heap: counted by an allocator that counts.

use std::net::IpAddr;
use std::path::Path;

use routes::decide::decide;
use routes::{RequestFacts, RouteTable};

const TABLE: &str = r#"
format = 1
[backends.m]
targets = ["http://m:1"]
[backends.s]
targets = ["http://s:1"]
[defaults]
old = "m"
new = "s"
[[routes]]
name = "rest"
path = "/v1/{kind}/{*rest}"
old_path = "/old/{rest}"
new_path = "/new/{kind}/{rest}"
stage = "canary"
canary = { percent = 50, sticky = "cookie:sid" }
[[routes]]
name = "one"
path = "/v1/agents/{id}/{a}/{b}/{c}"
methods = ["GET", "PUT"]
stage = "canary"
canary = { percent = 50, sticky = "client-ip" }
"#;

struct Facts;

impl RequestFacts for Facts {
    fn header(&self, name: &str) -> Option<&[u8]> {
        (name == "cookie").then_some(b"a=b; sid=\"4711\"; c=d")
    }
    fn client_ip(&self) -> Option<IpAddr> {
        Some(IpAddr::from([203, 0, 113, 9]))
    }
}

#[test]
fn a_request_is_matched_decided_and_rewritten_without_allocating() {
    let table = RouteTable::parse(Path::new("routes.toml"), TABLE).unwrap();
    let mut out = String::with_capacity(256);
    let paths = [
        "/v1/agents/%61/b/c/d",
        "/v1/agents/1/2/3",
        "/v1/agents/1/2/3/4/5",
        "/v1/x/%2F",
        "/v1/x%2Fy/z",
        "/nowhere",
        "/a/../b",
        "relative",
    ];
    let mut matched = 0;
    let counted = allocation_counter::measure(|| {
        for path in paths {
            let Ok(Some(found)) = table.match_route("GET", path) else { continue };
            let route = table.route(found.route);
            let decision = decide(route, &Facts);
            assert!(decision.primary == route.old || decision.primary == route.new);
            for template in [&route.old_path, &route.new_path].into_iter().flatten() {
                out.clear();
                template.fill(path, &found, &mut out);
            }
            matched += 1;
        }
    });
    assert_eq!(matched, 4);
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8])));
    assert_eq!(counted.count_total, 1);
}
