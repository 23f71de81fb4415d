//! The configuration of HAProxy: the rules in order, and a backend for each group of servers.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use askama::Template;

use super::path::REFUSED;
use super::quoting::word;
use super::rules::{Piece, Rule};
use super::servers::{Servers, Tls, milliseconds};
use super::{Front, Inexpressible, Secure};

/// Longest condition: HAProxy reads lines of 2,048 bytes.
const LONGEST: usize = 1900;

/// The links to certificate and key: HAProxy looks for a key in the file of the certificate, and in one that is called like it.
pub(super) const PAIR: [&str; 2] = ["haproxy.tls.pem", "haproxy.tls.pem.key"];

/// What this front does otherwise.
pub(super) const NOTES: [&str; 5] = [
    "headers that a client names in `Connection` pass, but for the well-known ones",
    "a body whose length is not announced is not limited",
    "HTTP/2 to backends (`http2 = true`) is not spoken; they are asked over HTTP/1.1",
    "the longest header section is that of `tune.bufsize` (`global`), answered 400",
    "a `Prefer` with `tx=rollback` is left out whole, with its other wishes",
];

#[derive(Template)]
#[template(path = "retire/haproxy.cfg", escape = "none")]
struct Page<'f> {
    it: &'f Front<'f>,
    refused: Vec<(&'static str, &'static str)>,
    rules: Vec<Line<'f>>,
    backends: Vec<Backend>,
    secure: Option<Encrypted>,
    fallback: String,
    body: u64,
    header_timeout: String,
    client_timeout: String,
    keep_alive: String,
    stream: String,
}

/// Where TLS is spoken with clients.
struct Encrypted {
    address: SocketAddr,
    /// The certificate; its key is beside it.
    pair: String,
}

/// A rule in HAProxy's words.
struct Line<'f> {
    about: &'f str,
    name: &'f str,
    clean: String,
    ambiguous: Option<String>,
    rewrite: Option<String>,
    servers: String,
}

struct Backend {
    name: String,
    connect: String,
    silence: String,
    health: Option<String>,
    /// What health checks call it.
    host: String,
    servers: Vec<String>,
}

/// Writes it.
pub(super) fn write(front: &Front<'_>) -> Result<String, Inexpressible> {
    let name = |place: usize| {
        front.servers.get(place).map_or_else(String::new, |servers| servers.name.clone())
    };
    let refused = REFUSED.iter().filter(|_| front.is_straight);
    let limits = front.limits;
    let page = Page {
        it: front,
        refused: refused.copied().collect(),
        rules: front.rules.iter().map(|rule| line(rule, name(rule.servers))).collect(),
        backends: front.asked().map(|(_, servers)| backend(servers)).collect::<Result<_, _>>()?,
        secure: front.entrance.https.as_ref().map(encrypted),
        fallback: name(front.fallback),
        body: limits.max_body_bytes,
        header_timeout: milliseconds(limits.header_timeout),
        client_timeout: milliseconds(limits.client_timeout),
        keep_alive: milliseconds(limits.keep_alive_timeout),
        stream: milliseconds(limits.stream_timeout),
    };
    let is_long = |line: &&Line<'_>| {
        let regexes = [Some(&line.clean), line.ambiguous.as_ref(), line.rewrite.as_ref()];
        regexes.into_iter().flatten().any(|text| text.len() > LONGEST)
    };
    if let Some(line) = page.rules.iter().find(is_long) {
        let why = format!("it makes a line of more than {LONGEST} characters");
        return Err(Inexpressible::new(line.about, why));
    }
    page.render().map_err(|why| Inexpressible::new("the template", why.to_string()))
}

fn line(rule: &Rule, servers: String) -> Line<'_> {
    let methods = rule.methods.as_ref().map(|all| format!("{{ method {} }} ", all.join(" ")));
    let methods = methods.unwrap_or_default();
    let condition = |paths: &str| format!("{methods}{{ path -m reg '^{paths}$' }}");
    let to = |pieces: &[Piece]| {
        let mut to = String::new();
        for piece in pieces {
            // Writing to a text can't fail.
            let _written = match piece {
                Piece::Text(text) => write!(to, "{}", text.replace('%', "%%")),
                Piece::Group(group) => write!(to, "\\{group}"),
            };
        }
        to
    };
    Line {
        about: &rule.about,
        name: &rule.name,
        clean: condition(&rule.paths.clean),
        ambiguous: rule.paths.ambiguous.as_deref().map(condition),
        rewrite: rule
            .rewrite
            .as_ref()
            .map(|rewrite| format!("'^{}$' '{}'", rewrite.from, to(&rewrite.to))),
        servers,
    }
}

/// By the link to the certificate, beside which HAProxy finds the one to the key.
fn encrypted(secure: &Secure) -> Encrypted {
    let [certificate, _key] = PAIR;
    Encrypted { address: secure.address, pair: word(&format!("{}/{certificate}", secure.folder)) }
}

fn backend(servers: &Servers) -> Result<Backend, Inexpressible> {
    let every = milliseconds(servers.health_interval);
    let targets = servers.targets.iter().zip(1..);
    let lines = targets.map(|(target, number)| {
        let tls = match &servers.tls {
            Some(tls) => proof(servers, tls, &target.host)?,
            None => String::new(),
        };
        Ok(format!("server s{number} {target} check inter {every} fall 2 rise 1{tls}"))
    });
    Ok(Backend {
        name: servers.name.clone(),
        connect: milliseconds(servers.connect_timeout),
        silence: milliseconds(servers.response_timeout),
        health: servers.health.as_deref().map(word),
        host: servers.targets.first().map_or_else(String::new, ToString::to_string),
        servers: lines.collect::<Result<_, _>>()?,
    })
}

/// How a server with TLS is asked, and proves who it is.
fn proof(servers: &Servers, tls: &Tls, host: &str) -> Result<String, Inexpressible> {
    let name = tls.name.as_deref().unwrap_or(host);
    servers.refuse_address(name)?;
    let proof = if tls.verify {
        format!("verify required ca-file {} verifyhost {name}", word(&tls.ca))
    } else {
        "verify none".to_owned()
    };
    // An address is no name that could be asked for.
    let asked = match name.parse::<IpAddr>() {
        Ok(_) => String::new(),
        Err(_) => format!(" sni str({name}) check-sni {name}"),
    };
    Ok(format!(" ssl {proof}{asked}"))
}
