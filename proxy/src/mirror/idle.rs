//! Idle connections, kept for a while so that a copy costs no connection of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::backends::Server;

/// How long a connection is kept idle. Below what common servers keep (5 s), so that few are closed under a request.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3);

/// Most idle connections kept to one server.
const MAX: usize = 32;

/// By server, the last used at the end.
type Kept = BTreeMap<(SocketAddr, Option<Arc<str>>), Vec<(Connection, Instant)>>;

/// Idle connections.
#[derive(Debug, Default)]
pub(super) struct Idle(Mutex<Kept>);

impl Idle {
    /// The connection to a server that was used last.
    pub(super) fn take(&self, server: &Server, now: Instant) -> Option<Connection> {
        let (connection, since) = self.kept().get_mut(&server.key())?.pop()?;
        (now.saturating_duration_since(since) < TIMEOUT).then_some(connection)
    }

    pub(super) fn keep(&self, server: &Server, connection: Connection, now: Instant) {
        let mut kept = self.kept();
        let of_server = kept.entry(server.key()).or_default();
        if of_server.len() < MAX {
            of_server.push((connection, now));
        }
    }

    /// Closes what has been idle for too long.
    pub(super) fn close_old(&self, now: Instant) {
        self.kept().retain(|_, of_server| {
            of_server.retain(|(_, since)| now.saturating_duration_since(*since) < TIMEOUT);
            !of_server.is_empty()
        });
    }

    /// Whoever panicked left connections behind that are still connections.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
