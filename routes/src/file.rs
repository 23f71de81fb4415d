//! `routes.toml` exactly as written: each value with its place, no behaviour.

use std::ops::Range;
use std::time::Duration;

use toml::de::DeTable;

use crate::backend::{BackendTls, MirrorWrites, Target};
use crate::document::{Document, Section, Written, listed, nearest};
use crate::duration;
use crate::listen::Listen;
use crate::policy::{AdminSettings, EvidenceSettings, TwinSettings};
use crate::problem::Problem;
use crate::settings::{Settings, json_paths};
use crate::stage::Stage;
use crate::table::{Limits, MirrorBounds};
use crate::targets;

/// The methods that a route may name.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// The whole file. What could not be read is `None` (or left out) and was reported.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) generation: Option<u64>,
    pub(crate) listen: Listen,
    pub(crate) proxies: Vec<String>,
    pub(crate) backends: Vec<BackendEntry>,
    pub(crate) limits: Limits,
    pub(crate) mirroring: MirrorBounds,
    pub(crate) evidence: EvidenceSettings,
    pub(crate) admin: AdminSettings,
    pub(crate) fallback: Option<Written<String>>,
    pub(crate) defaults: Settings,
    pub(crate) routes: Vec<RouteEntry>,
}

/// `[backends.NAME]`.
#[derive(Debug)]
pub(crate) struct BackendEntry {
    pub(crate) name: Written<String>,
    pub(crate) targets: Vec<Target>,
    pub(crate) tls: Option<BackendTls>,
    pub(crate) http2: bool,
    pub(crate) health: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) health_interval: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) response_timeout: Option<Duration>,
    pub(crate) mirror_writes: Option<MirrorWrites>,
    pub(crate) twin: Option<TwinSettings>,
}

/// `[[routes]]`.
#[derive(Debug)]
pub(crate) struct RouteEntry {
    pub(crate) name: Option<Written<String>>,
    pub(crate) path: Option<Written<String>>,
    pub(crate) methods: Option<Written<Vec<String>>>,
    pub(crate) old_path: Option<Written<String>>,
    pub(crate) new_path: Option<Written<String>>,
    pub(crate) stage: Option<Stage>,
    pub(crate) settings: Settings,
    /// Of `[[routes]]`.
    pub(crate) span: Range<usize>,
}

impl File {
    /// Reads the tree of a text; what is wrong with it is reported to `document`.
    pub(crate) fn read(document: &Document<'_>, tree: &DeTable<'_>) -> Self {
        let mut root = Section::root(document, tree);
        check_format(&mut root);
        refuse_pointer(&mut root);
        let generation = root.whole("generation", 0..=i64::MAX.unsigned_abs());
        let listen = Listen::read(&mut root);
        let mut admin_section = root.section("admin", "[admin]");
        let allow_flips = admin_section.switch("allow_flips");
        admin_section.finish();
        let mut defaults = root.section("defaults", "[defaults]");
        let fallback = defaults.text("fallback", "\"monolith\"");
        let settings = Settings::read(&mut defaults);
        defaults.finish();
        let file = Self {
            generation: generation.map(|written| written.value),
            listen,
            proxies: proxies(&mut root),
            backends: backends(&mut root),
            limits: limits(&mut root),
            mirroring: mirroring(&mut root),
            evidence: evidence(&mut root),
            admin: AdminSettings { allow_flips: allow_flips.unwrap_or_default() },
            fallback,
            defaults: settings,
            routes: root.sections("routes", "a route").into_iter().map(route).collect(),
        };
        root.finish();
        file
    }
}

fn check_format(root: &mut Section<'_, '_>) {
    if !root.has("format") {
        let problem = Problem::new(0..0, "the file does not say its format");
        root.report(problem.help("write `format = 1` in its first line"));
    }
    if let Some(format) = root.whole("format", 0..=i64::MAX.unsigned_abs())
        && format.value != 1
    {
        let message = format!("format {} is not known to this version", format.value);
        root.report(Problem::new(format.span, message).help("write `format = 1`, or update"));
    }
}

/// A file that was a table and now says where another one is: see `pointer`.
fn refuse_pointer(root: &mut Section<'_, '_>) {
    if root.has("table") {
        let section = root.section("table", "[table]");
        let message = "`[table]` says that the table is kept somewhere else";
        let help = "a proxy reads that at its start: restart it; a file that holds a table has no `[table]`";
        section.report(Problem::new(section.span.clone(), message).help(help));
    }
}

fn proxies(root: &mut Section<'_, '_>) -> Vec<String> {
    let mut section = root.section("proxies", "[proxies]");
    let urls = section.texts("admin", "[\"http://127.0.0.1:8081\"]");
    let mut proxies = Vec::new();
    for url in urls.map(|urls| urls.value).unwrap_or_default() {
        match Target::parse(&url.value) {
            Ok(target) => proxies.push(format!("http://{target}")),
            Err((message, help)) => section.report(Problem::new(url.span, message).help(help)),
        }
    }
    section.finish();
    proxies
}

fn backends(root: &mut Section<'_, '_>) -> Vec<BackendEntry> {
    let section = root.section("backends", "[backends]");
    section.named_sections().into_iter().map(|(name, section)| backend(name, section)).collect()
}

fn backend(name: Written<String>, mut section: Section<'_, '_>) -> BackendEntry {
    check_identifier(&section, &name, "backend");
    let (targets, tls) = targets::read(&mut section, &name);
    let health = section.parsed("health", "\"/health\"", path);
    let schema = section.parsed("schema", "\"/health/schema\"", path);
    let mirror_writes = section.parsed("mirror_writes", "\"never\"", mirror_tier);
    let twin = twin(&mut section, mirror_writes.as_ref().map(|written| written.value));
    let entry = BackendEntry {
        name,
        targets,
        tls,
        http2: section.switch("http2").unwrap_or_default(),
        health: health.map(|written| written.value),
        schema: schema.map(|written| written.value),
        health_interval: time(&mut section, "health_interval"),
        connect_timeout: time(&mut section, "connect_timeout"),
        response_timeout: time(&mut section, "response_timeout"),
        mirror_writes: mirror_writes.map(|written| written.value),
        twin,
    };
    section.finish();
    entry
}

fn path(path: &str) -> Result<String, (String, String)> {
    if path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(path.to_owned());
    }
    Err((format!("`{path}` is no path"), "write a path such as `/health`".into()))
}

fn mirror_tier(word: &str) -> Result<MirrorWrites, (String, String)> {
    MirrorWrites::ALL.into_iter().find(|tier| tier.as_str() == word).ok_or_else(|| {
        let tiers = MirrorWrites::ALL.map(MirrorWrites::as_str);
        let help = nearest(word, tiers).map_or_else(
            || format!("use {}", listed(tiers)),
            |near| format!("did you mean `{near}`?"),
        );
        (format!("`{word}` is no way to mirror writes"), help)
    })
}

/// `twin = { shared = "…", clone = "…" }`: both or neither, and only for a twin.
fn twin(section: &mut Section<'_, '_>, tier: Option<MirrorWrites>) -> Option<TwinSettings> {
    let present = section.has("twin");
    let mut twin = section.section("twin", "`twin`");
    let shared = twin.parsed("shared", "\"sqlite://shared.db\"", database_url);
    let clone = twin.parsed("clone", "\"sqlite://twin.db\"", database_url);
    let span = twin.span.clone();
    let problem = match (&shared, &clone) {
        _ if !present => None,
        _ if tier != Some(MirrorWrites::Twin) => Some((
            "`twin` names databases, but writes are not mirrored to a twin",
            "write `mirror_writes = \"twin\"`, or remove `twin`",
        )),
        (Some(shared), Some(clone)) if shared.value == clone.value => Some((
            "the twin's `shared` and `clone` database are the same",
            "make a clone with `migrate db clone`, and name it as `clone`",
        )),
        (Some(shared), Some(clone)) if is_file(&shared.value) != is_file(&clone.value) => Some((
            "the twin's `shared` and `clone` database are not of the same kind",
            "name two `sqlite://` files or two `postgres://` databases",
        )),
        (None, _) if !twin.has("shared") => {
            Some(("`twin` has no `shared` database", "name the database of the old backend"))
        }
        (_, None) if !twin.has("clone") => {
            Some(("`twin` has no `clone` database", "name the database of this backend"))
        }
        _ => None,
    };
    if let Some((message, help)) = problem {
        twin.report(Problem::new(span, message).help(help));
    }
    twin.finish();
    Some(TwinSettings { shared: shared?.value, clone: clone?.value })
}

fn is_file(url: &str) -> bool {
    url.starts_with("sqlite://")
}

fn database_url(url: &str) -> Result<String, (String, String)> {
    const SCHEMES: [&str; 3] = ["sqlite://", "postgres://", "postgresql://"];
    let is_known =
        SCHEMES.iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if let Some(asked) = tls_asked(url).filter(|_| is_known) {
        let help = "the proxy speaks to PostgreSQL without TLS: use a socket, a private network or a TLS tunnel on this \
                    machine, and leave `sslmode` out";
        return Err((format!("`sslmode={asked}` asks for TLS"), help.to_owned()));
    }
    if is_known {
        return Ok(url.to_owned());
    }
    let help = "write `sqlite://PATH` or `postgres://USER@HOST/NAME`";
    Err((format!("`{url}` is no URL of a database"), help.to_owned()))
}

/// The `sslmode` of a PostgreSQL URL that is not content without TLS.
fn tls_asked(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?').filter(|_| !is_file(url))?;
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut modes = pairs.filter(|(name, _)| matches!(&**name, "sslmode" | "ssl-mode"));
    let asks = |mode: &str| !matches!(mode, "disable" | "allow" | "prefer");
    modes.find(|(_, mode)| asks(mode)).map(|(_, mode)| mode.into_owned())
}

/// A time of more than nothing.
pub(crate) fn time(section: &mut Section<'_, '_>, key: &'static str) -> Option<Duration> {
    let help = || "write a whole number with its unit: `250ms`, `10s`, `2m`, `1h`".to_owned();
    let written = section.parsed(key, "\"10s\"", |text| match duration::parse(text) {
        None => Err((format!("`{text}` is no duration"), help())),
        Some(Duration::ZERO) => Err((format!("`{key}` of nothing would never succeed"), help())),
        Some(duration) => Ok(duration),
    });
    written.map(|written| written.value)
}

/// A size or count that fits the machine.
fn size(section: &mut Section<'_, '_>, key: &'static str, least: u64) -> Option<usize> {
    let most = u64::from(u32::MAX);
    section.whole(key, least..=most).and_then(|written| usize::try_from(written.value).ok())
}

fn limits(root: &mut Section<'_, '_>) -> Limits {
    let mut section = root.section("limits", "[limits]");
    let default = Limits::default();
    let body = section.whole("max_body_bytes", 0..=i64::MAX.unsigned_abs());
    let limits = Limits {
        max_body_bytes: body.map_or(default.max_body_bytes, |written| written.value),
        max_header_bytes: size(&mut section, "max_header_bytes", 1024)
            .unwrap_or(default.max_header_bytes),
        max_headers: size(&mut section, "max_headers", 1).unwrap_or(default.max_headers),
        max_in_flight: size(&mut section, "max_in_flight", 1).unwrap_or(default.max_in_flight),
        max_connections: size(&mut section, "max_connections", 1)
            .unwrap_or(default.max_connections),
        max_connections_per_client: size(&mut section, "max_connections_per_client", 1)
            .unwrap_or(default.max_connections_per_client),
        max_requests_per_client: size(&mut section, "max_requests_per_client", 1)
            .unwrap_or(default.max_requests_per_client),
        header_timeout: time(&mut section, "header_timeout").unwrap_or(default.header_timeout),
        min_body_rate: section
            .whole("min_body_rate", 1..=1 << 30)
            .map_or(default.min_body_rate, |written| written.value),
        keep_alive_timeout: time(&mut section, "keep_alive_timeout")
            .unwrap_or(default.keep_alive_timeout),
        client_timeout: time(&mut section, "client_timeout").unwrap_or(default.client_timeout),
        stream_timeout: time(&mut section, "stream_timeout").unwrap_or(default.stream_timeout),
        shutdown_timeout: time(&mut section, "shutdown_timeout")
            .unwrap_or(default.shutdown_timeout),
    };
    section.finish();
    limits
}

fn mirroring(root: &mut Section<'_, '_>) -> MirrorBounds {
    let mut section = root.section("mirroring", "[mirroring]");
    let default = MirrorBounds::default();
    let bounds = MirrorBounds {
        max_in_flight: size(&mut section, "max_in_flight", 0).unwrap_or(default.max_in_flight),
        max_in_flight_bytes: size(&mut section, "max_in_flight_bytes", 0)
            .unwrap_or(default.max_in_flight_bytes),
        max_body_bytes: size(&mut section, "max_body_bytes", 0).unwrap_or(default.max_body_bytes),
        timeout: time(&mut section, "timeout").unwrap_or(default.timeout),
    };
    section.finish();
    bounds
}

fn evidence(root: &mut Section<'_, '_>) -> EvidenceSettings {
    let mut section = root.section("evidence", "[evidence]");
    let default = EvidenceSettings::default();
    let url = section.parsed("url", "\"sqlite://evidence.db\"", database_url);
    let max_bytes = section.whole("max_bytes", 1 << 20..=i64::MAX.unsigned_abs());
    let evidence = EvidenceSettings {
        url: url.map_or(default.url, |written| written.value),
        retention: time(&mut section, "retention").unwrap_or(default.retention),
        max_bytes: max_bytes.map_or(default.max_bytes, |written| written.value),
        examples: size(&mut section, "examples", 0).map_or(default.examples, |most| most.min(100)),
        mask: json_paths(&mut section, "mask").unwrap_or(default.mask),
    };
    section.finish();
    evidence
}

fn route(mut section: Section<'_, '_>) -> RouteEntry {
    for (key, example) in [("name", "workflows"), ("path", "/api/v1/agent/workflows/{*rest}")] {
        if !section.has(key) {
            let problem = Problem::new(section.span.clone(), format!("the route has no `{key}`"));
            section.report(problem.help(format!("write `{key} = \"{example}\"`")));
        }
    }
    let name = section.text("name", "\"workflows\"");
    if let Some(name) = &name {
        check_identifier(&section, name, "route");
    }
    let entry = RouteEntry {
        name,
        path: section.text("path", "\"/api/v1/agent/workflows/{*rest}\""),
        methods: methods(&mut section),
        old_path: section.text("old_path", "\"/api/v1/agents/workflows/{rest}\""),
        new_path: section.text("new_path", "\"/api/v1/agents/workflows/{rest}\""),
        stage: section.parsed("stage", "\"monolith\"", stage).map(|written| written.value),
        settings: Settings::read(&mut section),
        span: section.span.clone(),
    };
    section.finish();
    entry
}

fn stage(word: &str) -> Result<Stage, (String, String)> {
    word.parse().map_err(|_error: crate::stage::UnknownStage| {
        let stages = Stage::ALL.map(Stage::as_str);
        let help = nearest(word, stages).map_or_else(
            || format!("use {}", listed(stages)),
            |near| format!("did you mean `{near}`?"),
        );
        (format!("`{word}` is no stage"), help)
    })
}

fn methods(section: &mut Section<'_, '_>) -> Option<Written<Vec<String>>> {
    let texts = section.texts("methods", "[\"GET\"]")?;
    if texts.value.is_empty() {
        let problem = Problem::new(texts.span.clone(), "no method at all");
        section.report(problem.help("name some, or leave `methods` out for every method"));
    }
    let mut methods: Vec<String> = Vec::new();
    for text in &texts.value {
        let method = &text.value;
        let problem = |message: String| Problem::new(text.span.clone(), message);
        if methods.contains(method) {
            section.report(
                problem(format!("method `{method}` stands twice")).help("remove one of them"),
            );
        } else if METHODS.contains(&method.as_str()) {
            methods.push(method.clone());
        } else {
            let help = nearest(method, METHODS).map_or_else(
                || format!("known are {}", listed(METHODS)),
                |near| format!("did you mean `{near}`?"),
            );
            section.report(problem(format!("unknown method `{method}`")).help(help));
        }
    }
    methods.sort_unstable();
    Some(texts.map(|_| methods))
}

/// Names are typed on command lines and stand in metrics: no spaces, quotes or control characters.
fn check_identifier(section: &Section<'_, '_>, name: &Written<String>, what: &str) {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let text = &name.value;
    if text.is_empty() || text.len() > 64 || !text.bytes().all(good) || text.starts_with('-') {
        let message = format!("`{text}` is no name for a {what}");
        let help = "use up to 64 letters, digits, `.`, `_` and `-`, and no `-` first";
        section.report(Problem::new(name.span.clone(), message).help(help));
    }
}
