//! The configuration of a front (nginx, HAProxy, Envoy) that does what the proxy does with a table: pure, text out.
//!
//! The table becomes an ordered list of rules (`rules`), each with regular expressions of a path as the client sent it (`path`), so
//! that the first that fits is the route that the proxy would take. Each front writes the same list in its own words.

mod quoting;
mod path;
mod rules;
mod servers;
mod nginx;
mod haproxy;
mod envoy;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use routes::generation::Generation;
use routes::table::Limits;
use routes::{RouteTable, Target};
use serde::Serialize;

use quoting::file_name;
use rules::Rule;
use servers::Servers;

/// Which program takes the proxy's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// nginx (tried with 1.22)
    Nginx,
    /// HAProxy (tried with 2.6)
    Haproxy,
    /// Envoy (tried with 1.38)
    Envoy,
}

impl Kind {
    /// Every one.
    pub(crate) const ALL: [Self; 3] = [Self::Nginx, Self::Haproxy, Self::Envoy];

    /// The file that the front reads: a link to one of the others.
    pub(crate) const fn link(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.conf",
            Self::Haproxy => "haproxy.cfg",
            Self::Envoy => "envoy.yaml",
        }
    }

    /// The file that sends requests straight to the backends.
    pub(crate) const fn straight(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.straight.conf",
            Self::Haproxy => "haproxy.straight.cfg",
            Self::Envoy => "envoy.straight.yaml",
        }
    }

    /// The links by which the front finds certificate and key where it can't be told of two files: the second is called like the
    /// first, with `.key`. None where it can.
    pub(crate) const fn pair(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Haproxy => Some(haproxy::PAIR),
            Self::Nginx | Self::Envoy => None,
        }
    }

    /// The file that sends every request to the proxy.
    pub(crate) const fn back(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.proxy.conf",
            Self::Haproxy => "haproxy.proxy.cfg",
            Self::Envoy => "envoy.proxy.yaml",
        }
    }
}

/// What can't be said in a front's configuration without sending some request elsewhere than the proxy does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub(crate) struct Inexpressible {
    /// Which route or backend.
    pub(crate) what: String,
    /// Why it can't be said.
    pub(crate) why: String,
}

impl Inexpressible {
    fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

/// Where a front takes requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entrance {
    /// Without TLS.
    pub(crate) http: SocketAddr,
    /// With TLS.
    pub(crate) https: Option<Secure>,
}

/// Where a front takes requests with TLS, over HTTP/1.1 and HTTP/2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secure {
    pub(crate) address: SocketAddr,
    certificate: String,
    key: String,
    /// The folder of the front's files.
    folder: String,
}

impl Secure {
    /// With these PEM files, for a front whose files are in a folder; all of them from the root.
    ///
    /// # Errors
    /// A name that can't be said in any front.
    pub(crate) fn new(
        address: SocketAddr,
        certificate: &Path,
        key: &Path,
        folder: &Path,
    ) -> Result<Self, Inexpressible> {
        let name = |path| file_name(path).map_err(|why| Inexpressible::new("`[listen] tls`", why));
        let folder = file_name(folder).map_err(|why| Inexpressible::new("`--to`", why))?;
        Ok(Self { address, certificate: name(certificate)?, key: name(key)?, folder })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the links of [`Kind::pair`] lead.
    pub(crate) fn pair(&self) -> [PathBuf; 2] {
        [PathBuf::from(&self.certificate), PathBuf::from(&self.key)]
    }
}

/// What a front is to do.
#[derive(Debug)]
pub(crate) struct Front<'t> {
    /// The version of the table that it does the work of.
    generation: &'t Generation,
    entrance: &'t Entrance,
    limits: &'t Limits,
    /// The first that fits a request decides.
    rules: Vec<Rule>,
    /// Who is asked; rules name them by their place.
    servers: Vec<Servers>,
    /// Who answers what no rule fits.
    fallback: usize,
    /// Whether the proxy is passed by; else it does the rest itself.
    is_straight: bool,
}

impl<'t> Front<'t> {
    /// Everything straight to the backends, as the table says at the stages where its routes are. `folder`: what paths in the table
    /// are relative to.
    ///
    /// # Errors
    /// What can't be said in any front.
    pub(crate) fn straight(
        table: &'t RouteTable,
        entrance: &'t Entrance,
        folder: &Path,
    ) -> Result<Self, Inexpressible> {
        let servers = Servers::of_table(table, folder)?;
        Ok(Self {
            generation: &table.generation,
            entrance,
            limits: &table.limits,
            rules: rules::of(table)?,
            servers,
            fallback: table.fallback.index(),
            is_straight: true,
        })
    }

    /// Everything to the proxy.
    pub(crate) fn to_proxy(
        table: &'t RouteTable,
        entrance: &'t Entrance,
        proxies: &[Target],
    ) -> Self {
        Self {
            generation: &table.generation,
            entrance,
            limits: &table.limits,
            rules: Vec::new(),
            servers: vec![Servers::proxies(proxies, table)],
            fallback: 0,
            is_straight: false,
        }
    }

    /// The configuration for one front.
    ///
    /// # Errors
    /// What can't be said in this one.
    pub(crate) fn write(&self, kind: Kind) -> Result<String, Inexpressible> {
        let text = match kind {
            Kind::Nginx => nginx::write(self),
            Kind::Haproxy => haproxy::write(self),
            Kind::Envoy => envoy::write(self),
        }?;
        // A template ends with its last line, a file with that line's end.
        Ok(format!("{}\n", text.trim_end()))
    }

    fn is_asked(&self, place: usize) -> bool {
        self.fallback == place || self.rules.iter().any(|rule| rule.servers == place)
    }

    /// Who is asked at all, with their places.
    fn asked(&self) -> impl Iterator<Item = (usize, &Servers)> {
        self.servers.iter().enumerate().filter(|(place, _)| self.is_asked(*place))
    }
}

/// What the proxy did and a front does not, or does otherwise; `is_secure`: with TLS for clients.
pub(crate) fn notes(kind: Kind, is_secure: bool) -> Vec<&'static str> {
    let own: &[&str] = match kind {
        Kind::Nginx => &nginx::NOTES,
        Kind::Haproxy => &haproxy::NOTES,
        Kind::Envoy => &envoy::NOTES,
    };
    let of_tls = WITH_TLS.iter().filter(|_| is_secure);
    EVERY_FRONT.iter().chain(own).chain(of_tls).copied().collect()
}

/// What no front does with a certificate.
const WITH_TLS: [&str; 2] = [
    "a renewed certificate is not noticed: whoever renews it has to reload the front (Envoy: start it anew)",
    "who runs the front must be able to read the key; nginx and HAProxy read it as root",
];

/// What no front does.
const EVERY_FRONT: [&str; 7] = [
    "nothing is mirrored, compared, guarded or failed over: what the service fails, the client sees",
    "limits of connections, of requests in flight, of a client's requests and of slow bodies (`[limits]`) are left to the front",
    "X-Forwarded-For, -Proto and -Host are replaced and Forwarded is removed: nobody before this front is believed",
    "`traceparent` passes as the client sent it; no new parent is made",
    "a target with `#` is answered 400",
    "targets with characters that no URL has, or with a host that is not the one of `Host`, may pass",
    "host names of targets are resolved as this front does it: most of them at their start only",
];
