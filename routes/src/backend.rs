//! A backend: a named group of servers that can answer.

use std::fmt;
use std::time::Duration;

use crate::policy::TwinSettings;

/// Index of a backend in [`crate::RouteTable::backends`]; valid for the table it came from only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub(crate) usize);

impl BackendId {
    /// Position in [`crate::RouteTable::backends`].
    pub const fn index(self) -> usize {
        self.0
    }
}

/// One server of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Host name or address, without brackets for IPv6.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Target {
    /// Reads `http://host:port`.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn parse(url: &str) -> Result<Self, (String, String)> {
        match Self::parse_any(url)? {
            (target, Scheme::Http) => Ok(target),
            (_, Scheme::Https) => Err((
                format!("`{url}`: an admin interface has no TLS"),
                "use `http://` in a trusted network".to_owned(),
            )),
        }
    }

    /// Reads `http://host:port` or `https://host:port`.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub(crate) fn parse_any(url: &str) -> Result<(Self, Scheme), (String, String)> {
        let Some((scheme, authority)) = url.split_once("://") else {
            return Err((format!("`{url}` has no scheme"), format!("write `http://{url}`")));
        };
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => {
                let message = format!("`{scheme}://` is no scheme for a server");
                return Err((message, format!("write `http://{authority}`")));
            }
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#', '@']) {
            let message = format!("`{url}` has more than a host and a port");
            return Err((message, "write `http://host:port`".to_owned()));
        }
        let split = authority
            .rsplit_once(':')
            .filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let Some((host, port)) = split else {
            return Err((
                format!("`{url}` has no port"),
                format!("write `http://{authority}:8011`"),
            ));
        };
        let Some(port) = port.parse().ok().filter(|port| *port != 0) else {
            return Err((
                format!("`{port}` is no port"),
                "write a number from 1 to 65535".to_owned(),
            ));
        };
        match url::Host::parse(host) {
            Ok(url::Host::Ipv6(address)) => Ok((Self { host: address.to_string(), port }, scheme)),
            Ok(host) if is_host(&host.to_string()) => {
                Ok((Self { host: host.to_string(), port }, scheme))
            }
            // URLs take more than any server is called by.
            Ok(host) => {
                let help = "write a name of letters, digits, `-`, `_` and `.`";
                Err((format!("`{host}` is no host"), help.to_owned()))
            }
            Err(error) => {
                let help = "write a host name, an IPv4 address, or an IPv6 address in brackets";
                Err((format!("`{host}` is no host: {error}"), help.to_owned()))
            }
        }
    }
}

/// Whether this is the name or the address of a server, so that it means nothing else in a configuration either.
pub(crate) fn is_host(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = !text.is_empty() && !text.starts_with('-') && text.chars().all(fits);
    is_name || text.parse::<std::net::IpAddr>().is_ok()
}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// `host:port`, with brackets for IPv6.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How writes are mirrored to a backend; every tier fails closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MirrorWrites {
    /// `never`: only safe methods are mirrored.
    #[default]
    Never,
    /// `dry-run`: a sample of writes is rehearsed first, in a transaction that the backend always rolls back.
    DryRun,
    /// `twin`: the backend has a database of its own, cloned from the shared one; every write is mirrored for real.
    Twin,
}

impl MirrorWrites {
    /// Every tier, safest first.
    pub const ALL: [Self; 3] = [Self::Never, Self::DryRun, Self::Twin];

    /// The word used in `routes.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::DryRun => "dry-run",
            Self::Twin => "twin",
        }
    }
}

/// `tls`: how servers named by `https://` prove who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendTls {
    /// `ca`: PEM file of the authorities that may vouch for them, relative to the table's folder; absent: the machine's own. Read
    /// when the table is.
    pub ca: Option<String>,
    /// `server_name`: the name that is asked for and must stand in their certificates; absent: the host of each.
    pub server_name: Option<String>,
    /// `verify`: `false` takes any certificate. Default true.
    pub verify: bool,
}

impl Default for BackendTls {
    fn default() -> Self {
        Self { ca: None, server_name: None, verify: true }
    }
}

/// A backend as meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// Name, as in `[backends.NAME]`.
    pub name: String,
    /// Servers; never empty.
    pub targets: Vec<Target>,
    /// Path that answers 2xx while a server is well; absent: a TCP connect is the check.
    pub health: Option<String>,
    /// Path that answers 2xx while the database is as the backend needs it; the gate asks for it. Absent: it does not.
    pub schema: Option<String>,
    /// Time between two health checks of one server. Default 1 s.
    pub health_interval: Duration,
    /// Limit for opening a connection. Default 1 s.
    pub connect_timeout: Duration,
    /// Limit between two reads of a response (and for its first byte). Default 30 s.
    pub response_timeout: Duration,
    /// Set where its servers are named by `https://`.
    pub tls: Option<BackendTls>,
    /// `http2`: requests go over HTTP/2 (without TLS by prior knowledge, with TLS where the server agrees). Default false.
    pub http2: bool,
    /// How writes may be mirrored to it.
    pub mirror_writes: MirrorWrites,
    /// The databases whose rows are compared after a mirrored write; with `mirror_writes = "twin"` only.
    pub twin: Option<TwinSettings>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_and_a_port() {
        let read = |url| Target::parse(url).map(|target| target.to_string());
        assert_eq!(read("http://127.0.0.1:8011"), Ok("127.0.0.1:8011".into()));
        assert_eq!(read("http://monolith.internal:80/"), Ok("monolith.internal:80".into()));
        assert_eq!(read("http://[::1]:8011"), Ok("[::1]:8011".into()));
        assert_eq!(Target::parse("http://[::1]:1").unwrap().host, "::1");
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for (url, message, help) in [
            ("127.0.0.1:8011", "no scheme", "http://127.0.0.1:8011"),
            ("https://a:1", "has no TLS", "http://"),
            ("http://a;b:1", "`a;b` is no host", "letters, digits"),
            ("ftp://a:1", "no scheme for a server", "http://a:1"),
            ("http://a", "no port", "http://a:8011"),
            ("http://[::1]", "no port", "http://[::1]:8011"),
            ("http://a:0", "no port", "1 to 65535"),
            ("http://a:70000", "no port", "1 to 65535"),
            ("http://a:1/v1", "more than", "http://host:port"),
            ("http://me@a:1", "more than", "http://host:port"),
            ("http://:1", "no host", "host name"),
            ("http://a b:1", "no host", "host name"),
        ] {
            let (found, advice) = Target::parse(url).unwrap_err();
            assert!(found.contains(message), "{url}: {found}");
            assert!(advice.contains(help), "{url}: {advice}");
        }
    }
}
