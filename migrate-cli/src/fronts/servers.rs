//! Who is asked: the servers of a backend, or the proxy.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use routes::{Backend, RouteTable, Target};

use super::Inexpressible;
use super::quoting::file_name;

/// A named group of servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Servers {
    /// As the table names them.
    pub(super) backend: String,
    /// As a front does: of letters, digits, `-` and `_`, and like nothing of the operator's own.
    pub(super) name: String,
    pub(super) targets: Vec<Target>,
    /// Path that answers 2xx while a server is well; absent: a TCP connect is the check.
    pub(super) health: Option<String>,
    pub(super) health_interval: Duration,
    pub(super) connect_timeout: Duration,
    /// Longest silence of an answer.
    pub(super) response_timeout: Duration,
    pub(super) tls: Option<Tls>,
}

/// How they prove who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    /// PEM file of the authorities.
    pub(super) ca: String,
    /// Absent: the host of each.
    pub(super) name: Option<String>,
    pub(super) verify: bool,
}

/// The authorities that a Debian machine knows.
const MACHINES: &str = "/etc/ssl/certs/ca-certificates.crt";

impl Servers {
    /// The backends of a table, whose folder this is, by their places.
    pub(super) fn of_table(table: &RouteTable, folder: &Path) -> Result<Vec<Self>, Inexpressible> {
        let mut all: Vec<Self> = Vec::new();
        for backend in &table.backends {
            let servers = Self::of(backend, folder)?;
            if let Some(other) = all.iter().find(|other| other.name == servers.name) {
                let what = format!("backends {} and {}", other.backend, servers.backend);
                let why = format!("both would be called {} there; rename one", servers.name);
                return Err(Inexpressible::new(what, why));
            }
            all.push(servers);
        }
        Ok(all)
    }

    fn of(backend: &Backend, folder: &Path) -> Result<Self, Inexpressible> {
        let tls = backend.tls.as_ref().map(|tls| {
            let ca = match &tls.ca {
                Some(file) => file_name(&folder.join(file))
                    .map_err(|why| Inexpressible::new(format!("backend {}", backend.name), why))?,
                None => MACHINES.to_owned(),
            };
            Ok(Tls { ca, name: tls.server_name.clone(), verify: tls.verify })
        });
        Ok(Self {
            backend: backend.name.clone(),
            name: named(&backend.name),
            targets: backend.targets.clone(),
            health: backend.health.clone(),
            health_interval: backend.health_interval,
            connect_timeout: backend.connect_timeout,
            response_timeout: backend.response_timeout,
            tls: tls.transpose()?,
        })
    }

    /// The proxies.
    pub(super) fn proxies(targets: &[Target], table: &RouteTable) -> Self {
        // The proxy has limits of its own; this one must not be the shorter.
        let longest = table.backends.iter().map(|backend| backend.response_timeout).max();
        Self {
            backend: "the proxy".to_owned(),
            name: named("proxy"),
            targets: targets.to_vec(),
            health: None,
            health_interval: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            response_timeout: longest.unwrap_or_default().saturating_add(Duration::from_secs(10)),
            tls: None,
        }
    }

    /// The one name that all of them have to prove; `None` where each has its own.
    pub(super) fn one_name(&self) -> Option<&str> {
        if let Some(name) = self.tls.as_ref().and_then(|tls| tls.name.as_deref()) {
            return Some(name);
        }
        let (first, rest) = self.targets.split_first()?;
        rest.iter().all(|target| target.host == first.host).then_some(&first.host)
    }

    /// Refuses a name that can't be verified by a front that looks for names in certificates, and not for addresses.
    pub(super) fn refuse_address(&self, name: &str) -> Result<(), Inexpressible> {
        let is_verified = self.tls.as_ref().is_some_and(|tls| tls.verify);
        if !is_verified || name.parse::<IpAddr>().is_err() {
            return Ok(());
        }
        let why = format!(
            "this front finds no address such as {name} in a certificate; set `tls.server_name` to a name that stands there"
        );
        Err(Inexpressible::new(format!("backend {}", self.backend), why))
    }
}

fn named(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    format!("strangler-{name}")
}

/// A time as all of them read it.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis().max(1))
}
