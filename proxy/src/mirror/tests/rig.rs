//! A mirror that runs, with a table, a backend, and a client's side to play.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::Utc;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use prometheus_client::registry::Registry;
use routes::admin::RouteEvidence;
use routes::{RequestFacts, RouteTable};
use tokio::runtime::Runtime;

use super::super::budget::{Budgets, Share};
use super::super::client::{MirroredAnswer, NoAnswer};
use super::super::request::MirroredRequest;
use super::super::{Build, Candidate, Capture, Mirror, MirrorTable, Recordable, Recording};
use super::backend::{Backend, Manner};
use evidence::Evidence;

/// Bounds small enough to be met: one route gets half of them.
pub(super) const SMALL: &str = r#"
max_in_flight = 4
max_in_flight_bytes = 30_000
max_body_bytes = 10_000
timeout = "500ms"
"#;

const ROUTES: &str = r#"
format = 1

[backends.monolith]
targets = ["http://127.0.0.1:1"]

[backends.agent-service]
targets = ["http://127.0.0.1:2"]
mirror_writes = "dry-run"

[defaults]
old = "monolith"
new = "agent-service"
fallback = "monolith"

[[routes]]
name = "agents"
path = "/agent/{*rest}"
new_path = "/new/{rest}"
stage = "shadow"
mirror.before_budget = "200ms"

[[routes]]
name = "controlled"
path = "/controlled/{id}"
old_path = "/old/{id}"
stage = "shadow"
mirror.control = 1.0

[[routes]]
name = "verified"
path = "/verified/{id}"
old_path = "/old/{id}"
stage = "service"
mirror.sample = 0.0
mirror.control = 1.0
verify = 1.0

[[routes]]
name = "half"
path = "/half/{id}"
stage = "shadow"
mirror.sample = 0.5

[[routes]]
name = "slowly"
path = "/slowly/{id}"
stage = "shadow"
mirror.rate = 0.001

[[routes]]
name = "never"
path = "/never/{id}"
stage = "shadow"
mirror.sample = 0.0

[[routes]]
name = "monolith"
path = "/monolith/{id}"
stage = "monolith"
"#;

pub(super) struct Rig {
    pub(super) mirror: Arc<Mirror>,
    /// The other backend.
    pub(super) backend: Backend,
    /// The primary; it answers control requests only, the client's part is played by the test.
    pub(super) primary: Backend,
    /// The new backend's.
    pub(super) build: Build,
    evidence: Arc<Evidence>,
    table: RouteTable,
    prepared: MirrorTable,
    registry: Registry,
    // Last: what runs on it is gone before.
    runtime: Runtime,
}

/// A write of a client's.
pub(super) struct Written<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) headers: HeaderMap,
    pub(super) length: Option<u64>,
    pub(super) body: &'static [u8],
}

struct NoFacts;

impl RequestFacts for NoFacts {
    fn header(&self, _name: &str) -> Option<&[u8]> {
        None
    }

    fn client_ip(&self) -> Option<IpAddr> {
        None
    }
}

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn json_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers
}

impl Rig {
    pub(super) fn start(manner: Manner, bounds: &str) -> Self {
        Self::with_primary(manner, Manner::Refuse, bounds)
    }

    pub(super) fn with_primary(manner: Manner, primary: Manner, bounds: &str) -> Self {
        let text = format!("{ROUTES}\n[mirroring]\n{bounds}");
        let table = RouteTable::parse(Path::new("routes.toml"), &text).unwrap();
        let evidence = Arc::new(Evidence::new(Utc::now()));
        let mirror = Arc::new(Mirror::new(Arc::clone(&evidence)));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        mirror.run_on(runtime.handle().clone());
        let mut registry = Registry::default();
        mirror.register(&mut registry);
        let build = Build::default();
        let prepared = mirror.prepare(&table, |_| build.clone());
        let (backend, primary) = (Backend::start(manner), Backend::start(primary));
        Self { mirror, backend, primary, build, evidence, table, prepared, registry, runtime }
    }

    /// Begins to mirror a request, if it is.
    pub(super) fn begin(
        &self,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
    ) -> Option<Capture> {
        self.begin_at(Some(self.backend.address), method, target, headers)
    }

    pub(super) fn begin_at(
        &self,
        server: Option<SocketAddr>,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
    ) -> Option<Capture> {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let matched = self.table.match_route(method.as_str(), path).unwrap().unwrap();
        let decision = routes::decide::decide(self.table.route(matched.route), &NoFacts);
        let candidate = Candidate {
            table: &self.table,
            matched: &matched,
            decision: &decision,
            method,
            path,
            query,
            headers,
            request_id: "req-0",
            is_probe: false,
            server: server.map(Into::into),
            primary_server: Some(self.primary.address.into()),
        };
        self.mirror.begin(&self.prepared, &candidate)
    }

    /// Offers a write to be rehearsed and plays its whole exchange, in which the primary answers 200 with this JSON.
    /// Whether there was something to compare.
    pub(super) fn rehearse(&self, request: &Written<'_>, answer: &[u8]) -> bool {
        let matched =
            self.table.match_route(request.method.as_str(), request.path).unwrap().unwrap();
        let decision = routes::decide::decide(self.table.route(matched.route), &NoFacts);
        let candidate = Candidate {
            table: &self.table,
            matched: &matched,
            decision: &decision,
            method: &request.method,
            path: request.path,
            query: None,
            headers: &request.headers,
            request_id: "req-0",
            is_probe: false,
            server: Some(self.backend.address.into()),
            primary_server: None,
        };
        let rehearsal = self.mirror.rehearse(&self.prepared, &candidate, request.length);
        let Some(rehearsal) = rehearsal else { return false };
        let played = rehearsal.play(Bytes::from_static(request.body));
        let Some(mut capture) = self.runtime.block_on(played) else { return false };
        capture.restart_request();
        capture.head(StatusCode::OK, &json_headers());
        capture.body(answer);
        capture.finish();
        true
    }

    /// Begins to record a request, at whatever stage its route is.
    pub(super) fn record(
        &self,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
    ) -> Option<Recording> {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let route = self.table.match_route(method.as_str(), path).unwrap().unwrap().route;
        let request_id = "req-0";
        let request = Recordable { route, method, path, query, headers, request_id };
        self.mirror.record(&self.prepared, &request)
    }

    /// Waits for what should come soon.
    pub(super) fn wait<T>(&self, soon: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, soon).await.ok() })
    }

    pub(super) fn writes_off(&self) -> Option<String> {
        self.prepared.writes_off("agents")
    }

    /// Plays a whole exchange of a client with the primary, which answers 200 with this JSON.
    pub(super) fn exchange(&self, method: &Method, target: &str, headers: &HeaderMap, body: &[u8]) {
        if let Some(mut capture) = self.begin(method, target, headers) {
            capture.head(StatusCode::OK, &json_headers());
            for chunk in body.chunks(7) {
                capture.body(chunk);
            }
            capture.finish();
        }
    }

    /// Sends one request with a body to the backend, with no client and no primary.
    pub(super) fn ask(
        &self,
        method: &Method,
        body: &'static [u8],
    ) -> Result<MirroredAnswer, NoAnswer> {
        let request = MirroredRequest {
            method: method.clone(),
            is_new: true,
            server: self.backend.address.into(),
            target: "/new/7".to_owned(),
            headers: json_headers(),
            body: Bytes::from_static(body),
        };
        let bounds = self.prepared.bounds;
        let held = [(&Budgets::default(), bounds.route), (&*self.mirror.held, bounds.all)];
        let mut share = Share::take(held).unwrap();
        let (client, mark) = (&self.mirror.client, &self.mirror.mark);
        self.runtime.block_on(client.exchange(&request, mark, bounds.max_body, &mut share))
    }

    pub(super) fn report(&self) -> RouteEvidence {
        self.report_of("agents")
    }

    pub(super) fn report_of(&self, route: &str) -> RouteEvidence {
        self.runtime.block_on(self.evidence.report(&[route])).routes.remove(0)
    }

    /// Waits until the evidence of the route `agents` is as wanted.
    pub(super) fn until_report(&self, wanted: impl Fn(&RouteEvidence) -> bool) -> RouteEvidence {
        self.until_report_of("agents", wanted)
    }

    pub(super) fn until_report_of(
        &self,
        route: &str,
        wanted: impl Fn(&RouteEvidence) -> bool,
    ) -> RouteEvidence {
        self.until("the report", || wanted(&self.report_of(route)));
        self.report_of(route)
    }

    pub(super) fn until_nothing_is_held(&self) {
        let held = &self.mirror.held;
        self.until("nothing to be held", || held.slots.held() == 0 && held.bytes.held() == 0);
    }

    pub(super) fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(started.elapsed() < PATIENCE, "waited for {what}; {:?}", self.report());
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    pub(super) fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}
