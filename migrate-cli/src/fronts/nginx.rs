//! The configuration of nginx: maps that find the rule, and a location for each backend and kind of time-out.

use askama::Template;

use super::path::{REFUSED, quoted};
use super::rules::{Piece, Rule};
use super::servers::{Servers, milliseconds};
use super::{Front, Inexpressible};

/// The first status by which a request is handed to a location; none of them is anybody's answer.
const FIRST_STATUS: usize = 560;
/// Most of them: nginx knows no status above 599.
const MOST_WAYS: usize = 40;

/// What this front does otherwise.
pub(super) const NOTES: [&str; 8] = [
    "headers that a client names in `Connection` pass, but for the well-known ones",
    "servers are taken out of turn when they fail a request (max_fails), not by health checks; open-source nginx has none",
    "HTTP/2 to backends (`http2 = true`) is not spoken; they are asked over HTTP/1.1",
    "headers whose names have an underscore are left out",
    "a header section that is too long is answered 400 or 414, not 431",
    "a `Prefer` with `tx=rollback` is left out whole, with its other wishes",
    "where a backend has several servers, a PUT or DELETE that one of them left without an answer is sent to the next (POST, PATCH and LOCK are not)",
    "a path that nginx can't read is answered 400 by itself",
];

#[derive(Template)]
#[template(path = "retire/nginx.conf", escape = "none")]
struct Page<'f> {
    it: &'f Front<'f>,
    refused: Vec<(&'static str, String)>,
    rules: Vec<Line<'f>>,
    servers: Vec<Upstream>,
    ways: Vec<Way>,
    fallback: String,
    body: u64,
    head: usize,
    header_timeout: String,
    client_timeout: String,
    keep_alive: String,
}

/// A rule in nginx's words.
struct Line<'f> {
    about: &'f str,
    name: &'f str,
    clean: String,
    ambiguous: Option<String>,
    rewrite: Option<(String, String)>,
    servers: String,
}

struct Upstream {
    name: String,
    targets: Vec<String>,
}

/// A location.
struct Way {
    /// What the map says.
    name: String,
    status: usize,
    scheme: &'static str,
    upstream: String,
    connect: String,
    silence: String,
    tries: usize,
    tls: Option<Proof>,
}

struct Proof {
    ca: String,
    name: String,
    verify: bool,
}

/// Writes it.
pub(super) fn write(front: &Front<'_>) -> Result<String, Inexpressible> {
    let mut ways = Vec::new();
    for (_, servers) in front.asked() {
        for is_stream in [false, true] {
            ways.push(way(front, servers, is_stream, FIRST_STATUS + ways.len())?);
        }
    }
    if ways.len() > MOST_WAYS {
        let why = format!("nginx can tell {} of them apart here, not more", MOST_WAYS / 2);
        return Err(Inexpressible::new("the backends", why));
    }
    let upstreams = front.asked().map(|(_, servers)| Upstream {
        name: servers.name.clone(),
        targets: servers.targets.iter().map(ToString::to_string).collect(),
    });
    let refused = REFUSED.iter().filter(|_| front.is_straight);
    let page = Page {
        it: front,
        refused: refused.map(|(what, regex)| (*what, escaped(regex))).collect(),
        rules: front.rules.iter().map(|rule| line(front, rule)).collect(),
        servers: upstreams.collect(),
        ways,
        fallback: name(front, front.fallback),
        body: front.limits.max_body_bytes,
        head: front.limits.max_header_bytes,
        header_timeout: milliseconds(front.limits.header_timeout),
        client_timeout: milliseconds(front.limits.client_timeout),
        keep_alive: milliseconds(front.limits.keep_alive_timeout),
    };
    page.render().map_err(|why| Inexpressible::new("the template", why.to_string()))
}

fn name(front: &Front<'_>, place: usize) -> String {
    front.servers.get(place).map_or_else(String::new, |servers| servers.name.clone())
}

fn line<'f>(front: &'f Front<'_>, rule: &'f Rule) -> Line<'f> {
    let methods = rule.methods.as_ref().map_or_else(
        || "[^ ]+".to_owned(),
        |all| {
            let all: Vec<String> = all.iter().map(|method| quoted(method)).collect();
            format!("(?:{})", all.join("|"))
        },
    );
    let full = |paths: &str| escaped(&format!("^{methods} {paths}$"));
    Line {
        about: &rule.about,
        name: &rule.name,
        clean: full(&rule.paths.clean),
        ambiguous: rule.paths.ambiguous.as_deref().map(full),
        rewrite: rule.rewrite.as_ref().map(|rewrite| {
            let to = rewrite.to.iter().map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Group(group) => format!("${group}"),
            });
            (escaped(&format!("^{} {}$", rule.name, rewrite.from)), to.collect())
        }),
        servers: name(front, rule.servers),
    }
}

/// As it stands between double quotes: nginx takes a backslash away that stands before one of these.
fn escaped(regex: &str) -> String {
    regex.replace('"', "\\x22")
}

fn way(
    front: &Front<'_>,
    servers: &Servers,
    is_stream: bool,
    status: usize,
) -> Result<Way, Inexpressible> {
    let tls = servers.tls.as_ref().map(|tls| {
        let name = servers.one_name().ok_or_else(|| {
            let why = "its servers prove different names, and nginx asks all of them for one; set `tls.server_name`";
            Inexpressible::new(format!("backend {}", servers.backend), why)
        })?;
        servers.refuse_address(name)?;
        Ok(Proof { ca: tls.ca.clone(), name: name.to_owned(), verify: tls.verify })
    });
    let silence = if is_stream { front.limits.stream_timeout } else { servers.response_timeout };
    Ok(Way {
        name: format!("{}{}", servers.name, if is_stream { " stream" } else { "" }),
        status,
        scheme: if servers.tls.is_some() { "https" } else { "http" },
        upstream: servers.name.clone(),
        connect: milliseconds(servers.connect_timeout),
        silence: milliseconds(silence),
        tries: servers.targets.len(),
        tls: tls.transpose()?,
    })
}
