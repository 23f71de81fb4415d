//! The route table as meant: checked, with defaults applied and references resolved.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::backend::{Backend, BackendId};
use crate::compare::CompareRules;
use crate::document::nearest;
use crate::generation::Generation;
use crate::listen::Listen;
use crate::matcher::Matcher;
use crate::pattern::Pattern;
use crate::policy::{AdminSettings, EvidenceSettings, GateSettings, GuardSettings, MirrorSettings};
use crate::problem::Problems;
use crate::stage::Stage;
use crate::target_path::TargetPath;
use crate::validate;

/// Index of a route in [`RouteTable::routes`]; valid for the table it came from only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub(crate) usize);

impl RouteId {
    /// Position in [`RouteTable::routes`].
    pub const fn index(self) -> usize {
        self.0
    }
}

/// The whole table. The only way to get one is [`RouteTable::parse`]; a table is immutable.
#[derive(Debug)]
pub struct RouteTable {
    /// Which version of the table this is.
    pub generation: Generation,
    /// Where a proxy listens. `[listen]`, all with defaults.
    pub listen: Listen,
    /// `proxies.admin`: base URLs of the proxies that a flip waits for (`http://host:port`, no trailing slash).
    pub proxies: Vec<String>,
    /// In order of the file.
    pub backends: Vec<Backend>,
    /// Limits of the proxy (bodies, headers, connections, time). `[limits]`, all with defaults.
    pub limits: Limits,
    /// Bounds of mirroring as a whole. `[mirroring]`, all with defaults.
    pub mirroring: MirrorBounds,
    /// Where evidence is kept, and how long. `[evidence]`, all with defaults.
    pub evidence: EvidenceSettings,
    /// What the admin interface may be used for. `[admin]`, all with defaults.
    pub admin: AdminSettings,
    /// Backend of every path that no route names.
    pub fallback: BackendId,
    /// In order of the file.
    pub routes: Vec<Route>,
    pub(crate) matcher: Matcher,
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Longest request body, bytes. Default 10 MiB. Larger: 413.
    pub max_body_bytes: u64,
    /// Longest sum of request line and headers, bytes. Default 32 KiB. Larger: 431.
    pub max_header_bytes: usize,
    /// Most header fields of a request. Default 100. More: 431.
    pub max_headers: usize,
    /// Most requests in flight. Default 10,000. More: 503 with `Retry-After`.
    pub max_in_flight: usize,
    /// Most connections of clients. Default 10,000. More are closed at once.
    pub max_connections: usize,
    /// Most connections of one client (an IPv4 address, an IPv6 /64). Default 1,000. More are closed at once.
    pub max_connections_per_client: usize,
    /// Most requests of one client in a second. Default 10,000. More: 429 with `Retry-After`.
    pub max_requests_per_client: usize,
    /// Longest time for a whole request head, from its first byte; for a TLS handshake as well. Default 10 s. Longer: 408.
    pub header_timeout: Duration,
    /// Least bytes a second of a request body, `client_timeout` aside. Default 500. Fewer: 408.
    pub min_body_rate: u64,
    /// How long a connection without a request is kept. Default 75 s.
    pub keep_alive_timeout: Duration,
    /// Longest wait for the next bytes of a slow client. Default 30 s.
    pub client_timeout: Duration,
    /// Longest silence of an event stream or a WebSocket, where neither side owes the other a word. Default 1 h.
    pub stream_timeout: Duration,
    /// Longest time a graceful stop waits for requests in flight. Default 30 s.
    pub shutdown_timeout: Duration,
}

/// `[mirroring]`: bounds over all routes; what does not fit is dropped and counted, never queued.
#[derive(Debug, Clone, PartialEq)]
pub struct MirrorBounds {
    /// Most mirrored exchanges in flight. Default 64.
    pub max_in_flight: usize,
    /// Most bytes held by captured requests and answers. Default 64 MiB.
    pub max_in_flight_bytes: usize,
    /// Longest body that is captured and compared. Default 1 MiB. Larger: too large to compare.
    pub max_body_bytes: usize,
    /// Longest wait for the answer to a mirrored request. Default 10 s.
    pub timeout: Duration,
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// Unique name.
    pub name: String,
    /// Path pattern.
    pub path: Pattern,
    /// Upper-case methods, sorted; `None`: every method.
    pub methods: Option<Vec<String>>,
    /// Where the route comes from.
    pub old: BackendId,
    /// Where the route goes.
    pub new: BackendId,
    /// How the old backend knows the path; `None`: unchanged.
    pub old_path: Option<TargetPath>,
    /// How the new backend knows the path; `None`: unchanged.
    pub new_path: Option<TargetPath>,
    /// Where it stands.
    pub stage: Stage,
    /// Share and stickiness at stage canary.
    pub canary: Canary,
    /// What is mirrored, and how much.
    pub mirror: MirrorSettings,
    /// What a cutover must meet.
    pub gate: GateSettings,
    /// When the proxy takes the route back by itself.
    pub guard: GuardSettings,
    /// What counts as a difference.
    pub compare: CompareRules,
    /// Line of the route in the file, 1-based.
    pub line: usize,
}

/// Which clients the new backend answers at stage canary.
#[derive(Debug, Clone, PartialEq)]
pub struct Canary {
    /// 0..=100, two decimals count. Default 10.
    pub percent: f64,
    /// What tells clients apart. Default client-ip.
    pub sticky: Sticky,
}

/// What tells clients apart. A request without the value stays on the old side (unless percent is 100).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sticky {
    /// `header:NAME` (lower case).
    Header(String),
    /// `cookie:NAME`.
    Cookie(String),
    /// `client-ip`: the address of the peer.
    ClientIp,
}

impl RouteTable {
    /// Parses, checks and compiles a table. `file` is only named in problems.
    ///
    /// # Errors
    /// Every problem found, each with its place and what to write instead.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Problems> {
        validate::parse(file, text)
    }

    /// The backend behind an id of this table.
    #[expect(
        clippy::indexing_slicing,
        reason = "an id is made only as an index into its own table"
    )]
    pub fn backend(&self, id: BackendId) -> &Backend {
        &self.backends[id.0]
    }

    /// The route behind an id of this table.
    #[expect(
        clippy::indexing_slicing,
        reason = "an id is made only as an index into its own table"
    )]
    pub fn route(&self, id: RouteId) -> &Route {
        &self.routes[id.0]
    }

    /// The route of that name.
    pub fn route_named(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }

    /// The route name nearest to a mistyped one, if any is near.
    pub fn nearest_route(&self, name: &str) -> Option<&str> {
        nearest(name, self.routes.iter().map(|route| route.name.as_str()))
    }
}

impl Route {
    /// How a backend knows the path of a request of this route: the template that rewrites it, or `None`: unchanged.
    pub fn rewrite_for(&self, backend: BackendId) -> Option<&TargetPath> {
        if backend == self.new { self.new_path.as_ref() } else { self.old_path.as_ref() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 10 << 20,
            max_header_bytes: 32 << 10,
            max_headers: 100,
            max_in_flight: 10_000,
            max_connections: 10_000,
            max_connections_per_client: 1_000,
            max_requests_per_client: 10_000,
            header_timeout: Duration::from_secs(10),
            min_body_rate: 500,
            keep_alive_timeout: Duration::from_secs(75),
            client_timeout: Duration::from_secs(30),
            stream_timeout: Duration::from_hours(1),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

impl Default for MirrorBounds {
    fn default() -> Self {
        Self {
            max_in_flight: 64,
            max_in_flight_bytes: 64 << 20,
            max_body_bytes: 1 << 20,
            timeout: Duration::from_secs(10),
        }
    }
}

impl fmt::Display for Sticky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::ClientIp => f.write_str("client-ip"),
        }
    }
}
