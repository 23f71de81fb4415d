//! One server of a backend: where it is, and what checks and requests have shown of its health.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};

use arc_swap::ArcSwap;

use super::build::Build;
use super::{Identity, Server};

/// Consecutive failed checks that make a target unhealthy. One lost answer is no outage; a request
/// that could not connect counts at once, see [`Target::connect_failed`].
const FAILED_CHECKS: u32 = 2;

/// What is known of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// Not checked yet: it gets requests.
    Unknown,
    /// It gets requests.
    Healthy,
    /// It gets none while another target, or the old backend, can answer.
    Unhealthy,
}

/// One server. Shared by the generations that name it, so that its health outlives a reload.
#[derive(Debug)]
pub(crate) struct Target {
    /// `host:port` as the table says it; the label of logs and metrics.
    pub(crate) label: Arc<str>,
    /// The named server.
    pub(crate) server: routes::Target,
    /// How it is to prove that it is the one; `None`: without TLS.
    pub(crate) identity: Option<Identity>,
    /// What the name resolves to; empty while it does not resolve.
    addresses: ArcSwap<Vec<SocketAddr>>,
    /// Which of the addresses is used; counts up when connecting fails (`localhost` is often two).
    preferred: AtomicUsize,
    health: AtomicU8,
    failed_checks: AtomicU32,
    /// As of the last check that it answered.
    pub(crate) build: Build,
}

impl Target {
    pub(crate) fn new(
        server: routes::Target,
        addresses: Vec<SocketAddr>,
        identity: Option<Identity>,
    ) -> Self {
        let label = if server.host.contains(':') {
            format!("[{}]:{}", server.host, server.port)
        } else {
            format!("{}:{}", server.host, server.port)
        };
        Self {
            label: label.into(),
            server,
            identity,
            addresses: ArcSwap::from_pointee(addresses),
            preferred: AtomicUsize::new(0),
            health: AtomicU8::new(0),
            failed_checks: AtomicU32::new(0),
            build: Build::default(),
        }
    }

    /// The address to connect to now; `None` while the name does not resolve.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let addresses = self.addresses.load();
        let index = self.preferred.load(Ordering::Relaxed).checked_rem(addresses.len())?;
        addresses.get(index).copied()
    }

    /// The server as it is connected to now; `None` while its name does not resolve.
    pub(crate) fn current(&self) -> Option<Server> {
        Some(Server { address: self.address()?, identity: self.identity.clone() })
    }

    /// Takes over what the name resolves to now. An empty answer changes nothing: an address that
    /// worked is better than none.
    pub(crate) fn set_addresses(&self, addresses: Vec<SocketAddr>) {
        if !addresses.is_empty() && **self.addresses.load() != addresses {
            self.addresses.store(Arc::new(addresses));
        }
    }

    pub(crate) fn health(&self) -> Health {
        match self.health.load(Ordering::Relaxed) {
            0 => Health::Unknown,
            1 => Health::Healthy,
            _ => Health::Unhealthy,
        }
    }

    /// Whether requests may be sent here without a second thought.
    pub(crate) fn is_usable(&self) -> bool {
        self.health() != Health::Unhealthy
    }

    /// A request could not connect: the target is down until a check says otherwise.
    pub(crate) fn connect_failed(&self) -> bool {
        self.preferred.fetch_add(1, Ordering::Relaxed);
        self.set_health(Health::Unhealthy)
    }

    /// Records a check. `true` when it changed the target's health.
    pub(crate) fn checked(&self, well: bool) -> bool {
        if well {
            self.failed_checks.store(0, Ordering::Relaxed);
            return self.set_health(Health::Healthy);
        }
        self.preferred.fetch_add(1, Ordering::Relaxed);
        let failed = self.failed_checks.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        // A target that was never seen well needs no second proof.
        if failed >= FAILED_CHECKS || self.health() == Health::Unknown {
            return self.set_health(Health::Unhealthy);
        }
        false
    }

    fn set_health(&self, health: Health) -> bool {
        let value = match health {
            Health::Unknown => 0,
            Health::Healthy => 1,
            Health::Unhealthy => 2,
        };
        self.health.swap(value, Ordering::Relaxed) != value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(addresses: &[&str]) -> Target {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let server = routes::Target { host: "localhost".to_owned(), port: 80 };
        Target::new(server, addresses, None)
    }

    #[test]
    fn one_lost_check_is_no_outage_and_two_are() {
        let target = target(&["127.0.0.1:80"]);
        assert!(target.checked(true));
        assert!(!target.checked(false));
        assert!(target.is_usable());
        assert!(target.checked(false));
        assert!(!target.is_usable());
        assert!(target.checked(true));
        assert!(target.is_usable());
    }

    #[test]
    fn a_target_never_seen_well_is_down_after_one_failed_check() {
        let target = target(&["127.0.0.1:80"]);
        assert_eq!(target.health(), Health::Unknown);
        assert!(target.checked(false));
        assert!(!target.is_usable());
    }

    #[test]
    fn a_failed_connect_counts_at_once_and_tries_the_next_address() {
        let target = target(&["[::1]:80", "127.0.0.1:80"]);
        assert_eq!(target.address(), Some("[::1]:80".parse().unwrap()));
        assert!(target.connect_failed());
        assert!(!target.is_usable());
        assert_eq!(target.address(), Some("127.0.0.1:80".parse().unwrap()));
    }

    #[test]
    fn an_empty_answer_of_the_resolver_keeps_the_old_addresses() {
        let known = target(&["127.0.0.1:80"]);
        known.set_addresses(Vec::new());
        assert_eq!(known.address(), Some("127.0.0.1:80".parse().unwrap()));
        assert_eq!(target(&[]).address(), None);
    }
}
