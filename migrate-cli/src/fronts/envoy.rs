//! The configuration of Envoy: routes in order, and a cluster for each group of servers. Each entry is written as JSON on a line of its
//! own, which YAML takes in.

use std::net::SocketAddr;
use std::time::Duration;

use askama::Template;
use serde_json::{Value, json};

use super::path::{REFUSED, quoted};
use super::rules::{Piece, Rewrite, Rule};
use super::servers::Servers;
use super::{Front, Inexpressible};

/// What this front does otherwise.
pub(super) const NOTES: [&str; 5] = [
    "the length of bodies is not limited",
    "HTTP/2 to backends (`http2 = true`) is not spoken; they are asked over HTTP/1.1",
    "a client's own `Prefer: tx=rollback` is answered 400",
    "where more than half of a backend's servers are unwell, all of them are asked",
    "the file is a whole bootstrap without an admin interface: add what your fleet needs",
];

#[derive(Template)]
#[template(path = "retire/envoy.yaml", escape = "none")]
struct Page<'f> {
    it: &'f Front<'f>,
    routes: Vec<Entry>,
    clusters: Vec<Value>,
    address: Value,
    secure: Option<Encrypted>,
    head_kib: usize,
    most_headers: usize,
    header_timeout: String,
    keep_alive: String,
    stream: String,
}

/// Where TLS is spoken with clients.
struct Encrypted {
    address: Value,
    certificate: Value,
}

/// A route.
struct Entry {
    about: Option<String>,
    text: Value,
}

/// Writes it.
pub(super) fn write(front: &Front<'_>) -> Result<String, Inexpressible> {
    let mut routes = Vec::new();
    if front.is_straight {
        routes.extend(refusals());
    }
    for rule in &front.rules {
        routes.extend(of_rule(front, rule));
    }
    let fallback = to(front, front.fallback, None);
    let any = json!({"safe_regex": {"regex": "/.*"}});
    routes.extend(ways(&any, Some("everything else"), &fallback, front));
    let clusters = front.asked().map(|(_, servers)| cluster(servers));
    let limits = front.limits;
    let page = Page {
        it: front,
        routes,
        clusters: clusters.collect::<Result<_, _>>()?,
        address: of_socket(front.entrance.http),
        secure: front.entrance.https.as_ref().map(|secure| Encrypted {
            address: of_socket(secure.address),
            certificate: json!({
                "certificate_chain": {"filename": secure.certificate},
                "private_key": {"filename": secure.key},
            }),
        }),
        head_kib: limits.max_header_bytes.div_ceil(1024).clamp(1, 8192),
        most_headers: limits.max_headers,
        header_timeout: seconds(limits.header_timeout),
        keep_alive: seconds(limits.keep_alive_timeout),
        stream: seconds(limits.stream_timeout),
    };
    page.render().map_err(|why| Inexpressible::new("the template", why.to_string()))
}

/// What is answered 400 whatever the route.
fn refusals() -> Vec<Entry> {
    let entry = |about: &str, text: Value| Entry { about: Some(about.to_owned()), text };
    let of_path = |(what, regex): &(&str, &str)| {
        let regex = match regex.strip_suffix('$') {
            Some(_) => format!(".*{regex}"),
            None => format!(".*(?:{regex}).*"),
        };
        entry(what, refused(&json!({"safe_regex": {"regex": regex}})))
    };
    let with = |header: Value| refused(&json!({"prefix": "/", "headers": [header]}));
    let disguised = ["content_length", "transfer_encoding"].map(|name| {
        entry("a disguised length", with(json!({"name": name, "present_match": true})))
    });
    let rollback = "(?i).*tx[ \\t]*=[ \\t\\x22]*rollback.*";
    let rollback = json!({"name": "prefer", "string_match": {"safe_regex": {"regex": rollback}}});
    let mut all: Vec<Entry> = REFUSED.iter().map(of_path).collect();
    all.extend(disguised);
    all.push(entry("only a rehearsal may wish to be rolled back", with(rollback)));
    all
}

fn refused(condition: &Value) -> Value {
    json!({"match": condition, "direct_response": {"status": 400}})
}

fn of_rule(front: &Front<'_>, rule: &Rule) -> Vec<Entry> {
    let condition = |paths: &str| {
        let mut condition = json!({"safe_regex": {"regex": paths}});
        if let (Some(methods), Some(object)) = (&rule.methods, condition.as_object_mut()) {
            let methods: Vec<String> = methods.iter().map(|method| quoted(method)).collect();
            let regex = json!({"safe_regex": {"regex": methods.join("|")}});
            object
                .insert("headers".to_owned(), json!([{"name": ":method", "string_match": regex}]));
        }
        condition
    };
    let action = to(front, rule.servers, rule.rewrite.as_ref());
    let mut entries = ways(&condition(&rule.paths.clean), Some(&rule.about), &action, front);
    entries.extend(
        rule.paths
            .ambiguous
            .as_deref()
            .map(|paths| Entry { about: None, text: refused(&condition(paths)) }),
    );
    entries
}

/// Where requests go, and how long an answer may be silent.
fn to(front: &Front<'_>, place: usize, rewrite: Option<&Rewrite>) -> Value {
    let Some(servers) = front.servers.get(place) else { return Value::Null };
    let mut action = json!({
        "cluster": servers.name,
        "timeout": "0s",
        "idle_timeout": seconds(servers.response_timeout),
    });
    let Some(object) = action.as_object_mut() else { return action };
    if servers.targets.len() > 1 {
        let retry =
            json!({"retry_on": "connect-failure", "num_retries": servers.targets.len() - 1});
        object.insert("retry_policy".to_owned(), retry);
    }
    if let Some(rewrite) = rewrite {
        let to = rewrite.to.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Group(group) => format!("\\{group}"),
        });
        let rewrite = json!({
            "pattern": {"regex": format!("^{}$", rewrite.from)},
            "substitution": to.collect::<String>(),
        });
        object.insert("regex_rewrite".to_owned(), rewrite);
    }
    action
}

/// The same for those that leave HTTP and for event streams, which may be silent for longer, and for the rest.
fn ways(condition: &Value, about: Option<&str>, action: &Value, front: &Front<'_>) -> Vec<Entry> {
    let silence = json!({"idle_timeout": seconds(front.limits.stream_timeout)});
    let is = |name: &str, matches: Value| {
        let mut condition = condition.clone();
        if let Some(object) = condition.as_object_mut() {
            let headers = object.entry("headers").or_insert_with(|| json!([]));
            if let Some(headers) = headers.as_array_mut() {
                headers.push(json!({"name": name, "string_match": matches}));
            }
        }
        condition
    };
    let entry = |about: Option<&str>, condition: Value, more: Value| {
        let mut action = action.clone();
        merge(&mut action, more);
        let text = json!({"match": condition, "route": action});
        Entry { about: about.map(str::to_owned), text }
    };
    let mut upgrades = json!({"upgrade_configs": [{"upgrade_type": "websocket"}]});
    merge(&mut upgrades, silence.clone());
    let websocket = is("upgrade", json!({"exact": "websocket", "ignore_case": true}));
    let events = is("accept", json!({"contains": "text/event-stream", "ignore_case": true}));
    vec![
        entry(about, websocket, upgrades),
        entry(None, events, silence),
        entry(None, condition.clone(), json!({})),
    ]
}

fn cluster(servers: &Servers) -> Result<Value, Inexpressible> {
    let endpoints = servers
        .targets
        .iter()
        .map(|target| json!({"endpoint": {"address": address(&target.host, target.port)}}));
    let check = match &servers.health {
        Some(path) => {
            json!({"http_health_check": {"path": path, "expected_statuses": [{"start": 200, "end": 300}]}})
        }
        None => json!({"tcp_health_check": {}}),
    };
    let mut health = json!({
        "timeout": seconds(servers.connect_timeout),
        "interval": seconds(servers.health_interval),
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    });
    merge(&mut health, check);
    let mut cluster = json!({
        "name": servers.name,
        "type": "STRICT_DNS",
        "connect_timeout": seconds(servers.connect_timeout),
        "load_assignment": {
            "cluster_name": servers.name,
            "endpoints": [{"lb_endpoints": endpoints.collect::<Vec<_>>()}],
        },
        "health_checks": [health],
    });
    if let Some(tls) = &servers.tls {
        let name = servers.one_name().ok_or_else(|| {
            let why = "its servers prove different names, and one cluster asks for one; set `tls.server_name`";
            Inexpressible::new(format!("backend {}", servers.backend), why)
        })?;
        let proof = json!({
            "trusted_ca": {"filename": tls.ca},
            "match_typed_subject_alt_names": san(name),
        });
        let context = if tls.verify { json!({"validation_context": proof}) } else { json!({}) };
        let socket = json!({"transport_socket": {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": name,
                "common_tls_context": context,
            },
        }});
        merge(&mut cluster, socket);
    }
    Ok(cluster)
}

fn san(name: &str) -> Value {
    let kind = if name.parse::<std::net::IpAddr>().is_ok() { "IP_ADDRESS" } else { "DNS" };
    json!([{"san_type": kind, "matcher": {"exact": name}}])
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

fn of_socket(at: SocketAddr) -> Value {
    address(&at.ip().to_string(), at.port())
}

fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}

fn seconds(time: Duration) -> String {
    format!("{}.{:03}s", time.as_secs(), time.subsec_millis())
}
