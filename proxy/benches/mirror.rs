//! What mirroring costs on the client's path, for one exchange of 2 kB: everything but the mirrored request itself.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use evidence::Evidence;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use proxy::mirror::{Build, Candidate, Capture, Mirror};
use routes::{RequestFacts, RouteTable};

const TABLE: &str = r#"
format = 1
[backends.monolith]
targets = ["http://127.0.0.1:1"]
[backends.agent-service]
targets = ["http://127.0.0.1:2"]
[defaults]
old = "monolith"
new = "agent-service"
fallback = "monolith"
[[routes]]
name = "mirrored"
path = "/mirrored/{*rest}"
new_path = "/new/{rest}"
stage = "shadow"
[[routes]]
name = "rarely"
path = "/rarely/{*rest}"
stage = "shadow"
mirror.sample = 0.000001
"#;

struct NoFacts;

impl RequestFacts for NoFacts {
    fn header(&self, _name: &str) -> Option<&[u8]> {
        None
    }

    fn client_ip(&self) -> Option<IpAddr> {
        None
    }
}

fn request_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "agents.example.org"),
        ("accept", "application/json"),
        ("user-agent", "python-requests/2.32"),
        ("x-api-key", "client-key"),
        ("x-request-id", "0199d8e0-0000-7000-8000-000000000000"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "http"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

fn bench(criterion: &mut Criterion) {
    let Ok(table) = RouteTable::parse(Path::new("routes.toml"), TABLE) else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build() else {
        return;
    };
    let mirror = Arc::new(Mirror::new(Arc::new(Evidence::new(DateTime::<Utc>::UNIX_EPOCH))));
    mirror.run_on(runtime.handle().clone());
    let prepared = mirror.prepare(&table, |_| Build::default());
    let headers = request_headers();
    let mut answer_headers = HeaderMap::new();
    answer_headers.insert("content-type", HeaderValue::from_static("application/json"));
    let body = [b' '; 2048];

    let begin = |path: &str| -> Option<Capture> {
        let matched = table.match_route("GET", path).ok().flatten()?;
        let decision = routes::decide::decide(table.route(matched.route), &NoFacts);
        let candidate = Candidate {
            table: &table,
            matched: &matched,
            decision: &decision,
            method: &Method::GET,
            path,
            query: Some("limit=20"),
            headers: &headers,
            request_id: "0199d8e0-0000-7000-8000-000000000000",
            is_probe: false,
            server: Some(SocketAddr::from(([127, 0, 0, 1], 2)).into()),
            primary_server: Some(SocketAddr::from(([127, 0, 0, 1], 1)).into()),
        };
        mirror.begin(&prepared, &candidate)
    };
    let mut group = criterion.benchmark_group("mirror, client's path");
    group.bench_function("not sampled", |bencher| bencher.iter(|| begin("/rarely/7")));
    group.bench_function("captured", |bencher| {
        bencher.iter(|| {
            let mut capture = begin("/mirrored/7")?;
            capture.head(StatusCode::OK, &answer_headers);
            capture.body(&body);
            Some(capture)
        });
    });
    let all_slots: Vec<_> = std::iter::from_fn(|| begin("/mirrored/7")).collect();
    group.bench_function("dropped, too many in flight", |bencher| {
        bencher.iter(|| begin("/mirrored/7"));
    });
    drop(all_slots);
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
