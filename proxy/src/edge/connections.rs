//! How many connections there are, in all and for each client: one that opens them without end takes nobody else's place.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::gauge::Gauge;

/// Connections of clients. Asked once for each connection, never for a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    gauge: Gauge,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// Only clients that have a connection stand here, so it is no longer than `all`.
    by_client: HashMap<IpAddr, usize>,
}

/// How many there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) all: usize,
    pub(crate) of_client: usize,
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    All,
    OfClient,
}

impl Full {
    /// The word of the metric.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "too_many",
            Self::OfClient => "too_many_of_client",
        }
    }
}

/// One connection's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Connections,
    /// `None` for a peer that is not counted by itself.
    client: Option<IpAddr>,
}

impl Connections {
    /// Counts into a gauge as well.
    pub(crate) fn new(gauge: Gauge) -> Self {
        Self(Arc::new(Counted { gauge, open: Mutex::default() }))
    }

    /// Takes a place. `client` is none for a peer that speaks for many, such as a trusted proxy: only the limit on all of them
    /// counts for it.
    pub(crate) fn take(&self, client: Option<IpAddr>, most: Most) -> Result<Place, Full> {
        let mut open = self.open();
        if open.all >= most.all {
            return Err(Full::All);
        }
        let client = client.map(of_one_client);
        if let Some(client) = client {
            match open.by_client.entry(client) {
                Entry::Occupied(count) if *count.get() >= most.of_client => {
                    return Err(Full::OfClient);
                }
                Entry::Occupied(mut count) => *count.get_mut() += 1,
                Entry::Vacant(none) => {
                    none.insert(1);
                }
            }
        }
        open.all += 1;
        drop(open);
        self.0.gauge.inc();
        Ok(Place { connections: self.clone(), client })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.all = open.all.saturating_sub(1);
        if let Some(client) = self.client
            && let Entry::Occupied(mut count) = open.by_client.entry(client)
        {
            match count.get().saturating_sub(1) {
                0 => drop(count.remove()),
                left => *count.get_mut() = left,
            }
        }
        drop(open);
        self.connections.0.gauge.dec();
    }
}

/// What counts as one client: an IPv4 address, or the /64 of an IPv6 one, of which any host has as many as it likes.
pub(crate) fn of_one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(network.into())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Most = Most { all: 4, of_client: 2 };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_has_so_many_and_all_of_them_have_so_many() {
        let connections = Connections::default();
        let take = |client: &str| connections.take(Some(ip(client)), MOST);
        let held = [take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap()];
        assert_eq!(take("192.0.2.1").unwrap_err(), Full::OfClient);
        assert_eq!(take("::ffff:192.0.2.1").unwrap_err(), Full::OfClient, "the same client");
        let _others = [take("192.0.2.2").unwrap(), take("192.0.2.3").unwrap()];
        assert_eq!(take("192.0.2.4").unwrap_err(), Full::All);
        drop(held);
        assert!(take("192.0.2.1").is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let connections = Connections::default();
        let _held = ["2001:db8::1", "2001:db8::2"]
            .map(|one| connections.take(Some(ip(one)), MOST).unwrap());
        assert_eq!(connections.take(Some(ip("2001:db8::3")), MOST).unwrap_err(), Full::OfClient);
        assert!(connections.take(Some(ip("2001:db8:0:1::1")), MOST).is_ok());
    }

    #[test]
    fn who_speaks_for_many_is_counted_with_all_only_and_nothing_is_left_behind() {
        let connections = Connections::default();
        let held: Vec<_> = (0..4).map(|_| connections.take(None, MOST).unwrap()).collect();
        assert_eq!(connections.take(None, MOST).unwrap_err(), Full::All);
        drop(held);
        drop(connections.take(Some(ip("192.0.2.1")), MOST).unwrap());
        let open = connections.open();
        assert_eq!((open.all, open.by_client.len()), (0, 0));
    }
}
