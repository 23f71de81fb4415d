//! Who is asked: the servers of a backend, or the proxy.

use std::path::Path;
use std::time::Duration;

use routes::{Backend, RouteTable, Target};

/// A named group of servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Servers {
    /// Of letters, digits, `-` and `_`.
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
    /// A backend of the table, whose folder this is.
    pub(super) fn of(backend: &Backend, folder: &Path) -> Self {
        let tls = backend.tls.as_ref().map(|tls| {
            let ca = tls.ca.as_ref().map(|file| folder.join(file).display().to_string());
            Tls {
                ca: ca.unwrap_or_else(|| MACHINES.to_owned()),
                name: tls.server_name.clone(),
                verify: tls.verify,
            }
        });
        Self {
            name: named(&backend.name),
            targets: backend.targets.clone(),
            health: backend.health.clone(),
            health_interval: backend.health_interval,
            connect_timeout: backend.connect_timeout,
            response_timeout: backend.response_timeout,
            tls,
        }
    }

    /// The proxies.
    pub(super) fn proxies(targets: &[Target], table: &RouteTable) -> Self {
        // The proxy has limits of its own; this one must not be the shorter.
        let longest = table.backends.iter().map(|backend| backend.response_timeout).max();
        Self {
            name: "strangler-proxy".to_owned(),
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
}

fn named(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    name.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

/// A time as all of them read it.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis().max(1))
}
