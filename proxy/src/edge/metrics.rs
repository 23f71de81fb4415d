//! What is counted at the edge.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::socket::SlowClients;
use super::tls::ServedCertificate;
use crate::gateway::StreamKind;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// Connections, streams, and the certificate.
#[derive(Debug, Default)]
pub(crate) struct EdgeMetrics {
    /// Connections of clients.
    pub(crate) open: Gauge,
    refused: Family<Reason, Counter>,
    streams: Family<Kind, Gauge>,
    certificate_end: Gauge,
    certificate_rejected: Gauge,
}

impl EdgeMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        for kind in StreamKind::ALL {
            // All of them from the start, so that there is a zero to compare with.
            drop(self.open_streams(kind));
        }
        registry.register("client_connections", "Connections of clients", self.open.clone());
        registry.register(
            "refused_connections",
            "Connections of clients that were closed over a limit or in a handshake, by reason",
            self.refused.clone(),
        );
        registry.register(
            "open_streams",
            "WebSockets and event streams that are open",
            self.streams.clone(),
        );
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "When the certificate in force ends, Unix time; 0 without TLS",
            self.certificate_end.clone(),
        );
        registry.register(
            "certificate_rejected",
            "1 while the certificate's files hold what can't be served",
            self.certificate_rejected.clone(),
        );
    }

    /// Counts a connection that was not taken, or was closed.
    pub(super) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create_owned(&Reason { reason }).inc();
    }

    /// The counters of clients that were too slow.
    pub(super) fn slow(&self) -> SlowClients {
        let counter = |reason| self.refused.get_or_create_owned(&Reason { reason });
        SlowClients { heads: counter("slow_head"), bodies: counter("slow_body") }
    }

    /// How many streams of a kind are open.
    pub(crate) fn open_streams(&self, kind: StreamKind) -> Gauge {
        self.streams.get_or_create_owned(&Kind { kind: kind.as_str() })
    }

    /// Brings what is read and not counted up to date.
    pub(crate) fn refresh(&self, certificate: Option<&Arc<ServedCertificate>>) {
        if let Some(certificate) = certificate {
            self.certificate_end.set(certificate.not_after().timestamp());
            self.certificate_rejected.set(i64::from(certificate.is_rejected()));
        }
    }
}
